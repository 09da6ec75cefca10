//! Rules of new Jobs, and of the jobs that a CronJob makes.

use apimachinery::{FieldError, FieldErrors, LabelSelector, Object};

use super::failure::validate_failure_policy;
use super::success::validate_success_policy;
use super::{NAMES, UIDS};
use crate::at::{At, Rules, not_negative};
use crate::meta::{dns_label, domain_path, validate_label_selector};
use crate::podspec::{validate_pod_template, validate_template_labels};

const MANAGER_SIZE: usize = 63;
/// Indexes are listed in the status, which bounds how many there may be.
const MOST_INDEXES: i64 = 100_000;
/// With backoff per index and more completions than that, fewer may be under way.
const MOST_AT_ONCE: i64 = 10_000;

const COUNTS: Rules = &[
    ("parallelism", not_negative),
    ("completions", not_negative),
    ("activeDeadlineSeconds", not_negative),
    ("backoffLimit", not_negative),
    ("ttlSecondsAfterFinished", not_negative),
    ("backoffLimitPerIndex", not_negative),
    ("maxFailedIndexes", not_negative),
];

pub(super) fn validate_job(job: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = At::root(job, "spec");
    if !spec.child("manualSelector").flag() && spec.child("selector").is_present() {
        validate_generated(job, &spec, &mut errors);
    }
    validate_whole_spec(&spec, &mut errors);
    let completions = spec.child("completions").int().unwrap_or(0);
    if is_indexed(&spec) && completions > 0 {
        // The name of the pod with the highest index.
        let host = format!("{}-{}", job.name(), completions - 1);
        if dns_label(&host).is_err() {
            let name = At::root(job, "metadata").child("name");
            errors.push(name.invalid(format!(
                "will not able to create pod with invalid DNS label: {host}"
            )));
        }
    }
    errors
}

pub(super) fn is_indexed(spec: &At<'_>) -> bool {
    spec.child("completionMode").text() == "Indexed"
}

/// A selector that nobody chose, and the labels that it looks for.
fn validate_generated(job: &Object, spec: &At<'_>, errors: &mut FieldErrors) {
    let uid = At::root(job, "metadata").child("uid");
    if uid.text().is_empty() {
        errors.push(uid.required(""));
    }
    let labels = spec.child("template").child("metadata").child("labels");
    let wanted = |index: usize| [(UIDS[index], job.uid()), (NAMES[index], job.name())];
    let wanted: Vec<(&str, &str)> = [wanted(0), wanted(1)].concat();
    for (key, value) in &wanted {
        let at = labels.value.get(*key).and_then(|value| value.as_str());
        let path = labels.path.key(key);
        match at {
            None => errors.push(FieldError::required(&path, format!("must be '{value}'"))),
            Some(found) if found != *value => {
                let detail = format!("must be '{value}'");
                // The value is all labels.
                errors.push(FieldError::invalid(&path, labels.value.clone(), detail));
            }
            Some(_) => {}
        }
    }
    let selector = spec.child("selector");
    let found = |key: &str| {
        wanted
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, v)| *v)
    };
    if LabelSelector::from_value(Some(selector.value)).is_ok_and(|s| !s.matches(found)) {
        errors.push(selector.invalid("`selector` not auto-generated"));
    }
}

/// With its selector, which the jobs of CronJobs do not have yet.
pub(super) fn validate_whole_spec(spec: &At<'_>, errors: &mut FieldErrors) {
    validate_job_spec(spec, errors);
    let selector = spec.child("selector");
    if selector.is_present() {
        validate_label_selector(&selector, errors);
    } else {
        errors.push(selector.required(""));
    }
    let selected = if selector.is_present() {
        LabelSelector::from_value(Some(selector.value)).ok()
    } else {
        Some(LabelSelector::nothing())
    };
    if let Some(selected) = selected {
        validate_template_labels(&spec.child("template"), &selected, errors);
    }
}

