//! Event.

use apimachinery::Object;
use serde_json::Value;

use crate::cells::{NAME, integer, since_text, text, wide};
use crate::column::{Cell, Column};
use crate::json;
use crate::row::{COMMON, FieldSelectable, Resource};
use crate::strategy::Strategy;

pub static EVENT: Resource = Resource {
    kind: "Event",
    plural: "events",
    singular: "event",
    short_names: &["ev"],
    prefix: "events",
    create_on_update: true,
    columns: COLUMNS,
    field_selectors: SELECTORS,
    strategy: &Event,
    ..COMMON
};

const SELECTORS: &[FieldSelectable] = &[
    FieldSelectable::text("involvedObject.kind", "/involvedObject/kind"),
    FieldSelectable::text("involvedObject.namespace", "/involvedObject/namespace"),
    FieldSelectable::text("involvedObject.name", "/involvedObject/name"),
    FieldSelectable::text("involvedObject.uid", "/involvedObject/uid"),
    FieldSelectable::text("involvedObject.apiVersion", "/involvedObject/apiVersion"),
    FieldSelectable::text(
        "involvedObject.resourceVersion",
        "/involvedObject/resourceVersion",
    ),
    FieldSelectable::text("involvedObject.fieldPath", "/involvedObject/fieldPath"),
    FieldSelectable::text("reason", "/reason"),
    FieldSelectable::text("reportingComponent", "/reportingComponent"),
    FieldSelectable::text("source", "/source/component"),
    FieldSelectable::text("type", "/type"),
];

const COLUMNS: &[Column] = &[
    text("Last Seen", "When it was last seen.", |cell| {
        since_text(last_seen(cell.object), cell.now).into()
    }),
    text("Type", "Normal or Warning.", |cell| {
        json::text(cell.object, "type").into()
    }),
    text("Reason", "Why, in one word.", |cell| {
        json::text(cell.object, "reason").into()
    }),
    text("Object", "What it is about.", |cell| {
        let kind = text_at(cell, "/involvedObject/kind").to_lowercase();
        format!("{kind}/{}", text_at(cell, "/involvedObject/name")).into()
    }),
    wide(text("Subobject", "The part of the object.", |cell| {
        text_at(cell, "/involvedObject/fieldPath").into()
    })),
    wide(text("Source", "Who reported it.", |cell| {
        source(cell.object).into()
    })),
    text("Message", "What happened.", |cell| {
        json::text(cell.object, "message").trim().into()
    }),
    wide(text("First Seen", "When it was first seen.", |cell| {
        since_text(first_seen(cell.object), cell.now).into()
    })),
    wide(integer("Count", "How often it was seen.", |cell| {
        count(cell.object).into()
    })),
    wide(NAME),
];

struct Event;

impl Strategy for Event {}

fn text_at<'a>(cell: &Cell<'a>, pointer: &str) -> &'a str {
    at(cell.object, pointer)
}

fn at<'a>(object: &'a Object, pointer: &str) -> &'a str {
    object.at(pointer).and_then(Value::as_str).unwrap_or("")
}

/// The first text that is not empty.
fn first<'a>(texts: &[&'a str]) -> &'a str {
    texts.iter().find(|text| !text.is_empty()).unwrap_or(&"")
}

fn first_seen(event: &Object) -> &str {
    first(&[at(event, "/firstTimestamp"), at(event, "/eventTime")])
}

fn last_seen(event: &Object) -> &str {
    first(&[
        at(event, "/series/lastObservedTime"),
        at(event, "/lastTimestamp"),
        first_seen(event),
    ])
}

fn source(event: &Object) -> String {
    let component = first(&[
        at(event, "/source/component"),
        at(event, "/reportingComponent"),
    ]);
    match first(&[at(event, "/source/host"), at(event, "/reportingInstance")]) {
        "" => component.to_owned(),
        host => format!("{component}, {host}"),
    }
}

fn count(event: &Object) -> i64 {
    let series = event.at("/series/count").and_then(Value::as_i64);
    match series.or_else(|| json::int(event, "count")) {
        None | Some(0) => 1,
        Some(count) => count,
    }
}
