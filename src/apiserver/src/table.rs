//! `meta.k8s.io/v1` Tables and PartialObjectMetadata: what `kubectl get` reads.

use apimachinery::{Encoded, Object, StatusError};
use jiff::Timestamp;
use resources::{Cell, Column, Served};
use serde_json::{Map, Value, json};

/// `includeObject`: what each row carries beside its cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncludeObject {
    None,
    #[default]
    Metadata,
    Object,
}

impl IncludeObject {
    /// From the query parameter.
    ///
    /// # Errors
    /// BadRequest for another text than upstream's three.
    pub fn parse(text: &str) -> Result<Self, StatusError> {
        match text {
            "" | "Metadata" => Ok(Self::Metadata),
            "None" => Ok(Self::None),
            "Object" => Ok(Self::Object),
            other => Err(StatusError::bad_request(format!(
                "unrecognized includeObject value: {other:?}"
            ))),
        }
    }
}

/// A Table of some objects. Watches leave the column definitions out after the first event.
///
/// # Errors
/// When a stored object cannot be decoded.
pub fn table(
    served: Served,
    items: &[Encoded],
    metadata: Value,
    include: IncludeObject,
    now: Timestamp,
) -> Result<Value, StatusError> {
    let rows: Vec<Value> = items
        .iter()
        .map(|item| {
            let object = item.to_object().map_err(StatusError::internal)?;
            table_row(served, object, item, (include, now))
        })
        .collect::<Result<_, StatusError>>()?;
    Ok(json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": served.row.columns.iter().map(definition).collect::<Vec<_>>(),
        "rows": rows,
    }))
}

fn definition(column: &Column) -> Value {
    json!({
        "name": column.name, "type": column.kind.as_str(), "format": column.format,
        "description": column.description, "priority": column.priority,
    })
}

/// Cells are read from the stored form; the object beside them is the version's.
fn table_row(
    served: Served,
    object: Object,
    item: &Encoded,
    (include, now): (IncludeObject, Timestamp),
) -> Result<Value, StatusError> {
    let row = served.row;
    let cell = Cell {
        object: &object,
        now,
    };
    let cells: Vec<Value> = row
        .columns
        .iter()
        .map(|column| (column.cell)(&cell))
        .collect();
    let mut table_row = Map::new();
    table_row.insert("cells".into(), cells.into());
    let conditions = row.strategy.row_conditions(&object);
    if !conditions.is_empty() {
        table_row.insert("conditions".into(), conditions.into());
    }
    match include {
        IncludeObject::None => {}
        IncludeObject::Metadata => {
            table_row.insert("object".into(), partial(object));
        }
        IncludeObject::Object => {
            let shown = if served.is_stored() {
                object
            } else {
                let shown = registry::show(served, item)?;
                shown.to_object().map_err(StatusError::internal)?
            };
            table_row.insert("object".into(), shown.into_value());
        }
    }
    Ok(table_row.into())
}

/// An object cut down to its metadata.
#[must_use]
pub fn partial(mut object: Object) -> Value {
    let metadata = object.remove("metadata").unwrap_or_else(|| json!({}));
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
}
