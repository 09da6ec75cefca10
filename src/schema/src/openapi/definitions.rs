//! A type of the facts as a JSON schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Dialect;
use super::descriptions::{Described, Descriptions};
use crate::facts::{Field, ListType, MapType, PatchFacts, Shape, TypeRef};

/// The schema of a definition.
pub(super) fn schema(ty: TypeRef<'_>, texts: &Descriptions<'_>, dialect: Dialect) -> Value {
    let described = texts.of(ty.name());
    let mut out = match ty.shape() {
        Shape::Struct { .. } => structure(ty, &described, dialect),
        // JSON of any form has no type at all; raw objects are said to be objects.
        Shape::Any if ty.short_name().starts_with("JSON") => Map::new(),
        _ => inline(ty, dialect),
    };
    if !described.own.is_empty() {
        out.insert("description".into(), described.own.into());
    }
    let kinds: Vec<Value> = ty.kinds().map(kind).collect();
    if !kinds.is_empty() {
        out.insert("x-kubernetes-group-version-kind".into(), kinds.into());
    }
    Value::Object(out)
}

/// `apps/v1/Deployment` in parts.
fn kind(text: &str) -> Value {
    let mut parts = text.rsplit('/');
    let kind = parts.next().unwrap_or_default();
    let version = parts.next().unwrap_or_default();
    let group = parts.next().unwrap_or_default();
    json!({"group": group, "version": version, "kind": kind})
}

fn structure(ty: TypeRef<'_>, texts: &Described<'_>, dialect: Dialect) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("type".into(), "object".into());
    let fields = ty.fields();
    if !fields.is_empty() {
        let property = |field: &Field| {
            let mut property = property(ty, field, dialect);
            if let Some(text) = texts.field(&field.name) {
                property.insert("description".into(), text.into());
            }
            (field.name.to_string(), Value::Object(property))
        };
        let properties: Map<_, _> = fields.iter().map(property).collect();
        out.insert("properties".into(), properties.into());
    }
    let required = fields.iter().filter(|field| field.required);
    let required: Vec<Value> = required.map(|field| field.name.as_ref().into()).collect();
    if !required.is_empty() {
        out.insert("required".into(), required.into());
    }
    if let Shape::Struct { atomic, unions, .. } = ty.shape() {
        if *atomic {
            out.insert("x-kubernetes-map-type".into(), "atomic".into());
        }
        if !unions.is_empty() {
            out.insert("x-kubernetes-unions".into(), unions.to_vec().into());
        }
    }
    out
}

fn property(owner: TypeRef<'_>, field: &Field, dialect: Dialect) -> Map<String, Value> {
    let mut out = reference(owner.facts().get(field.ty), dialect);
    let map_type = field.map_type.map(|map_type| match map_type {
        MapType::Atomic => "atomic",
        MapType::Granular => "granular",
    });
    let mut siblings = Map::new();
    if let Some(map_type) = map_type {
        siblings.insert("x-kubernetes-map-type".into(), map_type.into());
    }
    patch_facts(&field.patch, &mut siblings);
    if dialect == Dialect::V3 {
        if let Some(default) = &field.default {
            siblings.insert("default".into(), default.as_ref().clone());
        }
        out = all_of(out);
    }
    out.extend(siblings);
    out
}

/// Version 3 ignores everything beside a reference, so upstream wraps references in `allOf`,
/// and clients that read merge keys from a property are used to that form.
fn all_of(schema: Map<String, Value>) -> Map<String, Value> {
    if schema.contains_key("$ref") {
        Map::from_iter([("allOf".to_owned(), json!([schema]))])
    } else {
        schema
    }
}

fn patch_facts(facts: &PatchFacts, out: &mut Map<String, Value>) {
    if let Some(key) = &facts.merge_key {
        out.insert("x-kubernetes-patch-merge-key".into(), key.as_ref().into());
    }
    let strategies = [
        (facts.merge, "merge"),
        (facts.replace, "replace"),
        (facts.retain_keys, "retainKeys"),
    ];
    let said: Vec<&str> = strategies
        .iter()
        .filter_map(|(said, name)| said.then_some(*name))
        .collect();
    if !said.is_empty() {
        out.insert("x-kubernetes-patch-strategy".into(), said.join(",").into());
    }
}

/// A definition by its name, anything else in place.
fn reference(ty: TypeRef<'_>, dialect: Dialect) -> Map<String, Value> {
    if ty.name().is_empty() {
        inline(ty, dialect)
    } else {
        let target = dialect.reference(ty.name());
        Map::from_iter([("$ref".to_owned(), target.into())])
    }
}

fn inline(ty: TypeRef<'_>, dialect: Dialect) -> Map<String, Value> {
    let schema = match ty.shape() {
        Shape::List { item, list } => return array(ty.facts().get(*item), list, dialect),
        Shape::Map { value, atomic } => {
            let value = reference(ty.facts().get(*value), dialect);
            let mut out = json!({"type": "object", "additionalProperties": value});
            if *atomic {
                out["x-kubernetes-map-type"] = "atomic".into();
            }
            out
        }
        Shape::String => json!({"type": "string"}),
        Shape::Bytes => json!({"type": "string", "format": "byte"}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Int32 => json!({"type": "integer", "format": "int32"}),
        Shape::Int64 => json!({"type": "integer", "format": "int64"}),
        Shape::Double => json!({"type": "number", "format": "double"}),
        Shape::Time | Shape::MicroTime => json!({"type": "string", "format": "date-time"}),
        Shape::Quantity if dialect == Dialect::V3 => {
            json!({"oneOf": [{"type": "string"}, {"type": "number"}]})
        }
        Shape::Quantity => json!({"type": "string"}),
        Shape::IntOrString if dialect == Dialect::V3 => {
            json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]})
        }
        Shape::IntOrString => json!({"type": "string", "format": "int-or-string"}),
        Shape::Any | Shape::Struct { .. } => json!({"type": "object"}),
    };
    match schema {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn array(item: TypeRef<'_>, list: &ListType, dialect: Dialect) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("type".into(), "array".into());
    let mut items = reference(item, dialect);
    if dialect == Dialect::V3 {
        items = all_of(items);
        if matches!(item.shape(), Shape::Struct { .. }) {
            items.insert("default".into(), json!({}));
        }
    }
    out.insert("items".into(), items.into());
    let list_type = match list {
        ListType::Atomic { declared: false } => return out,
        ListType::Atomic { declared: true } => "atomic",
        ListType::Set => "set",
        ListType::Map(keys) => {
            let keys: Vec<Value> = keys.iter().map(|key| key.as_ref().into()).collect();
            out.insert("x-kubernetes-list-map-keys".into(), keys.into());
            "map"
        }
    };
    out.insert("x-kubernetes-list-type".into(), list_type.into());
    out
}

/// The definitions that these refer to, and themselves, by name.
pub(super) fn closure<'f>(roots: impl Iterator<Item = TypeRef<'f>>) -> BTreeSet<&'f str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<TypeRef<'f>> = roots.collect();
    while let Some(ty) = open.pop() {
        if !ty.name().is_empty() && !found.insert(ty.name()) {
            continue;
        }
        let facts = ty.facts();
        match ty.shape() {
            Shape::List { item: below, .. } | Shape::Map { value: below, .. } => {
                open.push(facts.get(*below));
            }
            _ => open.extend(ty.fields().iter().map(|field| facts.get(field.ty))),
        }
    }
    found
}
