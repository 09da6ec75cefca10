//! `meta.k8s.io/v1` Tables and PartialObjectMetadata: what `kubectl get` reads.

use apimachinery::{Encoded, Object, StatusError};
use jiff::Timestamp;
use resources::{Cell, Column, Served};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The version of both.
pub const VERSION: &str = "meta.k8s.io/v1";

/// `includeObject`: what each row carries beside its cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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

    /// Puts beside a row's cells what is wanted of their object.
    fn put(self, row: &mut Map<String, Value>, object: Object) {
        let object = match self {
            Self::None => return,
            Self::Metadata => metadata_of(&object),
            Self::Object => object.into_value(),
        };
        row.insert("object".into(), object);
    }
}

/// `columnDefinitions`.
#[must_use]
pub fn columns(columns: &[Column]) -> Value {
    columns.iter().map(definition).collect()
}

fn definition(column: &Column) -> Value {
    json!({
        "name": column.name, "type": column.kind.as_str(), "format": column.format,
        "description": column.description, "priority": column.priority,
    })
}

/// One of `rows`. Cells are read from the stored form; the object beside them is the version's.
///
/// # Errors
/// When the stored object cannot be decoded.
pub fn row(
    served: Served,
    item: &Encoded,
    include: IncludeObject,
    now: Timestamp,
) -> Result<Value, StatusError> {
    let stored = item.to_object().map_err(StatusError::internal)?;
    let mut row = Map::new();
    row.insert("cells".into(), cells(served.row.columns, &stored, now));
    let conditions = served.row.strategy.row_conditions(&stored);
    if !conditions.is_empty() {
        row.insert("conditions".into(), conditions.into());
    }
    let object = if include == IncludeObject::Object && !served.is_stored() {
        let shown = registry::show(served, item)?;
        shown.to_object().map_err(StatusError::internal)?
    } else {
        stored
    };
    include.put(&mut row, object);
    Ok(row.into())
}

fn cells(columns: &[Column], object: &Object, now: Timestamp) -> Value {
    let cell = Cell { object, now };
    columns.iter().map(|column| (column.cell)(&cell)).collect()
}

/// An object that is decoded already, cut down to its metadata.
#[must_use]
pub fn metadata_of(object: &Object) -> Value {
    let metadata = object.get("metadata").cloned();
    with_type(metadata.unwrap_or_else(|| json!({})))
}

/// The Table of one object that is stored nowhere.
#[must_use]
pub fn of(shown: &[Column], object: Object, include: IncludeObject, now: Timestamp) -> Value {
    let version = object.meta("resourceVersion").to_owned();
    let mut row = Map::new();
    row.insert("cells".into(), cells(shown, &object, now));
    include.put(&mut row, object);
    json!({
        "kind": "Table", "apiVersion": VERSION, "metadata": {"resourceVersion": version},
        "columnDefinitions": columns(shown), "rows": [row],
    })
}

/// An object cut down to its metadata; nothing else of it is decoded.
///
/// # Errors
/// When the stored object cannot be decoded.
pub fn partial(item: &Encoded) -> Result<Value, StatusError> {
    #[derive(Deserialize)]
    struct Only {
        #[serde(default)]
        metadata: Map<String, Value>,
    }
    let (json, splice) = item.parts();
    let only: Only = serde_json::from_slice(json).map_err(StatusError::internal)?;
    let mut metadata = only.metadata;
    if splice.is_some() {
        let revision = item.revision().to_string();
        metadata.insert("resourceVersion".into(), revision.into());
    }
    Ok(with_type(metadata.into()))
}

/// PartialObjectMetadata around some metadata.
#[must_use]
pub fn with_type(metadata: Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": VERSION, "metadata": metadata})
}
