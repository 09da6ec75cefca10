//! What a client selects of a kind, by labels and fields.

use std::borrow::Cow;

use apimachinery::{Encoded, FieldSelector, LabelSelector, Object, StatusError};
use resources::Resource;
use serde_json::Value;

/// Label and field selectors, bound to the fields that a row lets clients select by.
pub struct Selection {
    row_fields: &'static [resources::FieldSelectable],
    labels: LabelSelector,
    fields: FieldSelector,
}

/// Empty when absent.
fn text(value: Option<&Value>) -> Cow<'_, str> {
    match value {
        Some(Value::String(text)) => text.as_str().into(),
        Some(Value::Null) | None => "".into(),
        Some(other) => other.to_string().into(),
    }
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
        if !self.labels.is_everything() {
            let head = item.head().map_err(StatusError::internal)?;
            let labels = head.metadata.labels.as_ref();
            if !self
                .labels
                .matches(|key| labels.and_then(|l| l.get(key)).map(String::as_str))
            {
                return Ok(false);
            }
        }
        if self.fields.is_everything() {
            return Ok(true);
        }
        let object = item.to_object().map_err(StatusError::internal)?;
        Ok(self.fields.matches(|field| self.read(&object, field)))
    }

    fn read<'a>(&self, object: &'a Object, field: &str) -> Cow<'a, str> {
        match field {
            "metadata.name" => object.name().into(),
            "metadata.namespace" => object.namespace().into(),
            _ => {
                let Some(known) = self.row_fields.iter().find(|f| f.name == field) else {
                    return "".into();
                };
                let texts = [known.pointer, known.or].map(|pointer| text(object.at(pointer)));
                let found = texts.into_iter().find(|text| !text.is_empty());
                found.unwrap_or(known.absent.into())
            }
        }
    }
}
