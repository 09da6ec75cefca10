//! Fixtures, and the order in which `registry` calls a strategy.

use std::path::PathBuf;

use apimachinery::admission::Operation;
use apimachinery::{FieldErrors, Object, RequestCx};
use jiff::Timestamp;
use resources::{Cx, RESOURCES, Resource, meta};
use serde_json::Value;

/// When all tests happen.
pub fn now() -> Timestamp {
    "2026-01-10T12:00:00Z".parse().expect("a time")
}

pub fn row(kind: &str) -> &'static Resource {
    let found = RESOURCES.iter().find(|row| row.kind == kind);
    found.unwrap_or_else(|| panic!("no row of kind {kind}"))
}

/// The object that `data/<plural>.json` describes (`<plural>.<group>.json` for what is stored as
/// another kind), as a client would send it.
pub fn fixture(row: &Resource) -> Object {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/rows/data")
        .join(format!("{}.json", file_name(row)));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{} needs a fixture: {error}: {}", row.kind, path.display())
    });
    serde_json::from_str(&text).expect("fixtures are objects")
}

/// Two kinds that share their storage share their plural.
pub fn file_name(row: &Resource) -> String {
    match row.stored_as {
        None => row.plural.to_owned(),
        Some(_) => row.group_resource().to_string(),
    }
}

pub struct Writer {
    request: RequestCx,
}

impl Writer {
    pub fn new() -> Self {
        Self {
            request: RequestCx::default(),
        }
    }

    pub fn cx<'a>(&'a self, operation: Operation, subresource: &'a str) -> Cx<'a> {
        Cx {
            operation,
            subresource,
            version: "v1",
            request: &self.request,
            now: now(),
        }
    }
}

/// The object as it would be stored, and what is wrong with it.
pub fn create(row: &Resource, mut object: Object) -> (Object, FieldErrors) {
    let writer = Writer::new();
    let cx = writer.cx(Operation::Create, "");
    if let Some(convert) = row.version(row.storage).and_then(|version| version.convert) {
        convert.to_stored(&mut object);
    }
    if row.has_status() && !row.strategy.keeps_status_on_create() {
        object.remove("status");
    }
    row.strategy.default(&cx, &mut object);
    row.strategy.prepare_for_create(&cx, &mut object);
    // What is only answered need not have a name.
    let mut errors = match row.answer {
        None => meta::validate_object_meta(row, &object),
        Some(_) => FieldErrors::new(),
    };
    errors.extend(row.strategy.validate(&cx, &object));
    (object, errors)
}

/// As [`create`], of a change of `old`.
pub fn update(
    row: &Resource,
    subresource: &str,
    mut new: Object,
    old: &Object,
) -> (Object, FieldErrors) {
    let writer = Writer::new();
    let cx = writer.cx(Operation::Update, subresource);
    row.strategy.default(&cx, &mut new);
    row.strategy.prepare_for_update(&cx, &mut new, old);
    let mut errors = meta::validate_object_meta_update(row, &new, old);
    errors.extend(row.strategy.validate_update(&cx, &new, old));
    (new, errors)
}

/// Sets the value at a JSON pointer, with the objects on the way; null removes it. `-` appends.
pub fn set(object: &mut Object, pointer: &str, value: Value) {
    let mut whole = std::mem::take(object).into_value();
    let (parent, last) = pointer
        .rsplit_once('/')
        .expect("a pointer begins with a slash");
    let mut at = &mut whole;
    for part in parent.split('/').skip(1) {
        let part = part.replace("~1", "/");
        at = match at {
            Value::Array(items) => &mut items[part.parse::<usize>().expect("an index")],
            Value::Object(fields) => fields.entry(part).or_insert_with(|| serde_json::json!({})),
            other => panic!("{pointer}: nothing is below {other}"),
        };
    }
    let last = last.replace("~1", "/");
    match at {
        Value::Array(items) if last == "-" => items.push(value),
        Value::Array(items) => items[last.parse::<usize>().expect("an index")] = value,
        Value::Object(fields) if value.is_null() => {
            fields.remove(&last);
        }
        Value::Object(fields) => {
            fields.insert(last, value);
        }
        other => panic!("{pointer}: nothing is below {other}"),
    }
    *object = Object::from_value(whole).expect("still an object");
}

/// Empty when nothing is wrong.
pub fn text(errors: &FieldErrors) -> String {
    if errors.is_empty() {
        String::new()
    } else {
        errors.to_string()
    }
}

/// A change and what is wrong with it, as tables of them are compared.
pub fn line(pointer: &str, value: &Value, errors: &FieldErrors) -> String {
    let mut shown = value.to_string();
    shown.truncate(200);
    let wrong = if errors.is_empty() {
        "nothing is wrong".to_owned()
    } else {
        errors.to_string()
    };
    format!("{pointer} = {shown}\n  {wrong}\n")
}
