//! DaemonSet.

use apimachinery::{FieldError, FieldErrors, LabelSelector, Object};
use serde_json::{Value, json};

use crate::at::{At, Rules, not_negative};
use crate::cells::{AGE, CONTAINERS, IMAGES, NAME, SELECTOR, integer, labels, number, text};
use crate::column::Column;
use crate::json::{self, Fill, fill};
use crate::meta::validate_label_selector;
use crate::podspec::{
    default_template, validate_lasting, validate_pod_template, validate_template_labels,
};
use crate::portion::{at_most_all, int_or_percent, scaled};
use crate::row::{COMMON, Resource, Subresource};
use crate::strategy::{Cx, Strategy};

pub static DAEMON_SET: Resource = Resource {
    group: "apps",
    kind: "DaemonSet",
    plural: "daemonsets",
    singular: "daemonset",
    short_names: &["ds"],
    categories: &["all"],
    prefix: "daemonsets",
    subresources: &[Subresource::Status],
    generation: true,
    not_yet: Some("no DaemonSet controller"),
    columns: COLUMNS,
    strategy: &DaemonSet,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    integer("Desired", "Nodes that should run it.", |cell| {
        number(cell.object, "/status/desiredNumberScheduled").into()
    }),
    integer("Current", "Nodes that run it.", |cell| {
        number(cell.object, "/status/currentNumberScheduled").into()
    }),
    integer("Ready", "Nodes where it is ready.", |cell| {
        number(cell.object, "/status/numberReady").into()
    }),
    integer("Up-to-date", "Nodes with the newest template.", |cell| {
        number(cell.object, "/status/updatedNumberScheduled").into()
    }),
    integer("Available", "Nodes where it serves.", |cell| {
        number(cell.object, "/status/numberAvailable").into()
    }),
    text("Node Selector", "Which nodes.", |cell| {
        let selector = cell.object.at("/spec/template/spec/nodeSelector");
        labels(selector.and_then(Value::as_object)).into()
    }),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const GENERATION: &str = "deprecated.daemonset.template.generation";

struct DaemonSet;

impl Strategy for DaemonSet {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = object.map_mut("spec");
        let fields = [
            ("updateStrategy", Fill::Empty),
            ("revisionHistoryLimit", Fill::Number(10)),
        ];
        fill(spec, &fields);
        if let Some(strategy) = json::map_mut(spec, "updateStrategy") {
            fill(strategy, &[("type", Fill::Text("RollingUpdate"))]);
            if json::text(strategy, "type") == "RollingUpdate" {
                fill(strategy, &[("rollingUpdate", Fill::Empty)]);
                if let Some(rolling) = json::map_mut(strategy, "rollingUpdate") {
                    let counts = [
                        ("maxUnavailable", Fill::Number(1)),
                        ("maxSurge", Fill::Number(0)),
                    ];
                    fill(rolling, &counts);
                }
            }
        }
        default_template(spec);
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert(
            "status".into(),
            json!({
                "currentNumberScheduled": 0, "desiredNumberScheduled": 0,
                "numberMisscheduled": 0, "numberReady": 0,
            }),
        );
        set_template_generation(object, template_generation(object).max(1));
    }

    fn prepare_for_update(&self, cx: &Cx<'_>, new: &mut Object, old: &Object) {
        if cx.subresource.is_empty() {
            let before = template_generation(old);
            let template = |object: &Object| object.at("/spec/template").cloned();
            let is_same = json::same(template(new).as_ref(), template(old).as_ref());
            set_template_generation(new, if is_same { before } else { before + 1 });
        }
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        validate_spec(&At::root(object, "spec"), &mut errors);
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        if cx.subresource == "status" {
            At::root(new, "status").apply(COUNTERS, &mut errors);
            super::keep_collisions(new, old, &mut errors);
            return errors;
        }
        errors.extend(self.validate(cx, new));
        super::keep_selector(new, old, &mut errors);
        errors
    }

    fn warnings(&self, cx: &Cx<'_>, object: &Object) -> Vec<String> {
        super::template_warnings(cx, object, None)
    }
}

const COUNTERS: Rules = &[
    ("currentNumberScheduled", not_negative),
    ("numberMisscheduled", not_negative),
    ("desiredNumberScheduled", not_negative),
    ("numberReady", not_negative),
    ("observedGeneration", not_negative),
    ("updatedNumberScheduled", not_negative),
    ("numberAvailable", not_negative),
    ("numberUnavailable", not_negative),
];

/// apps/v1 keeps the field that earlier versions had as an annotation.
fn template_generation(object: &Object) -> i64 {
    let text = object.annotation(GENERATION).unwrap_or("");
    text.parse().unwrap_or(0)
}

fn set_template_generation(object: &mut Object, generation: i64) {
    let metadata = object.metadata_mut();
    fill(metadata, &[("annotations", Fill::Empty)]);
    if let Some(annotations) = json::map_mut(metadata, "annotations") {
        annotations.insert(GENERATION.into(), generation.to_string().into());
    }
}

fn validate_spec(spec: &At<'_>, errors: &mut FieldErrors) {
    let (selector, template) = (spec.child("selector"), spec.child("template"));
    validate_label_selector(&selector, errors);
    // A selector that is not there selects nothing, not even these pods.
    let selected = match selector.is_present() {
        true => LabelSelector::from_value(Some(selector.value)).ok(),
        false => Some(LabelSelector::nothing()),
    };
    if let Some(selected) = selected {
        validate_template_labels(&template, &selected, errors);
    }
    let is_empty = ["matchLabels", "matchExpressions"]
        .iter()
        .all(|field| selector.child(field).is_zero());
    if selector.is_present() && is_empty {
        errors.push(selector.invalid("empty selector is invalid for daemonset"));
    }
    validate_pod_template(&template, errors);
    validate_lasting(&template, "DaemonSet", errors);
    not_negative(&spec.child("minReadySeconds"), errors);
    validate_strategy(&spec.child("updateStrategy"), errors);
    not_negative(&spec.child("revisionHistoryLimit"), errors);
}

fn validate_strategy(strategy: &At<'_>, errors: &mut FieldErrors) {
    let rolling = strategy.child("rollingUpdate");
    match strategy.child("type").text() {
        "OnDelete" => {}
        "RollingUpdate" if !rolling.is_present() => errors.push(rolling.required("")),
        "RollingUpdate" => validate_rolling(&rolling, errors),
        _ => errors.push(FieldError::not_supported(
            &strategy.path,
            strategy.value.clone(),
            &["RollingUpdate", "OnDelete"],
        )),
    }
}

/// A node has either no pod for a while or two.
fn validate_rolling(rolling: &At<'_>, errors: &mut FieldErrors) {
    let (unavailable, surge) = (rolling.child("maxUnavailable"), rolling.child("maxSurge"));
    for at in [&unavailable, &surge] {
        int_or_percent(at, errors);
        at_most_all(at, errors);
    }
    let has = |at: &At<'_>| scaled(at.value) != 0;
    if has(&unavailable) && has(&surge) {
        errors.push(surge.invalid("may not be set when maxUnavailable is non-zero"));
    } else if !has(&unavailable) && !has(&surge) {
        errors.push(unavailable.required("cannot be 0 when maxSurge is 0"));
    }
}
