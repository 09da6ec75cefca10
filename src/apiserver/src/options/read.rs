//! Options of list, watch and get.

use std::time::Duration;

use apimachinery::{
    FieldError, FieldErrors, FieldSelector, LabelSelector, Path, Requirement, StatusError,
};
use http::Uri;
use registry::{ListOptions, Registry, VersionMatch, WatchOptions};
use resources::Resource;

use super::{number, valid, why_no_number};
use crate::request_info::{is_true, query};

const KIND: &str = "ListOptions";

/// Selectors, paging and version of a list.
///
/// # Errors
/// Invalid for options that do not go together, BadRequest naming the one that cannot be read.
pub fn list(row: &Resource, uri: &Uri) -> Result<ListOptions, StatusError> {
    let limit = optional(uri, "limit")?.unwrap_or(0);
    // Without a use here, and read all the same.
    timeout(uri)?;
    let version = query(uri, "resourceVersion");
    let continue_token = query(uri, "continue");
    let version_match = query(uri, "resourceVersionMatch");
    let mut errors = FieldErrors::new();
    check_match(&version_match, &version, &continue_token, &mut errors);
    if !query(uri, "sendInitialEvents").is_empty() {
        let path = Path::new("sendInitialEvents");
        let text = "sendInitialEvents is forbidden for list";
        errors.push(FieldError::forbidden(&path, text));
    }
    valid(KIND, &errors)?;
    Ok(ListOptions {
        labels: labels(uri)?,
        fields: fields(row, uri)?,
        // A negative limit is none, as upstream has it.
        limit: usize::try_from(limit).unwrap_or(0),
        continue_token,
        resource_version: resource_version(uri)?,
        version_match: match version_match.as_str() {
            "Exact" => VersionMatch::Exact,
            "NotOlderThan" => VersionMatch::NotOlderThan,
            _ => VersionMatch::Unset,
        },
    })
}

fn check_match(wanted: &str, version: &str, token: &str, errors: &mut FieldErrors) {
    if wanted.is_empty() {
        return;
    }
    let path = Path::new("resourceVersionMatch");
    let mut forbid = |text: &str| errors.push(FieldError::forbidden(&path, text));
    if version.is_empty() {
        forbid("resourceVersionMatch is forbidden unless resourceVersion is provided");
    }
    if !token.is_empty() {
        forbid("resourceVersionMatch is forbidden when continue is provided");
    }
    if wanted == "Exact" && version == "0" {
        forbid("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
    }
    if !matches!(wanted, "Exact" | "NotOlderThan") {
        let known = ["Exact", "NotOlderThan", ""];
        errors.push(FieldError::not_supported(&path, wanted, &known));
    }
}

/// Selectors and version of a watch.
///
/// # Errors
/// As for [`list`].
pub fn watch(row: &Resource, uri: &Uri) -> Result<WatchOptions, StatusError> {
    // Without a use here, and read all the same.
    optional(uri, "limit")?;
    let version_match = query(uri, "resourceVersionMatch");
    let initial = query(uri, "sendInitialEvents");
    let send_initial_events = (!initial.is_empty()).then(|| is_true(&initial));
    let path = Path::new("resourceVersionMatch");
    let mut errors = FieldErrors::new();
    if send_initial_events.is_some() && version_match != "NotOlderThan" {
        let text = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        errors.push(FieldError::forbidden(&path, text));
    }
    if !version_match.is_empty() && send_initial_events.is_none() {
        let text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is \
                    provided";
        errors.push(FieldError::forbidden(&path, text));
    }
    if !matches!(version_match.as_str(), "" | "NotOlderThan") {
        let known = ["NotOlderThan"];
        errors.push(FieldError::not_supported(
            &path,
            version_match.as_str(),
            &known,
        ));
    }
    if !version_match.is_empty() && !query(uri, "continue").is_empty() {
        let text = "resourceVersionMatch is forbidden when continue is provided";
        errors.push(FieldError::forbidden(&path, text));
    }
    valid(KIND, &errors)?;
    Ok(WatchOptions {
        labels: labels(uri)?,
        fields: fields(row, uri)?,
        resource_version: resource_version(uri)?,
        send_initial_events,
    })
}

/// A get may say how new its answer must be at least. Answers are always the newest.
///
/// # Errors
/// Timeout for a version that is not reached yet, BadRequest when it is no number.
pub fn reached(registry: &Registry, uri: &Uri) -> Result<(), StatusError> {
    resource_version(uri)?.map_or(Ok(()), |version| registry.check_reached(version))
}

/// `timeoutSeconds`, if the client set one.
///
/// # Errors
/// BadRequest when it is no number.
pub fn timeout(uri: &Uri) -> Result<Option<Duration>, StatusError> {
    let seconds = optional(uri, "timeoutSeconds")?.unwrap_or(0);
    let seconds = u64::try_from(seconds).unwrap_or(0);
    Ok((seconds > 0).then_some(Duration::from_secs(seconds)))
}

/// A number of the query, if it is there.
pub(super) fn optional(uri: &Uri, name: &str) -> Result<Option<i64>, StatusError> {
    let text = query(uri, name);
    if text.is_empty() {
        return Ok(None);
    }
    number(&text).map(Some)
}

fn resource_version(uri: &Uri) -> Result<Option<u64>, StatusError> {
    let text = query(uri, "resourceVersion");
    if text.is_empty() {
        return Ok(None);
    }
    // Go's ParseUint takes no sign.
    let parsed = text.parse().map_err(|error| why_no_number(&error));
    let is_signed = text.starts_with('+');
    let unsigned = if is_signed {
        Err("invalid syntax")
    } else {
        parsed
    };
    unsigned.map(Some).map_err(|why| {
        let why = format!("strconv.ParseUint: parsing {text:?}: {why}");
        let path = Path::new("resourceVersion");
        StatusError::bad_request(FieldError::invalid(&path, text, why).to_string())
    })
}

fn labels(uri: &Uri) -> Result<LabelSelector, StatusError> {
    let selector = LabelSelector::parse(&query(uri, "labelSelector"))
        .map_err(|error| StatusError::bad_request(error.to_string()))?;
    for requirement in &selector.requirements {
        check_requirement(requirement).map_err(|why| {
            StatusError::bad_request(format!("unable to parse requirement: {why}"))
        })?;
    }
    Ok(selector)
}

/// Keys and values are a label's, in upstream's words.
fn check_requirement(requirement: &Requirement) -> Result<(), String> {
    let invalid =
        |path: &str, value: &str, why: String| format!("{path}: Invalid value: {value:?}: {why}");
    let key = &requirement.key;
    resources::meta::qualified_name(key).map_err(|why| invalid("<nil>", key, why))?;
    for (index, value) in requirement.values.iter().enumerate() {
        resources::meta::label_value(value)
            .map_err(|why| invalid(&format!("values[{index}][{key}]"), value, why))?;
    }
    Ok(())
}

fn fields(row: &Resource, uri: &Uri) -> Result<FieldSelector, StatusError> {
    let text = query(uri, "fieldSelector");
    let selector =
        FieldSelector::parse(&text).map_err(|error| StatusError::bad_request(error.to_string()))?;
    for (field, ..) in &selector.terms {
        let known = matches!(field.as_str(), "metadata.name" | "metadata.namespace")
            || row.field_selectors.iter().any(|f| f.name == field);
        if !known {
            // kubectl says before it what it was looking for.
            let text = format!("field label not supported: {field}");
            return Err(StatusError::bad_request(text));
        }
    }
    Ok(selector)
}
