//! Secret.

use apimachinery::Object;

use crate::cells::{AGE, NAME, integer, text};
use crate::column::Column;
use crate::json::{self, Fill, fill};
use crate::row::{COMMON, FieldSelectable, Resource};
use crate::strategy::{Cx, Strategy};

pub static SECRET: Resource = Resource {
    kind: "Secret",
    plural: "secrets",
    singular: "secret",
    prefix: "secrets",
    columns: COLUMNS,
    field_selectors: &[FieldSelectable::text("type", "/type")],
    strategy: &Secret,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Type", "What the data is for.", |cell| {
        json::text(cell.object, "type").into()
    }),
    integer("Data", "How many keys it holds.", |cell| {
        json::map(cell.object, "data")
            .map_or(0, json::Json::len)
            .into()
    }),
    AGE,
];

struct Secret;

impl Strategy for Secret {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        fill(object, &[("type", Fill::Text("Opaque"))]);
    }
}
