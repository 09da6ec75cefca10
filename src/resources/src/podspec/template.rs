//! Rules of pod templates inside workloads.

use apimachinery::{FieldError, FieldErrors, LabelSelector};

use super::validate_pod_spec;
use crate::at::At;
use crate::meta::{validate_annotations, validate_label_selector, validate_labels};

/// A workload's selector: there, well-formed, and not of everything.
pub(crate) fn validate_selector(selector: &At<'_>, empty: &str, errors: &mut FieldErrors) {
    if !selector.is_present() {
        errors.push(selector.required(""));
        return;
    }
    validate_label_selector(selector, errors);
    if selector.child("matchLabels").is_zero() && selector.child("matchExpressions").is_zero() {
        errors.push(selector.invalid(empty));
    }
}

/// The template of a workload that restarts its pods for ever. `kind` is how the text about
/// deadlines names the workload.
pub(crate) fn validate_template(spec: &At<'_>, kind: &str, errors: &mut FieldErrors) {
    let template = spec.child("template");
    let selector = spec.child("selector");
    if selector.is_present() {
        // A selector that cannot be read has its own errors already.
        if let Ok(selector) = LabelSelector::from_value(Some(selector.value)) {
            validate_template_labels(&template, &selector, errors);
        }
    }
    validate_pod_template(&template, errors);
    validate_lasting(&template, kind, errors);
}

/// Whether a workload finds the pods it makes.
pub(crate) fn validate_template_labels(
    template: &At<'_>,
    selector: &LabelSelector,
    errors: &mut FieldErrors,
) {
    let labels = template.child("metadata").child("labels");
    if !selector.is_everything() && !selector.matches(|key| labels.value.get(key)?.as_str()) {
        errors.push(FieldError::invalid(
            &labels.path,
            labels.value.as_object().cloned().unwrap_or_default(),
            "`selector` does not match template `labels`",
        ));
    }
}

/// Pods that are restarted for ever have no deadline.
pub(crate) fn validate_lasting(template: &At<'_>, kind: &str, errors: &mut FieldErrors) {
    let pod = template.child("spec");
    pod.child("restartPolicy").one_of(&["Always"], errors);
    let deadline = pod.child("activeDeadlineSeconds");
    if deadline.is_present() {
        let detail = format!("activeDeadlineSeconds in {kind} is not Supported");
        errors.push(deadline.forbidden(&detail));
    }
}

/// Any template. Upstream's paths of labels and annotations leave `metadata` out.
pub(crate) fn validate_pod_template(template: &At<'_>, errors: &mut FieldErrors) {
    let metadata = template.child("metadata");
    for (field, rule) in [
        ("labels", validate_labels as crate::at::Rule),
        ("annotations", validate_annotations),
    ] {
        let at = At {
            path: template.path.child(field),
            value: metadata.child(field).value,
        };
        rule(&at, errors);
    }
    let spec = template.child("spec");
    validate_pod_spec(&spec, None, errors);
    let ephemeral = spec.child("ephemeralContainers");
    if !ephemeral.is_zero() {
        errors.push(ephemeral.forbidden("ephemeral containers not allowed in pod template"));
    }
}
