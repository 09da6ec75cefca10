//! Visiting every struct in an object, and measuring it first.

use serde_json::{Map, Value};

use crate::facts::{Shape, TypeRef};

/// Whether objects and lists stand within one another more than `levels` deep. Takes no more
/// stack for a deeper value.
#[must_use]
pub fn deeper_than(value: &Value, levels: usize) -> bool {
    let mut open = vec![(value, 0)];
    while let Some((value, above)) = open.pop() {
        let below: &mut dyn Iterator<Item = &Value> = match value {
            Value::Array(items) => &mut items.iter(),
            Value::Object(map) => &mut map.values(),
            _ => continue,
        };
        if above == levels {
            return true;
        }
        open.extend(below.map(|value| (value, above + 1)));
    }
    false
}

/// Calls `visit` for each struct in a value of this type, inner ones first, with its type. Raw
/// JSON and what does not fit the type are passed over.
pub fn structs_mut(
    value: &mut Value,
    ty: TypeRef<'_>,
    visit: &mut dyn FnMut(&mut Map<String, Value>, TypeRef<'_>),
) {
    match (value, ty.shape()) {
        (Value::Object(map), Shape::Struct { .. }) => struct_mut(map, ty, visit),
        (Value::Object(map), Shape::Map { value, .. }) => {
            let below = ty.facts().get(*value);
            for value in map.values_mut() {
                structs_mut(value, below, visit);
            }
        }
        (Value::Array(items), Shape::List { item, .. }) => {
            let below = ty.facts().get(*item);
            for item in items {
                structs_mut(item, below, visit);
            }
        }
        _ => {}
    }
}

/// [`structs_mut`] for a map that is known to be a struct, such as an object.
pub fn struct_mut(
    map: &mut Map<String, Value>,
    ty: TypeRef<'_>,
    visit: &mut dyn FnMut(&mut Map<String, Value>, TypeRef<'_>),
) {
    for (key, value) in map.iter_mut() {
        if let Some(below) = ty.child(key) {
            structs_mut(value, below, visit);
        }
    }
    visit(map, ty);
}
