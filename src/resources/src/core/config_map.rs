//! ConfigMap.

use crate::cells::{AGE, NAME, integer};
use crate::column::Column;
use crate::json;
use crate::row::{COMMON, Resource};
use crate::strategy::Strategy;

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

impl Strategy for ConfigMap {}
