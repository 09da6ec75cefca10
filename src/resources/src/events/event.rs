//! Event, as events.k8s.io shows it.

use apimachinery::{FieldError, FieldErrors, GroupVersionKind, Object, Path};

use crate::at::{self, At};
use crate::core::event::{COLUMNS, HOOKS, validate_event};
use crate::json;
use crate::row::{COMMON, Convert, FieldSelectable, Resource, Version};
use crate::strategy::{Cx, Strategy};

pub static EVENT: Resource = Resource {
    group: "events.k8s.io",
    versions: &[Version {
        name: "v1",
        convert: Some(&Names),
    }],
    stored_as: Some(&GroupVersionKind::new("", "v1", "Event")),
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

const SELECTORS: &[FieldSelectable] = &[
    FieldSelectable::text("regarding.kind", "/involvedObject/kind"),
    FieldSelectable::text("regarding.namespace", "/involvedObject/namespace"),
    FieldSelectable::text("regarding.name", "/involvedObject/name"),
    FieldSelectable::text("regarding.uid", "/involvedObject/uid"),
    FieldSelectable::text("regarding.apiVersion", "/involvedObject/apiVersion"),
    FieldSelectable::text(
        "regarding.resourceVersion",
        "/involvedObject/resourceVersion",
    ),
    FieldSelectable::text("regarding.fieldPath", "/involvedObject/fieldPath"),
    FieldSelectable::text("reason", "/reason"),
    FieldSelectable::text("reportingController", "/reportingComponent"),
    FieldSelectable::text("type", "/type"),
];

/// The names of fields: in the core group, here.
const NAMES: [(&str, &str); 7] = [
    ("count", "deprecatedCount"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("involvedObject", "regarding"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
];

struct Names;

impl Convert for Names {
    fn from_stored(&self, object: &mut Object) {
        for (stored, shown) in NAMES {
            rename(object, stored, shown);
        }
    }

    fn to_stored(&self, object: &mut Object) {
        for (stored, shown) in NAMES {
            rename(object, shown, stored);
        }
    }
}

fn rename(object: &mut Object, from: &str, to: &str) {
    if let Some(value) = object.remove(from) {
        object.insert(to.to_owned(), value);
    }
}

/// Stricter than the core group with what is new, and closed to what is old.
struct Event;

/// Only a series goes on.
const IMMUTABLE: [&str; 12] = [
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "type",
    "eventTime",
    "action",
    "related",
    "reportingInstance",
];

impl Strategy for Event {
    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = validate_event(object, "reportingController");
        validate_series(object, &mut errors);
        let time = At::root(object, "eventTime");
        if time.is_zero() {
            errors.push(time.required(""));
        }
        let kind = At::root(object, "type");
        if !matches!(kind.text(), "Normal" | "Warning") {
            let detail = format!("has invalid value: {}", kind.text());
            errors.push(FieldError::invalid(&kind.path, "", detail));
        }
        for field in ["firstTimestamp", "lastTimestamp", "count", "source"] {
            let old = At::root(object, field);
            if !old.is_zero() {
                errors.push(FieldError::invalid(&old.path, "", "needs to be unset"));
            }
        }
        errors
    }

    fn validate_update(&self, _cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        if !json::same(new.get("series"), old.get("series")) {
            validate_series(new, &mut errors);
        }
        for field in IMMUTABLE {
            at::immutable(&At::root(new, field), &At::root(old, field), &mut errors);
        }
        let named = |event| At {
            path: Path::new("reportingController"),
            ..At::root(event, "reportingComponent")
        };
        at::immutable(&named(new), &named(old), &mut errors);
        errors
    }
}

fn validate_series(event: &Object, errors: &mut FieldErrors) {
    let series = At::root(event, "series");
    if !series.is_present() {
        return;
    }
    if series.child("count").int().unwrap_or(0) < 2 {
        let path = Path::new("series.count");
        errors.push(FieldError::invalid(&path, "", "should be at least 2"));
    }
    if series.child("lastObservedTime").is_zero() {
        let path = Path::new("series.lastObservedTime");
        errors.push(FieldError::required(&path, ""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apimachinery::RequestCx;
    use apimachinery::admission::Operation;
    use serde_json::{Value, json};

    fn event(change: &Value) -> Object {
        let mut event = json!({
            "metadata": {"name": "e", "namespace": "default"}, "type": "Normal",
            "regarding": {"kind": "Pod", "namespace": "default"}, "note": "n", "reason": "R",
            "action": "A", "eventTime": "2026-01-10T11:58:00.000000Z",
            "reportingController": "example.com/c", "reportingInstance": "i",
        });
        for (field, value) in change.as_object().into_iter().flatten() {
            event[field] = value.clone();
        }
        Object::from_value(event).expect("an object")
    }

    fn stored(change: &Value) -> Object {
        let mut event = event(change);
        Names.to_stored(&mut event);
        event
    }

    #[test]
    fn names_go_there_and_back() {
        let all = json!({"deprecatedCount": 3, "deprecatedFirstTimestamp": "a",
            "deprecatedLastTimestamp": "b", "deprecatedSource": {"component": "c"}});
        let mut core = stored(&all);
        assert_eq!((&core["message"], &core["count"]), (&json!("n"), &json!(3)));
        assert_eq!(core["involvedObject"]["kind"], "Pod");
        Names.from_stored(&mut core);
        assert_eq!(core, event(&all));
    }

    #[test]
    fn each_api_has_its_rules() {
        let request = RequestCx::default();
        let cx = Cx {
            operation: Operation::Create,
            subresource: "",
            version: "v1",
            request: &request,
            now: "2026-01-10T12:00:00Z".parse().expect("a time"),
        };
        let rows = [
            (json!({}), "[]", "[]"),
            (
                json!({"eventTime": null}),
                "eventTime: Required value",
                "[]",
            ),
            (
                json!({"type": "Bad"}),
                "type: Invalid value: \"\": has invalid value: Bad",
                "[]",
            ),
            (
                json!({"deprecatedCount": 1}),
                "count: Invalid value: \"\": needs to be unset",
                "[]",
            ),
            (
                json!({"reportingController": ""}),
                "reportingController: Required value",
                "reportingComponent: Required value",
            ),
            (
                json!({"series": {"count": 1}}),
                "[series.count: Invalid value: \"\": should be at least 2, \
                 series.lastObservedTime: Required value]",
                "[]",
            ),
            (
                json!({"regarding": {}, "metadata": {"name": "e", "namespace": "x"}}),
                "involvedObject.namespace: Invalid value: \"\": does not match event.namespace",
                "involvedObject.namespace: Invalid value: \"\": does not match event.namespace",
            ),
        ];
        for (change, newer, core) in rows {
            let event = stored(&change);
            assert_eq!(Event.validate(&cx, &event).to_string(), newer, "{change}");
            let as_core = crate::core::EVENT.strategy.validate(&cx, &event);
            assert_eq!(as_core.to_string(), core, "{change}");
        }
    }

    #[test]
    fn only_a_series_goes_on() {
        let request = RequestCx::default();
        let cx = Cx {
            operation: Operation::Update,
            subresource: "",
            version: "v1",
            request: &request,
            now: "2026-01-10T12:00:00Z".parse().expect("a time"),
        };
        let series = json!({"series": {"count": 2, "lastObservedTime": "2026-01-10T11:59:00Z"}});
        let errors = Event.validate_update(&cx, &stored(&series), &stored(&json!({})));
        assert_eq!(errors.to_string(), "[]");
        let changed = json!({"note": "m", "reportingController": "d"});
        let errors = Event.validate_update(&cx, &stored(&changed), &stored(&json!({})));
        let expected = "[message: Invalid value: \"m\": field is immutable, \
                        reportingController: Invalid value: \"d\": field is immutable]";
        assert_eq!(errors.to_string(), expected);
    }
}
