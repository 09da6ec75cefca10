//! What a LimitRange gives to containers that say nothing.

use std::collections::BTreeMap;

use apimachinery::Object;
use serde_json::{Map, Value};

use crate::request::items;

/// Says what was filled in.
const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// The lists of a pod and how the annotation calls their containers.
const LISTS: [(&str, &str); 2] = [
    ("containers", "container"),
    ("initContainers", "init container"),
];

/// Fills in the range's defaults and says so in the annotation.
pub(super) fn fill(range: &Object, pod: &mut Object) {
    let requests = of_containers(range, "defaultRequest");
    let limits = of_containers(range, "default");
    let mut said = Vec::new();
    for (list, called) in LISTS {
        let containers = pod.map_mut("spec").get_mut(list);
        let containers = containers.and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let Some(container) = container.as_object_mut() else {
                continue;
            };
            let name = container.get("name").and_then(Value::as_str);
            let name = name.unwrap_or_default().to_owned();
            for (field, word, defaults) in [
                ("requests", "request", &requests),
                ("limits", "limit", &limits),
            ] {
                let set = merge(container, field, defaults);
                if !set.is_empty() {
                    said.push(format!("{} {word} for {called} {name}", set.join(", ")));
                }
            }
        }
    }
    if !said.is_empty() {
        let text = format!("LimitRanger plugin set: {}", said.join("; "));
        let annotations = pod.metadata_mut().entry("annotations");
        let annotations = annotations.or_insert(Value::Null);
        if !annotations.is_object() {
            *annotations = Value::Object(Map::new());
        }
        annotations[ANNOTATION] = text.into();
    }
}

/// One list of defaults of a range's items of type Container; a later item wins.
fn of_containers(range: &Object, field: &str) -> BTreeMap<String, Value> {
    let of_type = items(range, "/spec/limits").filter(|item| item["type"] == "Container");
    let lists = of_type.filter_map(|item| item.get(field)?.as_object());
    let entries = lists.flatten();
    entries.map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// Adds what is missing to `resources.<field>`; gives the names of what was added.
fn merge<'a>(
    container: &mut Map<String, Value>,
    field: &str,
    defaults: &'a BTreeMap<String, Value>,
) -> Vec<&'a str> {
    let found = container.get("resources").and_then(|r| r.get(field));
    let missing: Vec<&str> = defaults
        .keys()
        .filter(|name| found.and_then(|found| found.get(*name)).is_none())
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        let resources = container.entry("resources").or_insert(Value::Null);
        for name in &missing {
            // Indexing makes objects of what is absent or null.
            resources[field][*name] = defaults[*name].clone();
        }
    }
    missing
}
