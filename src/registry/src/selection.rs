//! What a client selects of a kind, by labels and fields.

use std::borrow::Cow;

use apimachinery::{Encoded, FieldSelector, LabelSelector, StatusError};
use resources::Resource;
use serde_json::Value;

use crate::peek::peek;

/// Label and field selectors, bound to the fields that a row lets clients select by.
pub struct Selection {
    row_fields: &'static [resources::FieldSelectable],
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selection {
    pub fn new(row: &Resource, labels: &LabelSelector, fields: &FieldSelector) -> Self {
        Self {
            row_fields: row.field_selectors,
            labels: labels.clone(),
            fields: fields.clone(),
        }
    }

    pub fn is_everything(&self) -> bool {
        self.labels.is_everything() && self.fields.is_everything()
    }

    /// Whether an object is selected; decodes no more of it than the selectors ask about.
    pub fn matches(&self, item: &Encoded) -> Result<bool, StatusError> {
        if self.is_everything() {
            return Ok(true);
        }
        let head = item.head().map_err(StatusError::internal)?.metadata;
        let label = |key: &str| head.labels.as_ref()?.get(key).map(String::as_str);
        if !self.labels.matches(label) {
            return Ok(false);
        }
        for (field, equal, wanted) in &self.fields.terms {
            let found = match field.as_str() {
                "metadata.name" => head.name.clone(),
                "metadata.namespace" => head.namespace.clone(),
                field => self.read(item, field).map_err(StatusError::internal)?,
            };
            if (found == wanted.as_str()) != *equal {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn read(&self, item: &Encoded, field: &str) -> serde_json::Result<Cow<'static, str>> {
        let Some(known) = self.row_fields.iter().find(|f| f.name == field) else {
            return Ok(Cow::default());
        };
        let pointers = [known.pointer, known.or].into_iter();
        for pointer in pointers.filter(|pointer| !pointer.is_empty()) {
            let found = text(peek(item.json(), pointer)?);
            if !found.is_empty() {
                return Ok(found.into());
            }
        }
        Ok(known.absent.into())
    }
}

/// Empty when absent.
fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::String(text)) => text,
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}
