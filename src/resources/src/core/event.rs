//! Event.

use apimachinery::{FieldError, FieldErrors, Object, Path};
use serde_json::Value;

use crate::at::At;
use crate::cells::{NAME, integer, since_text, text, wide};
use crate::column::{Cell, Column};
use crate::json;
use crate::meta;
use crate::row::{COMMON, FieldSelectable, Hook, Resource};
use crate::strategy::{Cx, Strategy};

pub static EVENT: Resource = Resource {
    kind: "Event",
    plural: "events",
    singular: "event",
    short_names: &["ev"],
    prefix: "events",
    create_on_update: true,
    hooks: HOOKS,
    columns: COLUMNS,
    field_selectors: SELECTORS,
    strategy: &Event,
    ..COMMON
};

/// Events are told, not kept.
pub(crate) const HOOKS: &[Hook] = &[Hook::Expires {
    after_seconds: 3600,
}];

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
    FieldSelectable {
        or: "/reportingComponent",
        ..FieldSelectable::text("source", "/source/component")
    },
    FieldSelectable::text("type", "/type"),
];

pub(crate) const COLUMNS: &[Column] = &[
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

impl Strategy for Event {
    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        validate_event(object, "reportingComponent")
    }
}

/// What holds of events of either API. `reporter` is what that API calls the reporting component.
pub(crate) fn validate_event(event: &Object, reporter: &str) -> FieldErrors {
    let mut errors = FieldErrors::new();
    // Only events of the newer API carry a time of their own.
    let is_new = !json::text(event, "eventTime").is_empty();
    validate_namespace(event, is_new, &mut errors);
    if is_new {
        let reported = At {
            path: Path::new(reporter),
            ..At::root(event, "reportingComponent")
        };
        validate_reporter(event, &reported, &mut errors);
    }
    errors
}

/// An event lives where its object does; those of cluster objects live in `default`, newer ones
/// also in `kube-system`.
fn validate_namespace(event: &Object, is_new: bool, errors: &mut FieldErrors) {
    let namespace = At::root(event, "involvedObject").child("namespace");
    let belongs = match (namespace.text(), event.namespace()) {
        ("", "kube-system") => is_new,
        ("", here) => matches!(here, "" | "default"),
        (named, here) => is_new || here == named,
    };
    if !belongs {
        let detail = "does not match event.namespace";
        errors.push(FieldError::invalid(
            &namespace.path,
            namespace.text(),
            detail,
        ));
    }
}

const TEXT_SIZE: usize = 128;
const MESSAGE_SIZE: usize = 1024;

fn validate_reporter(event: &Object, reporter: &At<'_>, errors: &mut FieldErrors) {
    reporter.check_required(meta::qualified_name, errors);
    for field in ["reportingInstance", "action", "reason"] {
        let at = At::root(event, field);
        if at.text().is_empty() {
            errors.push(at.required(""));
        }
        validate_size(&at, TEXT_SIZE, errors);
    }
    validate_size(&At::root(event, "message"), MESSAGE_SIZE, errors);
}

fn validate_size(at: &At<'_>, max: usize, errors: &mut FieldErrors) {
    if at.text().len() > max {
        let detail = format!("can have at most {max} characters");
        errors.push(FieldError::invalid(&at.path, "", detail));
    }
}

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
