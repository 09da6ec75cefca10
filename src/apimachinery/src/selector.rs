//! Label and field selectors: parsing, printing, matching.

use std::fmt;

use serde_json::Value;

/// The text that is not a selector, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    GreaterThan,
    LessThan,
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    pub key: String,
    pub operator: Operator,
    /// Sorted; one number for the comparisons, none for existence.
    pub values: Vec<String>,
}

/// Conditions that must all hold; none match everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    pub requirements: Vec<Requirement>,
    /// Set for a selector that matches nothing (a `nil` LabelSelector).
    nothing: bool,
}

impl Requirement {
    /// Whether a label value (or its absence) satisfies this.
    #[must_use]
    pub fn matches(&self, value: Option<&str>) -> bool {
        let listed = |value: &str| self.values.iter().any(|v| v == value);
        match self.operator {
            Operator::In => value.is_some_and(listed),
            Operator::NotIn => !value.is_some_and(listed),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::GreaterThan => self.compare(value).is_some_and(|o| o.is_gt()),
            Operator::LessThan => self.compare(value).is_some_and(|o| o.is_lt()),
        }
    }

    fn compare(&self, value: Option<&str>) -> Option<std::cmp::Ordering> {
        let left: i64 = value?.parse().ok()?;
        let right: i64 = self.values.first()?.parse().ok()?;
        Some(left.cmp(&right))
    }
}

impl LabelSelector {
    /// Matches every object.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// Matches no object.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            requirements: Vec::new(),
            nothing: true,
        }
    }

    #[must_use]
    pub fn is_everything(&self) -> bool {
        !self.nothing && self.requirements.is_empty()
    }

    /// Parses `a=b,c!=d,e in (x,y),f notin (z),g,!h,i>5`.
    ///
    /// # Errors
    /// With upstream's text, naming what was found and what was expected.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut parser = Parser { rest: text };
        let mut requirements = Vec::new();
        loop {
            parser.skip_blanks();
            if parser.rest.is_empty() {
                break;
            }
            requirements.push(parser.requirement()?);
            parser.skip_blanks();
            if !parser.rest.is_empty() && !parser.take(",") {
                let found = match parser.word() {
                    "" => symbol(parser.rest),
                    word => word,
                };
                // Only what is wrong within a requirement is said to be one's.
                return Err(SelectorError(format!(
                    "found '{found}', expected: ',' or 'end of string'"
                )));
            }
        }
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Self {
            requirements,
            nothing: false,
        })
    }

    /// From a `metav1.LabelSelector`: null matches nothing, `{}` everything.
    ///
    /// # Errors
    /// When an expression's operator is unknown.
    pub fn from_value(value: Option<&Value>) -> Result<Self, SelectorError> {
        let Some(Value::Object(selector)) = value else {
            return Ok(Self::nothing());
        };
        let mut parsed = Self::from_map(selector.get("matchLabels"));
        let expressions = selector.get("matchExpressions").and_then(Value::as_array);
        for expression in expressions.into_iter().flatten() {
            parsed.requirements.push(requirement_from(expression)?);
        }
        parsed.requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(parsed)
    }

    /// From a plain map of labels, as a Service's selector.
    #[must_use]
    pub fn from_map(labels: Option<&Value>) -> Self {
        let labels = labels.and_then(Value::as_object);
        let requirements = labels
            .into_iter()
            .flatten()
            .map(|(key, value)| Requirement {
                key: key.clone(),
                operator: Operator::In,
                values: vec![value.as_str().unwrap_or_default().to_owned()],
            });
        Self {
            requirements: requirements.collect(),
            nothing: false,
        }
    }

    /// Matches labels read by `label`.
    pub fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        !self.nothing && self.requirements.iter().all(|r| r.matches(label(&r.key)))
    }
}

