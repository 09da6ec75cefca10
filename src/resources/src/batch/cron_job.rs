//! CronJob.

mod rules;
mod schedule;

use apimachinery::{FieldErrors, Object};
use serde_json::json;

use crate::apps::template_warnings_at;
use crate::at::At;
use crate::cells::{
    self, AGE, NAME, NONE, containers, integer, selector_cell, since_text, spec, text, wide,
};
use crate::column::{Column, ColumnType};
use crate::json::{self, Fill, fill};
use crate::podspec::default_template;
use crate::row::{COMMON, Resource, Subresource};
use crate::strategy::{Cx, Strategy};

pub static CRON_JOB: Resource = Resource {
    group: "batch",
    kind: "CronJob",
    plural: "cronjobs",
    singular: "cronjob",
    short_names: &["cj"],
    categories: &["all"],
    prefix: "cronjobs",
    subresources: &[Subresource::Status],
    generation: true,
    not_yet: Some("no CronJob controller"),
    columns: COLUMNS,
    strategy: &CronJob,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Schedule", "When it starts jobs.", |cell| {
        json::text(spec(cell.object), "schedule").into()
    }),
    text("Timezone", "Where that is the time.", |cell| {
        let zone = spec(cell.object)
            .get("timeZone")
            .and_then(|zone| zone.as_str());
        zone.unwrap_or(NONE).into()
    }),
    Column {
        kind: ColumnType::Boolean,
        ..text("Suspend", "Whether it waits.", |cell| {
            match spec(cell.object)
                .get("suspend")
                .and_then(serde_json::Value::as_bool)
            {
                None => "<unset>",
                Some(true) => "True",
                Some(false) => "False",
            }
            .into()
        })
    },
    integer("Active", "Jobs that run now.", |cell| {
        json::list(cells::status(cell.object), "active")
            .len()
            .into()
    }),
    text(
        "Last Schedule",
        "When it last started a job.",
        |cell| match json::text(cells::status(cell.object), "lastScheduleTime") {
            "" => NONE.into(),
            time => since_text(time, cell.now).into(),
        },
    ),
    AGE,
    wide(text("Containers", "Names of the containers.", |cell| {
        containers(cell.object, POD_SPEC, "name")
    })),
    wide(text("Images", "Images of the containers.", |cell| {
        containers(cell.object, POD_SPEC, "image")
    })),
    wide(text("Selector", "The pods of its jobs.", |cell| {
        selector_cell(cell.object, "/spec/jobTemplate/spec/selector")
    })),
];

const POD_SPEC: &str = "/spec/jobTemplate/spec/template/spec";

const SPEC: &[(&str, Fill)] = &[
    ("concurrencyPolicy", Fill::Text("Allow")),
    ("suspend", Fill::Flag(false)),
    ("successfulJobsHistoryLimit", Fill::Number(3)),
    ("failedJobsHistoryLimit", Fill::Number(1)),
];

struct CronJob;

impl Strategy for CronJob {
    /// Only the pods of its jobs get defaults here: the jobs will get theirs.
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = object.map_mut("spec");
        fill(spec, SPEC);
        fill(spec, &[("jobTemplate", Fill::Empty)]);
        if let Some(template) = json::map_mut(spec, "jobTemplate") {
            fill(template, &[("spec", Fill::Empty)]);
            if let Some(job) = json::map_mut(template, "spec") {
                default_template(job);
            }
        }
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({}));
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        rules::validate_new(object)
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        match cx.subresource {
            // Upstream does not look at it.
            "status" => FieldErrors::new(),
            _ => rules::validate_change(new, old),
        }
    }

    fn warnings(&self, cx: &Cx<'_>, object: &Object) -> Vec<String> {
        let job = At::root(object, "spec").child("jobTemplate").child("spec");
        template_warnings_at(cx, object, Some("Pod names and hostnames"), &job)
    }
}
