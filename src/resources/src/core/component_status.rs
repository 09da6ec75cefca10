//! ComponentStatus: the health of the control plane's parts, deprecated since v1.19.

use crate::cells::{NAME, text};
use crate::column::{Cell, Column};
use crate::json::{self, Json};
use crate::row::{Answer, COMMON, Resource, Scope, Verb};

pub static COMPONENT_STATUS: Resource = Resource {
    kind: "ComponentStatus",
    plural: "componentstatuses",
    singular: "componentstatus",
    short_names: &["cs"],
    scope: Scope::Cluster,
    verbs: &[Verb::Get, Verb::List],
    answer: Some(Answer::ComponentStatus),
    deprecated: Some("v1 ComponentStatus is deprecated in v1.19+"),
    columns: COLUMNS,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Status", "Whether the part is well.", |cell| {
        match healthy(cell).map(|condition| json::text(condition, "status")) {
            None => "Unknown",
            Some("True") => "Healthy",
            Some(_) => "Unhealthy",
        }
        .into()
    }),
    text("Message", "What it says.", |cell| {
        healthy(cell)
            .map_or("", |condition| json::text(condition, "message"))
            .into()
    }),
    text("Error", "What went wrong.", |cell| {
        healthy(cell)
            .map_or("", |condition| json::text(condition, "error"))
            .into()
    }),
];

fn healthy<'a>(cell: &Cell<'a>) -> Option<&'a Json> {
    json::maps(cell.object, "conditions")
        .find(|condition| json::text(condition, "type") == "Healthy")
}