fn requirement_from(expression: &Value) -> Result<Requirement, SelectorError> {
    let text = |field: &str| {
        expression
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let operator = match text("operator") {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        other => {
            return Err(SelectorError(format!(
                "{other:?} is not a valid label selector operator"
            )));
        }
    };
    let values = expression.get("values").and_then(Value::as_array);
    let mut values: Vec<String> = values
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(Into::into)
        .collect();
    values.sort();
    Ok(Requirement {
        key: text("key").to_owned(),
        operator,
        values,
    })
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip_blanks();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> &'a str {
        self.skip_blanks();
        let is_special = |c: char| " \t\r\n,()=!<>".contains(c);
        let end = self.rest.find(is_special).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let negated = self.take("!");
        let key = self.word().to_owned();
        if key.is_empty() {
            return Err(unexpected(self.rest, "identifier"));
        }
        if negated {
            return Ok(Requirement {
                key,
                operator: Operator::DoesNotExist,
                values: Vec::new(),
            });
        }
        let operators = [
            ("!=", Operator::NotIn),
            ("==", Operator::In),
            ("=", Operator::In),
            (">", Operator::GreaterThan),
            ("<", Operator::LessThan),
        ];
        for (token, operator) in operators {
            if self.take(token) {
                let value = self.word().to_owned();
                return Ok(Requirement {
                    key,
                    operator,
                    values: vec![value],
                });
            }
        }
        self.skip_blanks();
        if self.rest.is_empty() || self.rest.starts_with(',') {
            return Ok(Requirement {
                key,
                operator: Operator::Exists,
                values: Vec::new(),
            });
        }
        let operator = match self.word() {
            "in" => Operator::In,
            "notin" => Operator::NotIn,
            other => {
                return Err(unexpected(other, "in, notin, =, ==, !=, gt, lt"));
            }
        };
        Ok(Requirement {
            key,
            operator,
            values: self.set()?,
        })
    }

    fn set(&mut self) -> Result<Vec<String>, SelectorError> {
        if !self.take("(") {
            return Err(unexpected(self.rest, "'('"));
        }
        let mut values = Vec::new();
        loop {
            values.push(self.word().to_owned());
            if self.take(")") {
                values.sort();
                values.dedup();
                return Ok(values);
            }
            if !self.take(",") {
                return Err(unexpected(self.rest, "',', or ')'"));
            }
        }
    }
}

/// The operator or punctuation that a text begins with.
fn symbol(text: &str) -> &str {
    let long = ["==", "!="].iter().any(|symbol| text.starts_with(symbol));
    let end = text.char_indices().nth(if long { 2 } else { 1 });
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

fn unexpected(found: &str, expected: &str) -> SelectorError {
    SelectorError(format!(
        "unable to parse requirement: found '{found}', expected: {expected}"
    ))
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, values) = (&self.key, self.values.join(","));
        match self.operator {
            Operator::In if self.values.len() == 1 => write!(f, "{key}={values}"),
            Operator::In => write!(f, "{key} in ({values})"),
            Operator::NotIn if self.values.len() == 1 => write!(f, "{key}!={values}"),
            Operator::NotIn => write!(f, "{key} notin ({values})"),
            Operator::Exists => f.write_str(key),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::GreaterThan => write!(f, "{key}>{values}"),
            Operator::LessThan => write!(f, "{key}<{values}"),
        }
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            requirement.fmt(f)?;
        }
        Ok(())
    }
}

/// Conditions on fields, all of which must hold: `metadata.name=a,status.phase!=Running`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    /// Field, whether it must be equal, value.
    pub terms: Vec<(String, bool, String)>,
}

impl FieldSelector {
    /// Parses `a=b,c==d,e!=f`; `\` escapes `,`, `=` and itself in values.
    ///
    /// # Errors
    /// With upstream's text.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut terms = Vec::new();
        for term in split_unescaped(text) {
            if !term.is_empty() {
                terms.push(parse_term(term, text)?);
            }
        }
        Ok(Self { terms })
    }

    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.terms.is_empty()
    }

    /// The value a field must have, when one term says so.
    #[must_use]
    pub fn exact(&self, field: &str) -> Option<&str> {
        self.terms
            .iter()
            .find(|(f, equal, _)| *equal && f == field)
            .map(|(_, _, v)| v.as_str())
    }

    /// Matches fields read by `field`; an absent field reads as empty.
    pub fn matches<'a>(&self, field: impl Fn(&str) -> std::borrow::Cow<'a, str>) -> bool {
        self.terms
            .iter()
            .all(|(name, equal, value)| (field(name) == value.as_str()) == *equal)
    }
}

fn split_unescaped(text: &str) -> Vec<&str> {
    let (mut terms, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                terms.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

fn parse_term(term: &str, whole: &str) -> Result<(String, bool, String), SelectorError> {
    let invalid = || {
        SelectorError(format!(
            "invalid selector: '{whole}'; can't understand '{term}'"
        ))
    };
    let at = term.find(['=', '!']).ok_or_else(invalid)?;
    let (field, rest) = term.split_at(at);
    let (equal, value) = if let Some(value) = rest.strip_prefix("!=") {
        (false, value)
    } else if let Some(value) = rest.strip_prefix("==").or_else(|| rest.strip_prefix('=')) {
        (true, value)
    } else {
        return Err(invalid());
    };
    Ok((
        field.to_owned(),
        equal,
        unescape(value).ok_or_else(invalid)?,
    ))
}

fn unescape(value: &str) -> Option<String> {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                c @ ('\\' | ',' | '=') => out.push(c),
                _ => return None,
            },
            ',' | '=' => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests;
