//! ConfigMap.

use apimachinery::{FieldError, FieldErrors, Object, Path};

use super::data;
use crate::at::At;
use crate::cells::{AGE, NAME, integer};
use crate::column::Column;
use crate::json;
use crate::row::{COMMON, Resource};
use crate::strategy::{Cx, Strategy};

pub static CONFIG_MAP: Resource = Resource {
    kind: "ConfigMap",
    plural: "configmaps",
    singular: "configmap",
    short_names: &["cm"],
    prefix: "configmaps",
    columns: COLUMNS,
    strategy: &ConfigMap,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    integer("Data", "How many keys it holds.", |cell| {
        let count = |field| json::map(cell.object, field).map_or(0, json::Json::len);
        (count("data") + count("binaryData")).into()
    }),
    AGE,
];

struct ConfigMap;

impl Strategy for ConfigMap {
    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let (texts, bytes) = (At::root(object, "data"), At::root(object, "binaryData"));
        data::validate_keys(&texts, &mut errors);
        for (key, value) in texts.entries() {
            if bytes.value.get(key).is_some() {
                let detail = "duplicate of key present in binaryData";
                errors.push(FieldError::invalid(&value.path, key, detail));
            }
        }
        data::validate_keys(&bytes, &mut errors);
        let size = texts
            .entries()
            .map(|(_, value)| value.text().len())
            .sum::<usize>()
            + bytes
                .entries()
                .map(|(_, value)| data::decoded_size(&value))
                .sum::<usize>();
        if size > data::MAX_SIZE {
            errors.push(FieldError::too_long(&Path::new(""), data::MAX_SIZE));
        }
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        data::validate_frozen(new, old, &["data", "binaryData"], &mut errors);
        errors.extend(self.validate(cx, new));
        errors
    }
}
