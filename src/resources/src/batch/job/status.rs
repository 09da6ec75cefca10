//! Rules of a Job's status, which other controllers may write too.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors, Object, time};

use super::has_condition;
use super::indexes::count_indexes;
use super::rules::is_indexed;
use crate::at::{At, Rules, not_negative};

const COUNTS: Rules = &[
    ("active", not_negative),
    ("succeeded", not_negative),
    ("failed", not_negative),
    ("ready", not_negative),
    ("terminating", not_negative),
];

/// Pairs of conditions that cannot hold together, with the text's words for them.
const CONTRADICTIONS: [(&str, &str, &str); 4] = [
    ("Complete", "Failed", "Complete=True and Failed=true"),
    (
        "Complete",
        "FailureTarget",
        "Complete=True and FailureTarget=true",
    ),
    (
        "SuccessCriteriaMet",
        "Failed",
        "SuccessCriteriaMet=True and Failed=true",
    ),
    (
        "SuccessCriteriaMet",
        "FailureTarget",
        "SuccessCriteriaMet=True and FailureTarget=true",
    ),
];
/// What must hold before something else may.
const ORDER: [(&str, &str); 2] = [
    ("Failed", "FailureTarget"),
    ("Complete", "SuccessCriteriaMet"),
];
const FINAL: [&str; 3] = ["Failed", "Complete", "FailureTarget"];

pub(super) fn validate_status(new: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let status = At::root(new, "status");
    status.apply(COUNTS, &mut errors);
    validate_uncounted(&status, &mut errors);
    validate_conditions(new, &status, &mut errors);
    validate_times(new, &status, &mut errors);
    validate_finished(new, &status, &mut errors);
    validate_indexes(new, &status, &mut errors);
    validate_progress(new, old, &status, &mut errors);
    errors
}

fn validate_uncounted(status: &At<'_>, errors: &mut FieldErrors) {
    let uncounted = status.child("uncountedTerminatedPods");
    let mut seen = BTreeSet::new();
    for pod in ["succeeded", "failed"]
        .iter()
        .flat_map(|list| uncounted.child(list).items())
    {
        let uid = pod.value.as_str().unwrap_or("");
        if uid.is_empty() {
            errors.push(FieldError::invalid(&pod.path, "", "must not be empty"));
        } else if !seen.insert(uid) {
            errors.push(pod.duplicate());
        }
    }
}

fn validate_conditions(job: &Object, status: &At<'_>, errors: &mut FieldErrors) {
    let path = status.path.child("conditions");
    for (one, other, called) in CONTRADICTIONS {
        if has_condition(job, one) && has_condition(job, other) {
            let detail = format!("cannot set {called} conditions");
            errors.push(FieldError::invalid_unshown(&path, detail));
        }
    }
    for (end, first) in ORDER {
        if has_condition(job, end) && !has_condition(job, first) {
            let detail =
                format!("cannot set {end}=True condition without the {first}=true condition");
            errors.push(FieldError::invalid_unshown(&path, detail));
        }
    }
}

fn validate_times(job: &Object, status: &At<'_>, errors: &mut FieldErrors) {
    let (start, end) = (status.child("startTime"), status.child("completionTime"));
    let is_complete = has_condition(job, "Complete");
    if end.is_present() && !is_complete {
        errors.push(
            end.invalid("cannot set completionTime when there is no Complete=True condition"),
        );
    }
    if !end.is_present() && is_complete {
        errors.push(end.required("completionTime is required for Complete jobs"));
    }
    let times = time::parse(start.text()).zip(time::parse(end.text()));
    if times.is_some_and(|(start, end)| end < start) {
        errors.push(end.invalid("completionTime cannot be set before startTime"));
    }
}

fn validate_finished(job: &Object, status: &At<'_>, errors: &mut FieldErrors) {
    let is_finished = has_condition(job, "Complete") || has_condition(job, "Failed");
    let count = |field: &str| status.child(field).int().unwrap_or(0);
    if is_finished {
        for field in ["active", "terminating"] {
            if count(field) > 0 {
                let detail = format!("{field}>0 is invalid for finished job");
                errors.push(status.child(field).invalid(detail));
            }
        }
        let start = status.child("startTime");
        if !start.is_present() {
            errors.push(start.required("startTime is required for finished job"));
        }
        let uncounted = status.child("uncountedTerminatedPods");
        if ["succeeded", "failed"]
            .iter()
            .any(|list| !uncounted.child(list).is_zero())
        {
            errors.push(
                uncounted.invalid("uncountedTerminatedPods needs to be empty for finished job"),
            );
        }
    }
    let ready = status.child("ready");
    if ready.int().is_some_and(|ready| ready > count("active")) {
        errors.push(ready.invalid("cannot set more ready pods than active"));
    }
}

fn validate_indexes(job: &Object, status: &At<'_>, errors: &mut FieldErrors) {
    let spec = At::root(job, "spec");
    let (done, failed) = (
        status.child("completedIndexes"),
        status.child("failedIndexes"),
    );
    let has_backoff = spec.child("backoffLimitPerIndex").is_present();
    if let Some(completions) = spec.child("completions").int() {
        for (at, name) in [(&done, "completedIndexes"), (&failed, "failedIndexes")] {
            if let Err(why) = count_indexes(at.text(), completions) {
                errors.push(at.invalid(format!("error parsing {name}: {why}")));
            }
        }
    }
    if !done.is_zero() && !is_indexed(&spec) {
        errors.push(
            done.invalid("cannot set non-empty completedIndexes when non-indexed completion mode"),
        );
    }
    if failed.is_present() && !has_backoff {
        errors.push(
            failed.invalid("cannot set non-null failedIndexes when backoffLimitPerIndex is null"),
        );
    }
}

/// What has happened does not un-happen.
fn validate_progress(new: &Object, old: &Object, status: &At<'_>, errors: &mut FieldErrors) {
    let before = At::root(old, "status");
    let path = status.path.child("conditions");
    for kind in FINAL {
        if has_condition(old, kind) && !has_condition(new, kind) {
            let detail = format!("cannot disable the terminal {kind}=True condition");
            errors.push(FieldError::invalid_unshown(&path, detail));
        }
    }
    for field in ["failed", "succeeded"] {
        let (now, then) = (status.child(field), before.child(field));
        if now.int().unwrap_or(0) < then.int().unwrap_or(0) {
            let detail = format!("cannot decrease the {field} counter");
            errors.push(FieldError::invalid(
                &now.path,
                now.int().unwrap_or(0),
                detail,
            ));
        }
    }
    let (end, ended) = (
        status.child("completionTime"),
        before.child("completionTime"),
    );
    if end.is_present() && ended.is_present() && end.text() != ended.text() {
        errors.push(end.invalid("completionTime cannot be mutated"));
    }
    let (start, started) = (status.child("startTime"), before.child("startTime"));
    let is_suspended = At::root(new, "spec").child("suspend").flag();
    if started.is_present() && start.text() != started.text() && !is_suspended {
        errors.push(start.required("startTime cannot be removed for unsuspended job"));
    }
    if has_condition(old, "SuccessCriteriaMet") && !has_condition(new, "SuccessCriteriaMet") {
        let detail = "cannot disable the SuccessCriteriaMet=True condition";
        errors.push(FieldError::invalid_unshown(&path, detail));
    }
}
