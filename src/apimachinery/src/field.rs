//! Field errors and their paths, with upstream's texts (`field.Error`).

use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;

use serde_json::Value;

use crate::status::{Cause, Reason};

/// `spec.containers[0].name`, `metadata.labels[app]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(String);

impl Path {
    #[must_use]
    pub fn new(root: &str) -> Self {
        Self(root.to_owned())
    }

    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        let dot = if self.0.is_empty() { "" } else { "." };
        self.with([dot, name, ""])
    }

    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.key(&index.to_string())
    }

    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.with(["[", key, "]"])
    }

    /// Validation makes a path for each field that it looks at: formatting takes thrice as long.
    fn with(&self, parts: [&str; 3]) -> Self {
        let more: usize = parts.iter().map(|part| part.len()).sum();
        let mut path = String::with_capacity(self.0.len() + more);
        path.push_str(&self.0);
        parts.iter().for_each(|part| path.push_str(part));
        Self(path)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "<nil>" } else { &self.0 })
    }
}

/// The machine-readable kind of a field error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    NotFound,
    Required,
    Duplicate,
    Invalid,
    NotSupported,
    Forbidden,
    TooLong,
    TooMany,
    Internal,
    TypeInvalid,
}

impl ErrorType {
    fn text(self) -> &'static str {
        match self {
            Self::NotFound => "Not found",
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::Internal => "Internal error",
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::NotFound => "FieldValueNotFound",
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::Internal => "InternalError",
        }
    }

    /// Required, Forbidden, TooLong and Internal errors do not repeat the value.
    fn shows_value(self) -> bool {
        !matches!(
            self,
            Self::Required | Self::Forbidden | Self::TooLong | Self::Internal
        )
    }
}

/// One thing wrong with one field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    pub kind: ErrorType,
    pub path: Path,
    /// What was there; `None` where the text leaves it out (upstream's `OmitValueType`).
    pub value: Option<Value>,
    pub detail: String,
}

impl FieldError {
    fn new(kind: ErrorType, path: &Path, value: Value, detail: impl Into<String>) -> Self {
        Self {
            kind,
            path: path.clone(),
            value: Some(value),
            detail: detail.into(),
        }
    }

    #[must_use]
    pub fn required(path: &Path, detail: impl Into<String>) -> Self {
        Self::new(ErrorType::Required, path, Value::Null, detail)
    }

    pub fn invalid(path: &Path, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::new(ErrorType::Invalid, path, value.into(), detail)
    }

    /// [`FieldError::invalid`], of something too large to show.
    #[must_use]
    pub fn invalid_unshown(path: &Path, detail: impl Into<String>) -> Self {
        Self {
            value: None,
            ..Self::new(ErrorType::Invalid, path, Value::Null, detail)
        }
    }

    pub fn type_invalid(path: &Path, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::new(ErrorType::TypeInvalid, path, value.into(), detail)
    }

    #[must_use]
    pub fn forbidden(path: &Path, detail: impl Into<String>) -> Self {
        Self::new(ErrorType::Forbidden, path, Value::Null, detail)
    }

    /// The rule itself could not be checked.
    #[must_use]
    pub fn internal(path: &Path, detail: impl Into<String>) -> Self {
        Self::new(ErrorType::Internal, path, Value::Null, detail)
    }

    pub fn duplicate(path: &Path, value: impl Into<Value>) -> Self {
        Self::new(ErrorType::Duplicate, path, value.into(), "")
    }

    pub fn not_found(path: &Path, value: impl Into<Value>) -> Self {
        Self::new(ErrorType::NotFound, path, value.into(), "")
    }

    /// `supported values: "A", "B"`, sorted by the caller's order.
    pub fn not_supported(path: &Path, value: impl Into<Value>, supported: &[&str]) -> Self {
        let quoted: Vec<String> = supported.iter().map(|s| format!("{s:?}")).collect();
        let detail = format!("supported values: {}", quoted.join(", "));
        Self::new(ErrorType::NotSupported, path, value.into(), detail)
    }

    /// More than `max` bytes.
    #[must_use]
    pub fn too_long(path: &Path, max: usize) -> Self {
        let unit = if max == 1 { "byte" } else { "bytes" };
        let detail = format!("may not be more than {max} {unit}");
        Self::new(ErrorType::TooLong, path, Value::Null, detail)
    }

    /// More than `max` items.
    #[must_use]
    pub fn too_many(path: &Path, actual: usize, max: usize) -> Self {
        let unit = if max == 1 { "item" } else { "items" };
        let detail = format!("must have at most {max} {unit}");
        Self::new(ErrorType::TooMany, path, actual.into(), detail)
    }

    /// Without the path, as a Status cause carries it.
    #[must_use]
    pub fn body(&self) -> String {
        let mut body = self.kind.text().to_owned();
        if let Some(value) = &self.value
            && self.kind.shows_value()
        {
            body.push_str(": ");
            body.push_str(&show(value));
        }
        if !self.detail.is_empty() {
            body.push_str(": ");
            body.push_str(&self.detail);
        }
        body
    }
}

