//! SubjectAccessReview and its kin: what somebody may do.

use std::collections::BTreeMap;

use apimachinery::{Object, StatusError, UserInfo};
use auth::{AuthzAttributes, Decision};
use serde_json::{Value, json};

use super::{text, texts};
use crate::dispatch::Call;

/// Whether the client itself may.
pub(super) fn own(call: &Call<'_>, review: &Object) -> Value {
    decided(call, &call.cx.user, spec(review))
}

/// Whether the user that the review names may.
pub(super) fn anyone(call: &Call<'_>, review: &Object) -> Value {
    let spec = spec(review);
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let given = spec.get("extra").and_then(Value::as_object);
    for key in given.into_iter().flat_map(|given| given.keys()) {
        // Keys of the extra are read in lower case, as they come from headers.
        let values = texts(&spec["extra"], key);
        extra
            .entry(key.to_ascii_lowercase())
            .or_default()
            .extend(values);
    }
    let user = UserInfo {
        name: text(spec, "user").to_owned(),
        uid: text(spec, "uid").to_owned(),
        groups: texts(spec, "groups"),
        extra,
    };
    decided(call, &user, spec)
}

fn spec(review: &Object) -> &Value {
    review.get("spec").unwrap_or(&Value::Null)
}

fn decided(call: &Call<'_>, user: &UserInfo, spec: &Value) -> Value {
    let selector;
    let attributes = match spec
        .get("resourceAttributes")
        .filter(|given| given.is_object())
    {
        Some(wanted) => {
            selector = field_selector(wanted);
            let verb = text(wanted, "verb");
            let (group, resource) = (text(wanted, "group"), text(wanted, "resource"));
            AuthzAttributes {
                subresource: text(wanted, "subresource"),
                namespace: text(wanted, "namespace"),
                name: text(wanted, "name"),
                field_selector: &selector,
                ..AuthzAttributes::resource(user, verb, group, resource)
            }
        }
        None => {
            let wanted = spec.get("nonResourceAttributes").unwrap_or(&Value::Null);
            AuthzAttributes::path(user, text(wanted, "verb"), text(wanted, "path"))
        }
    };
    let (status, reason) = match call.state.parts.authorizer.authorize(&attributes) {
        Decision::Allow(reason) => (json!({"allowed": true}), reason),
        Decision::Deny(reason) => (json!({"allowed": false, "denied": true}), reason),
        Decision::NoOpinion(reason) => (json!({"allowed": false}), reason),
    };
    let mut status = status;
    if !reason.is_empty() {
        status["reason"] = reason.into_owned().into();
    }
    status
}

/// The selector as a client would send it. Of requirements, those that name one value are told:
/// leaving others out can only make the answer stricter.
fn field_selector(wanted: &Value) -> String {
    let selector = wanted.get("fieldSelector").unwrap_or(&Value::Null);
    let raw = text(selector, "rawSelector");
    if !raw.is_empty() {
        return raw.to_owned();
    }
    let requirements = selector.get("requirements").and_then(Value::as_array);
    let terms = requirements
        .into_iter()
        .flatten()
        .filter_map(|requirement| {
            let sign = match text(requirement, "operator") {
                "In" => "=",
                "NotIn" => "!=",
                _ => return None,
            };
            match texts(requirement, "values").as_slice() {
                [value] => Some(format!("{}{sign}{value}", text(requirement, "key"))),
                _ => None,
            }
        });
    terms.collect::<Vec<_>>().join(",")
}

/// All that the client may do in a namespace.
pub(super) fn rules(call: &Call<'_>, review: &Object) -> Result<Value, StatusError> {
    let namespace = text(spec(review), "namespace");
    if namespace.is_empty() {
        return Err(StatusError::bad_request("no namespace on request"));
    }
    let authorizer = &call.state.parts.authorizer;
    Ok(authorizer.rules(&call.cx.user, namespace).status())
}
