//! Options of each verb, from the query and, for deletes, the body.

use std::time::Duration;

use apimachinery::{FieldSelector, LabelSelector, StatusError};
use bytes::Bytes;
use http::Uri;
use registry::{
    DeleteOptions, ListOptions, Preconditions, Propagation, VersionMatch, WatchOptions,
};
use resources::Resource;
use schema::decode::Validation;
use serde_json::Value;

use crate::request_info::{is_true, queries, query};

/// Selectors, paging and version of a list.
///
/// # Errors
/// BadRequest naming the option that cannot be read.
pub fn list(row: &Resource, uri: &Uri, name: &str) -> Result<ListOptions, StatusError> {
    let limit = query(uri, "limit");
    let version_match = match query(uri, "resourceVersionMatch").as_str() {
        "" => VersionMatch::Unset,
        "NotOlderThan" => VersionMatch::NotOlderThan,
        "Exact" => VersionMatch::Exact,
        other => {
            return Err(StatusError::bad_request(format!(
                "resourceVersionMatch: Unsupported value: {other:?}: supported values: \"Exact\", \
                 \"NotOlderThan\""
            )));
        }
    };
    Ok(ListOptions {
        labels: labels(uri)?,
        fields: fields(row, uri, name)?,
        limit: if limit.is_empty() {
            0
        } else {
            number("limit", &limit)?
        },
        continue_token: query(uri, "continue"),
        resource_version: resource_version(uri)?,
        version_match,
    })
}

/// Selectors and version of a watch.
///
/// # Errors
/// BadRequest naming the option that cannot be read.
pub fn watch(row: &Resource, uri: &Uri, name: &str) -> Result<WatchOptions, StatusError> {
    Ok(WatchOptions {
        labels: labels(uri)?,
        fields: fields(row, uri, name)?,
        resource_version: resource_version(uri)?,
        send_initial_events: is_true(&query(uri, "sendInitialEvents")),
        bookmarks: is_true(&query(uri, "allowWatchBookmarks")),
    })
}

/// `timeoutSeconds`, if the client set one.
///
/// # Errors
/// BadRequest when it is no number.
pub fn timeout(uri: &Uri) -> Result<Option<Duration>, StatusError> {
    let text = query(uri, "timeoutSeconds");
    if text.is_empty() {
        return Ok(None);
    }
    let seconds: u64 = number("timeoutSeconds", &text)?;
    Ok((seconds > 0).then_some(Duration::from_secs(seconds)))
}

fn number<N: std::str::FromStr>(option: &str, text: &str) -> Result<N, StatusError> {
    text.parse().map_err(|_| {
        StatusError::bad_request(format!(
            "{option}: Invalid value: {text:?}: must be a number"
        ))
    })
}

fn resource_version(uri: &Uri) -> Result<Option<u64>, StatusError> {
    let text = query(uri, "resourceVersion");
    if text.is_empty() {
        return Ok(None);
    }
    number("resourceVersion", &text).map(Some)
}

fn labels(uri: &Uri) -> Result<LabelSelector, StatusError> {
    LabelSelector::parse(&query(uri, "labelSelector"))
        .map_err(|error| StatusError::bad_request(error.to_string()))
}

/// The field selector, and the name of a single object as one more term.
fn fields(row: &Resource, uri: &Uri, name: &str) -> Result<FieldSelector, StatusError> {
    let text = query(uri, "fieldSelector");
    let mut selector =
        FieldSelector::parse(&text).map_err(|error| StatusError::bad_request(error.to_string()))?;
    for (field, ..) in &selector.terms {
        let known = matches!(field.as_str(), "metadata.name" | "metadata.namespace")
            || row.field_selectors.iter().any(|f| f.name == field);
        if !known {
            return Err(StatusError::bad_request(format!(
                "Unable to find {:?} that match label selector {:?}, field selector {text:?}: \
                 field label not supported: {field}",
                format!("{}, Resource={}", row.gvk().group_version(), row.plural),
                query(uri, "labelSelector"),
            )));
        }
    }
    if !name.is_empty() {
        selector
            .terms
            .push(("metadata.name".into(), true, name.into()));
    }
    Ok(selector)
}

/// `dryRun`.
///
/// # Errors
/// BadRequest for another value than `All`.
pub fn dry_run(uri: &Uri) -> Result<bool, StatusError> {
    let mut dry = false;
    for value in queries(uri, "dryRun").filter(|value| !value.is_empty()) {
        if value != "All" {
            let text = format!("dryRun: Unsupported value: {value:?}: supported values: \"All\"");
            return Err(StatusError::bad_request(text));
        }
        dry = true;
    }
    Ok(dry)
}

/// `fieldValidation`; the server's default is Warn.
///
/// # Errors
/// BadRequest for an unknown value.
pub fn field_validation(uri: &Uri) -> Result<Validation, StatusError> {
    let text = query(uri, "fieldValidation");
    Validation::parse(&text).ok_or_else(|| {
        StatusError::bad_request(format!(
            "fieldValidation: Unsupported value: {text:?}: supported values: \"\", \"Ignore\", \
             \"Strict\", \"Warn\""
        ))
    })
}

/// DeleteOptions: of the body when there is one, else of the query.
///
/// # Errors
/// BadRequest when the body is no DeleteOptions or an option cannot be read.
pub fn delete(uri: &Uri, body: &Bytes) -> Result<DeleteOptions, StatusError> {
    let body: Value = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(body).map_err(|error| {
            StatusError::bad_request(format!("DeleteOptions cannot be read: {error}"))
        })?
    };
    let text = |pointer: &str, option: &str| match body.pointer(pointer).and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => query(uri, option),
    };
    let grace = match body.pointer("/gracePeriodSeconds").and_then(Value::as_i64) {
        Some(seconds) => Some(seconds),
        None => match query(uri, "gracePeriodSeconds").as_str() {
            "" => None,
            text => Some(number("gracePeriodSeconds", text)?),
        },
    };
    let orphan = body.pointer("/orphanDependents").and_then(Value::as_bool);
    let propagation = match (
        text("/propagationPolicy", "propagationPolicy").as_str(),
        orphan,
    ) {
        ("", None) => None,
        ("", Some(true)) | ("Orphan", None) => Some(Propagation::Orphan),
        ("", Some(false)) | ("Background", None) => Some(Propagation::Background),
        ("Foreground", None) => Some(Propagation::Foreground),
        (_, Some(_)) => {
            let text = "orphanDependents and deletionPropagation cannot be both set";
            return Err(StatusError::bad_request(text));
        }
        (other, None) => {
            return Err(StatusError::bad_request(format!(
                "propagationPolicy: Unsupported value: {other:?}: supported values: \
                 \"Foreground\", \"Background\", \"Orphan\", \"nil\""
            )));
        }
    };
    let precondition = |field: &str| {
        let value = body.pointer(&format!("/preconditions/{field}"));
        value.and_then(Value::as_str).map(Into::into)
    };
    let dry_in_body = body
        .pointer("/dryRun")
        .and_then(Value::as_array)
        .is_some_and(|d| !d.is_empty());
    Ok(DeleteOptions {
        grace_period_seconds: grace,
        preconditions: Preconditions {
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
        },
        propagation,
        dry_run: dry_run(uri)? || dry_in_body,
    })
}