/// A bad value as Go prints it: texts quoted, the rest as JSON.
fn show(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        other => other.to_string(),
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.body())
    }
}

impl From<&FieldError> for Cause {
    fn from(error: &FieldError) -> Self {
        Self {
            reason: Reason(error.kind.reason().into()),
            message: error.body(),
            field: error.path.to_string(),
        }
    }
}

/// What is wrong with an object; the first thousand errors of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldErrors(pub Vec<FieldError>);

/// More are not told: a body of 3 MiB can have hundreds of thousands, each a hundred times as long as
/// what is wrong, and one is enough to refuse it.
const MOST: usize = 1000;

impl FieldErrors {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, error: FieldError) {
        if self.0.len() < MOST {
            self.0.push(error);
        }
    }

    pub fn extend(&mut self, other: FieldErrors) {
        let room = MOST.saturating_sub(self.0.len());
        self.0.extend(other.0.into_iter().take(room));
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether what else is wrong is not told: it need not be looked for.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.len() >= MOST
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.0.iter().map(ToString::to_string);
        f.write_str(aggregate(texts).as_deref().unwrap_or("[]"))
    }
}

/// Several errors as one text, as upstream's `NewAggregate` prints them: one stands alone, several
/// are bracketed, and what is said twice is said once. `None` of none.
#[must_use]
pub fn aggregate(errors: impl IntoIterator<Item = String>) -> Option<String> {
    // A body of 3 MiB is good for hundreds of thousands.
    let mut seen: HashSet<Rc<str>> = HashSet::new();
    let mut texts: Vec<Rc<str>> = Vec::new();
    for text in errors {
        let text = Rc::from(text);
        if seen.insert(Rc::clone(&text)) {
            texts.push(text);
        }
    }
    match texts.len() {
        0 | 1 => texts.pop().map(|text| text.to_string()),
        _ => Some(format!("[{}]", texts.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_upstreams() {
        let path = Path::new("spec").child("containers").index(0).child("name");
        let rows = [
            (
                FieldError::required(&path, ""),
                "spec.containers[0].name: Required value",
            ),
            (
                FieldError::invalid(&path, "A_b", "must be lower case"),
                "spec.containers[0].name: Invalid value: \"A_b\": must be lower case",
            ),
            (
                FieldError::not_supported(&path, "Maybe", &["Always", "Never"]),
                "spec.containers[0].name: Unsupported value: \"Maybe\": supported values: \"Always\", \"Never\"",
            ),
            (
                FieldError::duplicate(&path, json!(80)),
                "spec.containers[0].name: Duplicate value: 80",
            ),
            (
                FieldError::forbidden(&path, "no"),
                "spec.containers[0].name: Forbidden: no",
            ),
        ];
        for (error, text) in rows {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn several_errors_are_bracketed() {
        let path = Path::new("metadata").key("a/b");
        let error = FieldError::required(&path, "");
        let mut errors = FieldErrors(vec![error.clone(), error]);
        assert_eq!(errors.to_string(), "metadata[a/b]: Required value");
        errors.push(FieldError::forbidden(&path, ""));
        assert_eq!(
            errors.to_string(),
            "[metadata[a/b]: Required value, metadata[a/b]: Forbidden]"
        );
    }

    #[test]
    fn several_errors_are_one_text() {
        let rows: [(&[&str], Option<&str>); 4] = [
            (&[], None),
            (&["a"], Some("a")),
            (&["a", "a"], Some("a")),
            (&["a", "b", "a"], Some("[a, b]")),
        ];
        for (errors, expected) in rows {
            let errors = errors.iter().map(|error| (*error).to_owned());
            assert_eq!(aggregate(errors).as_deref(), expected);
        }
        assert_eq!(FieldErrors::new().to_string(), "[]");
    }

    #[test]
    fn no_more_than_a_thousand_are_told() {
        let path = Path::new("spec").child("tolerations");
        let mut errors = FieldErrors::new();
        for index in 0..MOST + 7 {
            assert_eq!(errors.is_full(), index >= MOST);
            errors.push(FieldError::required(&path.index(index), ""));
        }
        assert_eq!(errors.0.len(), MOST);
        let mut some = FieldErrors(errors.0[..7].to_vec());
        some.extend(errors.clone());
        assert_eq!(some.0.len(), MOST);
        assert_eq!(some.0[7], errors.0[0]);
    }

    /// Each compared with each before it would take minutes.
    #[test]
    fn as_many_errors_as_a_body_can_have_are_one_text_soon() {
        let path = Path::new("spec").child("tolerations");
        let each = |index| FieldError::required(&path.index(index), "").to_string();
        let text = aggregate((0..400_000).map(each)).expect("errors");
        assert_eq!(text.matches(": Required value").count(), 400_000);
    }
}