pub(crate) fn validate_job_spec(spec: &At<'_>, errors: &mut FieldErrors) {
    spec.apply(COUNTS, errors);
    let (failed, backoff) = (
        spec.child("maxFailedIndexes"),
        spec.child("backoffLimitPerIndex"),
    );
    if failed.is_present() && !backoff.is_present() {
        errors.push(backoff.required("when maxFailedIndexes is specified"));
    }
    let manager = spec.child("managedBy");
    if manager.is_present() {
        manager.check_required(domain_path, errors);
        if manager.text().len() > MANAGER_SIZE {
            errors.push(FieldError::too_long(&manager.path, MANAGER_SIZE));
        }
    }
    validate_mode(spec, errors);
    let policy = spec.child("podFailurePolicy");
    if policy.is_present() {
        validate_failure_policy(spec, &policy, errors);
    }
    let success = spec.child("successPolicy");
    if success.is_present() {
        if is_indexed(spec) {
            validate_success_policy(spec, &success, errors);
        } else {
            errors.push(success.invalid("requires indexed completion mode"));
        }
    }
    validate_replacement(spec, policy.is_present(), errors);
    let template = spec.child("template");
    validate_pod_template(&template, errors);
    validate_restarts(&template, policy.is_present(), errors);
}

fn validate_mode(spec: &At<'_>, errors: &mut FieldErrors) {
    let mode = spec.child("completionMode");
    if mode.is_present() {
        mode.one_of(&["NonIndexed", "Indexed"], errors);
    }
    if is_indexed(spec) {
        validate_indexed(spec, errors);
    }
    if matches!(mode.text(), "" | "NonIndexed") {
        for field in ["backoffLimitPerIndex", "maxFailedIndexes"] {
            let at = spec.child(field);
            if at.is_present() {
                errors.push(at.invalid("requires indexed completion mode"));
            }
        }
    }
}

fn validate_indexed(spec: &At<'_>, errors: &mut FieldErrors) {
    let [completions, parallelism, failed] =
        ["completions", "parallelism", "maxFailedIndexes"].map(|field| spec.child(field));
    let over = |at: &At<'_>, most: i64| at.int().is_some_and(|number| number > most);
    if !completions.is_present() {
        errors.push(completions.required("when completion mode is Indexed"));
    }
    if over(&parallelism, MOST_INDEXES) {
        errors.push(parallelism.invalid(format!(
            "must be less than or equal to {MOST_INDEXES} when completion mode is Indexed"
        )));
    }
    if completions
        .int()
        .is_some_and(|completions| over(&failed, completions))
    {
        errors.push(failed.invalid("must be less than or equal to completions"));
    }
    if over(&failed, MOST_INDEXES) {
        errors.push(failed.invalid(format!("must be less than or equal to {MOST_INDEXES}")));
    }
    if over(&completions, MOST_INDEXES) && spec.child("backoffLimitPerIndex").is_present() {
        if !failed.is_present() {
            errors.push(failed.required(&format!(
                "must be specified when completions is above {MOST_INDEXES}"
            )));
        }
        for at in [&parallelism, &failed] {
            if over(at, MOST_AT_ONCE) {
                errors.push(at.invalid(format!(
                    "must be less than or equal to {MOST_AT_ONCE} when completions are above {MOST_INDEXES} and used with backoff limit per index"
                )));
            }
        }
    }
}

fn validate_replacement(spec: &At<'_>, has_policy: bool, errors: &mut FieldErrors) {
    let replacement = spec.child("podReplacementPolicy");
    if !replacement.is_present() {
        return;
    }
    if has_policy {
        replacement.one_of(&["Failed"], errors);
    } else {
        replacement.one_of(&["Failed", "TerminatingOrFailed"], errors);
    }
}

/// A job ends, so its pods must too. The default of other pods is as good as nothing here.
fn validate_restarts(template: &At<'_>, has_policy: bool, errors: &mut FieldErrors) {
    let restarts = template.child("spec").child("restartPolicy");
    match restarts.text() {
        "" | "Always" => {
            errors.push(restarts.required("valid values: \"OnFailure\", \"Never\""));
        }
        "OnFailure" if has_policy => errors.push(
            restarts.invalid("only \"Never\" is supported when podFailurePolicy is specified"),
        ),
        _ => restarts.one_of(&["OnFailure", "Never"], errors),
    }
}
