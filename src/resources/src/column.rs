//! Table output: what `kubectl get` shows.

use apimachinery::Object;
use jiff::Timestamp;
use serde_json::Value;

/// The OpenAPI type of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    String,
    Integer,
    Number,
    Boolean,
    Date,
}

impl ColumnType {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
        }
    }
}

/// What a cell is computed from.
pub struct Cell<'a> {
    pub object: &'a Object,
    pub now: Timestamp,
}

/// One column of a kind's table.
pub struct Column {
    pub name: &'static str,
    pub kind: ColumnType,
    /// `name` for the column that names the object, else empty.
    pub format: &'static str,
    pub description: &'static str,
    /// Above 0: only with `-o wide`.
    pub priority: i32,
    pub cell: fn(&Cell<'_>) -> Value,
}
