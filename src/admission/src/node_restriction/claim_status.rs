//! Of a claim's status, a kubelet writes how far it has grown the volume, and nothing else.

use apimachinery::Object;
use apimachinery::admission::Attributes;
use serde_json::{Map, Value};

/// What the kubelet writes, and what every write changes.
const OWN: [(&str, &[&str]); 2] = [
    (
        "status",
        &[
            "allocatedResourceStatuses",
            "allocatedResources",
            "capacity",
            "conditions",
        ],
    ),
    ("metadata", &["managedFields", "resourceVersion"]),
];

pub(super) fn judge(node: &str, attributes: &Attributes<'_>, claim: &Object) -> Result<(), String> {
    let Some(old) = attributes.old else {
        return Ok(());
    };
    let (old, new) = (rest(old), rest(claim));
    let changed: Vec<String> = old
        .keys()
        .chain(new.keys().filter(|key| !old.contains_key(*key)))
        .flat_map(|part| changes(part, old.get(part), new.get(part)))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    // Upstream shows the difference as Go prints it.
    Err(format!(
        "node {node:?} is not allowed to update fields other than status.capacity and \
         status.conditions: {}",
        changed.join(", ")
    ))
}

/// The claim without what a kubelet may write, and without what is empty.
fn rest(claim: &Object) -> Map<String, Value> {
    let mut rest = claim.0.clone();
    for (part, fields) in OWN {
        if let Some(Value::Object(part)) = rest.get_mut(part) {
            for field in fields {
                part.remove(*field);
            }
            part.retain(|_, value| !is_empty(value));
        }
    }
    rest.retain(|_, value| !is_empty(value));
    rest
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// `metadata.labels`: the fields of one part that differ.
fn changes(part: &str, old: Option<&Value>, new: Option<&Value>) -> Vec<String> {
    let fields = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
    let (old_fields, new_fields) = (fields(old), fields(new));
    if old_fields.is_none() && new_fields.is_none() {
        return Vec::from_iter((old != new).then(|| part.to_owned()));
    }
    let (old, new) = (
        old_fields.unwrap_or_default(),
        new_fields.unwrap_or_default(),
    );
    let mut all: Vec<&String> = old.keys().chain(new.keys()).collect();
    all.sort();
    all.dedup();
    let differ = all.into_iter().filter(|key| old.get(*key) != new.get(*key));
    differ.map(|key| format!("{part}.{key}")).collect()
}
