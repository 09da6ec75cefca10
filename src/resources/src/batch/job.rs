//! Job.

mod change;
mod failure;
mod indexes;
mod rules;
mod status;
mod success;

use apimachinery::{FieldErrors, Object, time};
use serde_json::{Value, json};

use crate::apps::template_warnings;
use crate::cells::{
    self, AGE, CONTAINERS, IMAGES, NAME, SELECTOR, human_duration, number, spec, text,
};
use crate::column::{Cell, Column};
use crate::json::{self, Fill, Json, fill};
use crate::podspec::default_template;
use crate::row::{COMMON, FieldSelectable, GcPolicy, Resource, Subresource};
use crate::strategy::{Cx, Strategy};

pub(super) use rules::validate_job_spec;

pub static JOB: Resource = Resource {
    group: "batch",
    kind: "Job",
    plural: "jobs",
    singular: "job",
    categories: &["all"],
    prefix: "jobs",
    subresources: &[Subresource::Status],
    generation: true,
    gc: GcPolicy::Orphan,
    not_yet: Some("no Job controller"),
    columns: COLUMNS,
    field_selectors: &[FieldSelectable {
        absent: "0",
        ..FieldSelectable::text("status.successful", "/status/succeeded")
    }],
    strategy: &Job,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Status", "How far it is.", |cell| stage(cell.object).into()),
    text(
        "Completions",
        "Pods that succeeded of those that must.",
        |cell| completions(cell.object).into(),
    ),
    text("Duration", "From its start to its end.", |cell| {
        duration(cell).into()
    }),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

fn stage(job: &Object) -> &'static str {
    let is = |kind| has_condition(job, kind);
    if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else if job.deletion_timestamp().is_some() {
        "Terminating"
    } else {
        let others = ["Suspended", "FailureTarget", "SuccessCriteriaMet"];
        others
            .into_iter()
            .find(|kind| is(kind))
            .unwrap_or("Running")
    }
}

/// Whether a condition of a type holds.
fn has_condition(job: &Object, kind: &str) -> bool {
    json::maps(cells::status(job), "conditions").any(|condition| {
        json::text(condition, "type") == kind && json::text(condition, "status") == "True"
    })
}

fn completions(job: &Object) -> String {
    let succeeded = number(job, "/status/succeeded");
    let parallelism = number(job, "/spec/parallelism");
    match json::int(spec(job), "completions") {
        Some(completions) => format!("{succeeded}/{completions}"),
        None if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        None => format!("{succeeded}/1"),
    }
}

fn duration(cell: &Cell<'_>) -> String {
    let status = cells::status(cell.object);
    let Some(start) = time::parse(json::text(status, "startTime")) else {
        return String::new();
    };
    let end = time::parse(json::text(status, "completionTime")).unwrap_or(cell.now);
    human_duration(end.duration_since(start).as_millis())
}

const NAMES: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];
const UIDS: [&str; 2] = ["controller-uid", UID];
const UID: &str = "batch.kubernetes.io/controller-uid";

struct Job;

impl Strategy for Job {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = object.map_mut("spec");
        default_spec(spec);
        default_template(spec);
        default_labels(object);
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({}));
        if !json::flag(spec(object), "manualSelector") {
            generate_selector(object);
        }
        default_labels(object);
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        rules::validate_job(object)
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        match cx.subresource {
            "status" => status::validate_status(new, old),
            _ => change::validate_change(new, old),
        }
    }

    fn warnings(&self, cx: &Cx<'_>, object: &Object) -> Vec<String> {
        template_warnings(cx, object, Some("Pod names and hostnames"))
    }
}

fn default_spec(spec: &mut Json) {
    if spec.get("completions").is_none_or(Value::is_null)
        && spec.get("parallelism").is_none_or(Value::is_null)
    {
        fill(spec, &[("completions", Fill::Number(1))]);
    }
    let is_indexed = json::int(spec, "backoffLimitPerIndex").is_some();
    let has_policy = json::map(spec, "podFailurePolicy").is_some();
    let backoff = if is_indexed { i64::from(i32::MAX) } else { 6 };
    let replacement = if has_policy {
        "Failed"
    } else {
        "TerminatingOrFailed"
    };
    let fields = [
        ("parallelism", Fill::Number(1)),
        ("backoffLimit", Fill::Number(backoff)),
        ("completionMode", Fill::TextIfAbsent("NonIndexed")),
        ("suspend", Fill::Flag(false)),
        ("podReplacementPolicy", Fill::TextIfAbsent(replacement)),
        ("manualSelector", Fill::Flag(false)),
    ];
    fill(spec, &fields);
    json::each_mut(
        spec,
        &["podFailurePolicy", "rules", "onPodConditions"],
        &mut |pattern| fill(pattern, &[("status", Fill::Text("True"))]),
    );
}

/// A job has its pods' labels where it has none.
fn default_labels(job: &mut Object) {
    let labels = job.at("/spec/template/metadata/labels").cloned();
    let Some(labels) = labels.filter(|labels| !json::is_zero(Some(labels))) else {
        return;
    };
    let metadata = job.metadata_mut();
    if json::is_zero(metadata.get("labels")) {
        metadata.insert("labels".into(), labels);
    }
}

/// Pods of a job are found by its uid, which no other's have.
fn generate_selector(job: &mut Object) {
    let (name, uid) = (job.name().to_owned(), job.uid().to_owned());
    let spec = job.map_mut("spec");
    fill(spec, &[("selector", Fill::Empty)]);
    if let Some(selector) = json::map_mut(spec, "selector") {
        fill(selector, &[("matchLabels", Fill::Empty)]);
        add_labels(selector, "matchLabels", &[UID], &uid);
    }
    let Some(template) = json::map_mut(spec, "template") else {
        return;
    };
    fill(template, &[("metadata", Fill::Empty)]);
    if let Some(metadata) = json::map_mut(template, "metadata") {
        fill(metadata, &[("labels", Fill::Empty)]);
        add_labels(metadata, "labels", &NAMES, &name);
        add_labels(metadata, "labels", &UIDS, &uid);
    }
}

fn add_labels(map: &mut Json, field: &str, keys: &[&str], value: &str) {
    let Some(labels) = json::map_mut(map, field) else {
        return;
    };
    for key in keys {
        labels.entry(*key).or_insert_with(|| value.into());
    }
}
