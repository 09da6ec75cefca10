//! DeleteOptions: of the body when there is one, else of the query.

use apimachinery::{FieldError, FieldErrors, Object, Path, StatusError};
use http::Uri;
use registry::{DeleteOptions, Preconditions, Propagation};
use serde_json::{Value, json};

use super::{dry_run, number, valid};
use crate::dispatch::Call;
use crate::request_info::{is_true, queries, query};
use crate::verbs::body;

/// The options of a delete.
///
/// # Errors
/// BadRequest when the body is no DeleteOptions, Invalid for options that do not go together.
pub fn delete(call: &Call<'_>) -> Result<DeleteOptions, StatusError> {
    let options = if call.body.is_empty() {
        of_query(call.uri)?
    } else {
        body::delete_options(call)?
    };
    read(&options)
}

/// Reads DeleteOptions, as they are also found within an Eviction.
///
/// # Errors
/// Invalid for options that do not go together.
pub fn read(options: &Object) -> Result<DeleteOptions, StatusError> {
    let mut errors = FieldErrors::new();
    let text = |pointer: &str| options.at(pointer).and_then(Value::as_str).map(Into::into);
    let words: Vec<String> = options
        .at("/dryRun")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|word| word.as_str().map(Into::into))
        .collect();
    let propagation = propagation(options, &mut errors);
    let dry_run = dry_run(&words, &mut errors);
    valid("DeleteOptions", &errors)?;
    Ok(DeleteOptions {
        grace_period_seconds: options.at("/gracePeriodSeconds").and_then(Value::as_i64),
        preconditions: Preconditions {
            uid: text("/preconditions/uid"),
            resource_version: text("/preconditions/resourceVersion"),
        },
        propagation,
        dry_run,
        waits_for_dependents: options.at("/orphanDependents") == Some(&Value::Bool(false)),
    })
}

fn propagation(options: &Object, errors: &mut FieldErrors) -> Option<Propagation> {
    let path = Path::new("propagationPolicy");
    let policy = options.at("/propagationPolicy").and_then(Value::as_str);
    let orphan = options.at("/orphanDependents").and_then(Value::as_bool);
    match (policy, orphan) {
        (None, None) => None,
        (None, Some(true)) | (Some("Orphan"), None) => Some(Propagation::Orphan),
        (None, Some(false)) | (Some("Background"), None) => Some(Propagation::Background),
        (Some("Foreground"), None) => Some(Propagation::Foreground),
        (Some(policy), Some(_)) => {
            let text = "orphanDependents and deletionPropagation cannot be both set";
            errors.push(FieldError::invalid(&path, policy, text));
            None
        }
        (Some(policy), None) => {
            let known = ["Foreground", "Background", "Orphan", "nil"];
            errors.push(FieldError::not_supported(&path, policy, &known));
            None
        }
    }
}

fn of_query(uri: &Uri) -> Result<Object, StatusError> {
    let mut options = Object::default();
    let mut set = |field: &str, value: Value| options.insert(field.to_owned(), value);
    let grace = query(uri, "gracePeriodSeconds");
    if !grace.is_empty() {
        let seconds = number(&grace)?;
        set("gracePeriodSeconds", seconds.into());
    }
    let policy = query(uri, "propagationPolicy");
    if !policy.is_empty() {
        set("propagationPolicy", policy.into());
    }
    let orphan = query(uri, "orphanDependents");
    if !orphan.is_empty() {
        set("orphanDependents", is_true(&orphan).into());
    }
    set("dryRun", json!(queries(uri, "dryRun").collect::<Vec<_>>()));
    Ok(options)
}
