//! A cursor over JSON that knows its path: validation reads and reports through it.

use apimachinery::{FieldError, FieldErrors, Path};
use serde_json::Value;

use crate::json;
use crate::meta::{Checked, NAME_SIZE};

/// A place in an object. A null and an absent field both read as null.
#[derive(Clone, Debug)]
pub(crate) struct At<'a> {
    pub(crate) path: Path,
    pub(crate) value: &'a Value,
}

/// How often errors that show a whole list are told of it: each holds the list.
pub(crate) const SHOWN_LISTS: usize = 10;

/// How many of the names that an object's name is part of are looked at: all, unless it is too long
/// itself, which each of them would repeat.
pub(crate) fn most_with_name(name: &str) -> usize {
    match name.len() > NAME_SIZE {
        true => SHOWN_LISTS,
        false => usize::MAX,
    }
}

/// A rule about one place.
pub(crate) type Rule = fn(&At<'_>, &mut FieldErrors);

/// Rules about fields of one object, in order of their errors.
pub(crate) type Rules = &'static [(&'static str, Rule)];

static NULL: Value = Value::Null;

impl<'a> At<'a> {
    /// A top-level field.
    pub(crate) fn root(object: &'a json::Json, field: &str) -> Self {
        Self {
            path: Path::new(field),
            value: object.get(field).unwrap_or(&NULL),
        }
    }

    pub(crate) fn child(&self, field: &str) -> Self {
        Self {
            path: self.path.child(field),
            value: self.value.get(field).unwrap_or(&NULL),
        }
    }

    /// The items of a list; none when it is absent.
    pub(crate) fn items(&self) -> impl DoubleEndedIterator<Item = At<'a>> + use<'a> {
        let path = self.path.clone();
        let items = self.value.as_array().map_or(&[][..], Vec::as_slice);
        items.iter().enumerate().map(move |(index, value)| At {
            path: path.index(index),
            value,
        })
    }

    /// The entries of a map, each at `path[key]`.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, At<'a>)> + use<'a> {
        let path = self.path.clone();
        self.value
            .as_object()
            .into_iter()
            .flatten()
            .map(move |(key, value)| {
                let path = path.key(key);
                (key.as_str(), At { path, value })
            })
    }

    /// Empty when absent.
    pub(crate) fn text(&self) -> &'a str {
        self.value.as_str().unwrap_or("")
    }

    pub(crate) fn int(&self) -> Option<i64> {
        self.value.as_i64()
    }

    /// False when absent.
    pub(crate) fn flag(&self) -> bool {
        self.value.as_bool().unwrap_or(false)
    }

    /// Not null; `{}` is present.
    pub(crate) fn is_present(&self) -> bool {
        !self.value.is_null()
    }

    /// Absent or Go's zero value.
    pub(crate) fn is_zero(&self) -> bool {
        json::is_zero(Some(self.value))
    }

    /// Applies rules to fields of this object.
    pub(crate) fn apply(&self, rules: Rules, errors: &mut FieldErrors) {
        for (field, rule) in rules {
            rule(&self.child(field), errors);
        }
    }

    /// Applies a rule to each item of a list, for as long as errors are told: a body of 3 MiB can
    /// hold a million items that are wrong.
    pub(crate) fn each(
        &self,
        errors: &mut FieldErrors,
        mut rule: impl FnMut(At<'a>, &mut FieldErrors),
    ) {
        for item in self.items() {
            if errors.is_full() {
                return;
            }
            rule(item, errors);
        }
    }

    /// One error for each text that a format check answers for a text.
    pub(crate) fn check(&self, format: fn(&str) -> Checked, errors: &mut FieldErrors) {
        check_text(&self.path, self.text(), format, errors);
    }

    /// As [`At::check`], unless the text is empty.
    pub(crate) fn check_optional(&self, format: fn(&str) -> Checked, errors: &mut FieldErrors) {
        if !self.text().is_empty() {
            self.check(format, errors);
        }
    }

    /// As [`At::check`]; an empty text is missing.
    pub(crate) fn check_required(&self, format: fn(&str) -> Checked, errors: &mut FieldErrors) {
        if self.text().is_empty() {
            errors.push(self.required(""));
        } else {
            self.check(format, errors);
        }
    }

    /// A text that must be one of a few.
    pub(crate) fn one_of(&self, supported: &[&str], errors: &mut FieldErrors) {
        if !supported.contains(&self.text()) {
            errors.push(self.not_supported(supported));
        }
    }

    /// As [`At::one_of`]; an empty text is fine.
    pub(crate) fn one_of_or_none(&self, supported: &[&str], errors: &mut FieldErrors) {
        if !self.text().is_empty() {
            self.one_of(supported, errors);
        }
    }

    pub(crate) fn required(&self, detail: &str) -> FieldError {
        FieldError::required(&self.path, detail)
    }

    pub(crate) fn forbidden(&self, detail: &str) -> FieldError {
        FieldError::forbidden(&self.path, detail)
    }

    pub(crate) fn invalid(&self, detail: impl Into<String>) -> FieldError {
        FieldError::invalid(&self.path, self.value.clone(), detail)
    }

    pub(crate) fn duplicate(&self) -> FieldError {
        FieldError::duplicate(&self.path, self.value.clone())
    }

    pub(crate) fn not_found(&self) -> FieldError {
        FieldError::not_found(&self.path, self.value.clone())
    }

    pub(crate) fn not_supported(&self, supported: &[&str]) -> FieldError {
        FieldError::not_supported(&self.path, self.text(), supported)
    }
}

/// One error for each text that a format check answers.
pub(crate) fn check_text(
    path: &Path,
    text: &str,
    format: fn(&str) -> Checked,
    errors: &mut FieldErrors,
) {
    if let Err(details) = format(text) {
        for detail in details.lines() {
            errors.push(FieldError::invalid(path, text, detail));
        }
    }
}

/// An empty text is missing.
pub(crate) fn required(at: &At<'_>, errors: &mut FieldErrors) {
    if at.is_zero() {
        errors.push(at.required(""));
    }
}

/// A number that is not negative; absent is 0.
pub(crate) fn not_negative(at: &At<'_>, errors: &mut FieldErrors) {
    if at.int().is_some_and(|number| number < 0) {
        errors.push(at.invalid("must be greater than or equal to 0"));
    }
}

/// A number above 0, when there is one.
pub(crate) fn positive(at: &At<'_>, errors: &mut FieldErrors) {
    if at.int().is_some_and(|number| number <= 0) {
        errors.push(at.invalid("must be greater than zero"));
    }
}

/// A field that may not change.
pub(crate) fn immutable(new: &At<'_>, old: &At<'_>, errors: &mut FieldErrors) {
    if !json::same(Some(new.value), Some(old.value)) {
        errors.push(new.invalid("field is immutable"));
    }
}
