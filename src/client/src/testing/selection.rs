//! Label and field selectors over JSON.

use std::borrow::Cow;

use apimachinery::{FieldSelector, LabelSelector, Object, StatusError};
use serde_json::Value;

/// Selects by labels and by any field.
pub(super) struct Selection {
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selection {
    pub(super) fn parse(labels: &str, fields: &str) -> Result<Self, StatusError> {
        let bad = |error: apimachinery::SelectorError| StatusError::bad_request(error.to_string());
        Ok(Self {
            labels: LabelSelector::parse(labels).map_err(bad)?,
            fields: FieldSelector::parse(fields).map_err(bad)?,
        })
    }

    pub(super) fn matches(&self, object: &Object) -> bool {
        self.labels.matches(|key| object.label(key)) && self.fields.matches(|f| field(object, f))
    }
}

/// A field by its dotted path; an absent one reads as empty.
fn field<'a>(object: &'a Object, path: &str) -> Cow<'a, str> {
    match object.at(&format!("/{}", path.replace('.', "/"))) {
        None | Some(Value::Null) => Cow::Borrowed(""),
        Some(Value::String(text)) => Cow::Borrowed(text),
        Some(other) => Cow::Owned(other.to_string()),
    }
}
