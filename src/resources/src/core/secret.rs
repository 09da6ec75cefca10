//! Secret.

mod rules;

use apimachinery::{FieldErrors, Object};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::cells::{AGE, NAME, integer, text};
use crate::column::Column;
use crate::json::{self, Fill, fill};
use crate::row::{COMMON, FieldSelectable, Resource};
use crate::strategy::{Cx, Strategy};

pub static SECRET: Resource = Resource {
    kind: "Secret",
    plural: "secrets",
    singular: "secret",
    prefix: "secrets",
    columns: COLUMNS,
    field_selectors: &[FieldSelectable::text("type", "/type")],
    strategy: &Secret,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Type", "What the data is for.", |cell| {
        json::text(cell.object, "type").into()
    }),
    integer("Data", "How many keys it holds.", |cell| {
        json::map(cell.object, "data")
            .map_or(0, json::Json::len)
            .into()
    }),
    AGE,
];

struct Secret;

impl Strategy for Secret {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        fill(object, &[("type", Fill::Text("Opaque"))]);
        encode_texts(object);
    }

    /// A PUT that leaves the type out means the one there is.
    fn prepare_for_update(&self, _cx: &Cx<'_>, new: &mut Object, old: &Object) {
        if json::text(new, "type").is_empty() {
            let kind = json::text(old, "type").to_owned();
            new.insert("type".into(), kind.into());
        }
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        rules::validate_secret(object)
    }

    fn validate_update(&self, _cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        rules::validate_change(new, old)
    }
}

/// `stringData` is for writing only: its texts become data and win over it.
fn encode_texts(secret: &mut Object) {
    let Some(texts) = secret.remove("stringData") else {
        return;
    };
    let Some(texts) = texts.as_object() else {
        return;
    };
    let content = secret.map_mut("data");
    for (key, text) in texts {
        let encoded = BASE64_STANDARD.encode(text.as_str().unwrap_or_default());
        content.insert(key.clone(), encoded.into());
    }
}
