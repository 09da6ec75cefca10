//! `metav1.Status`: the only error that leaves the API, with upstream's texts.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::field::FieldErrors;
use crate::names::{GroupResource, GroupVersionKind};

/// `NotFound`, `AlreadyExists`, …: what clients match on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reason(pub Cow<'static, str>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    #[serde(default)]
    pub reason: Reason,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The resource, or the kind for Invalid.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retry_after_seconds: u32,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(seconds: &u32) -> bool {
    *seconds == 0
}

/// The body of every error, and of a successful delete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    pub kind: Cow<'static, str>,
    pub api_version: Cow<'static, str>,
    #[serde(default)]
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// `Success` or `Failure`.
    #[serde(default)]
    pub status: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Details>,
    /// The HTTP status code.
    #[serde(default)]
    pub code: u16,
}

impl Status {
    /// The answer to a delete that has removed the object.
    #[must_use]
    pub fn success(details: Details) -> Self {
        Self {
            status: "Success".into(),
            details: Some(details),
            code: 200,
            ..Self::failure(200, "", String::new())
        }
    }

    fn failure(code: u16, reason: &'static str, message: String) -> Self {
        Self {
            kind: "Status".into(),
            api_version: "v1".into(),
            metadata: serde_json::Map::new(),
            status: "Failure".into(),
            message,
            reason: (!reason.is_empty()).then_some(Reason(reason.into())),
            details: None,
            code,
        }
    }
}

/// A refusal or failure, as the client sees it. Boxed: results stay small.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StatusError(pub Box<Status>);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Constructors, one per reason, in the words of `k8s.io/apimachinery/pkg/api/errors`.
impl StatusError {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Status::failure(code, reason, message.into())))
    }

    fn about(mut self, resource: &GroupResource, name: &str) -> Self {
        self.0.details = Some(Details {
            name: name.to_owned(),
            group: resource.group.to_string(),
            kind: resource.resource.to_string(),
            ..Details::default()
        });
        self
    }

    #[must_use]
    pub fn not_found(resource: &GroupResource, name: &str) -> Self {
        let message = format!("{resource} {name:?} not found");
        Self::new(404, "NotFound", message).about(resource, name)
    }

    /// No such path or resource.
    #[must_use]
    pub fn no_such_resource() -> Self {
        let mut error = Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        );
        error.0.details = Some(Details::default());
        error
    }

    #[must_use]
    pub fn already_exists(resource: &GroupResource, name: &str) -> Self {
        let message = format!("{resource} {name:?} already exists");
        Self::new(409, "AlreadyExists", message).about(resource, name)
    }

    #[must_use]
    pub fn conflict(resource: &GroupResource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {why}");
        Self::new(409, "Conflict", message).about(resource, name)
    }

    /// The usual conflict: a stale resourceVersion.
    #[must_use]
    pub fn modified(resource: &GroupResource, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version \
                   and try again";
        Self::conflict(resource, name, why)
    }

    #[must_use]
    pub fn forbidden(resource: &GroupResource, name: &str, why: &str) -> Self {
        let message = if resource.resource.is_empty() {
            format!("forbidden: {why}")
        } else if name.is_empty() {
            format!("{resource} is forbidden: {why}")
        } else {
            format!("{resource} {name:?} is forbidden: {why}")
        };
        Self::new(403, "Forbidden", message).about(resource, name)
    }

    #[must_use]
    pub fn invalid(kind: &GroupVersionKind, name: &str, errors: &FieldErrors) -> Self {
        let message = format!("{} {name:?} is invalid: {errors}", kind.group_kind());
        let mut error = Self::new(422, "Invalid", message);
        error.0.details = Some(Details {
            name: name.to_owned(),
            group: kind.group.to_string(),
            kind: kind.kind.to_string(),
            causes: errors.0.iter().map(Cause::from).collect(),
            ..Details::default()
        });
        error
    }

    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    #[must_use]
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        let mut error = Self::new(405, "MethodNotAllowed", message);
        error.0.details = Some(Details::default());
        error
    }

    #[must_use]
    pub fn not_acceptable(accepted: &[&str]) -> Self {
        let list = accepted.join(", ");
        let message = format!("only the following media types are accepted: {list}");
        Self::new(406, "NotAcceptable", message)
    }

    #[must_use]
    pub fn unsupported_media_type(accepted: &[&str]) -> Self {
        let list = accepted.join(", ");
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {list}"
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// A watch or a continue token too old to go on from.
    #[must_use]
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(413, "RequestEntityTooLarge", message)
    }

    /// A patch that cannot be applied to the object as it is.
    #[must_use]
    pub fn unprocessable(message: impl Into<String>) -> Self {
        let mut status = Self::new(422, "Invalid", message);
        // Empty but there: upstream makes it as of any answer of a server (`NewGenericServerResponse`).
        status.0.details = Some(Details::default());
        status
    }

    /// A JSON patch of too many operations.
    #[must_use]
    pub fn too_many_operations(message: impl Into<String>) -> Self {
        Self::new(413, "RequestEntityTooLarge", message)
    }

    #[must_use]
    pub fn too_many_requests(message: impl Into<String>, retry_after_seconds: u32) -> Self {
        let mut error = Self::new(429, "TooManyRequests", message);
        error.0.details = Some(Details {
            retry_after_seconds,
            ..Details::default()
        });
        error
    }

    #[must_use]
    pub fn timeout(message: impl Into<String>) -> Self {
        let message = format!("Timeout: {}", message.into());
        Self::new(504, "Timeout", message)
    }

    #[must_use]
    pub fn service_unavailable(message: impl Into<String>) -> Self {
        Self::new(503, "ServiceUnavailable", message)
    }

    /// An error that upstream's server knows no reason for: its text alone, with a 500
    /// (`responsewriters.ErrorToAPIStatus`).
    #[must_use]
    pub fn unclassified(error: impl fmt::Display) -> Self {
        Self::new(500, "", error.to_string())
    }

    #[must_use]
    pub fn internal(error: impl fmt::Display) -> Self {
        let message = format!("Internal error occurred: {error}");
        let mut status = Self::new(500, "InternalError", message);
        let cause = Cause {
            message: error.to_string(),
            ..Cause::default()
        };
        status.0.details = Some(Details {
            causes: vec![cause],
            ..Details::default()
        });
        status
    }

    #[must_use]
    pub fn reason(&self) -> &str {
        self.0.reason.as_ref().map_or("", |reason| &reason.0)
    }

    #[must_use]
    pub fn code(&self) -> u16 {
        self.0.code
    }

    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.reason() == "NotFound"
    }

    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        self.reason() == "AlreadyExists"
    }

    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.reason() == "Conflict"
    }

    #[must_use]
    pub fn is_expired(&self) -> bool {
        matches!(self.reason(), "Expired" | "Gone")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{FieldError, Path};
    use serde_json::json;

    #[test]
    fn errors_read_as_upstreams() {
        let deployments = GroupResource::new("apps", "deployments");
        let pods = GroupResource::new("", "pods");
        let rows = [
            (
                StatusError::not_found(&deployments, "web"),
                404,
                "deployments.apps \"web\" not found",
            ),
            (
                StatusError::already_exists(&pods, "web"),
                409,
                "pods \"web\" already exists",
            ),
            (
                StatusError::modified(&pods, "a"),
                409,
                "Operation cannot be fulfilled on pods \"a\": the object has been modified; \
                 please apply your changes to the latest version and try again",
            ),
            (
                StatusError::forbidden(&pods, "", "no"),
                403,
                "pods is forbidden: no",
            ),
        ];
        for (error, code, message) in rows {
            assert_eq!((error.code(), error.to_string().as_str()), (code, message));
        }
    }

    #[test]
    fn invalid_lists_its_causes() {
        let kind = GroupVersionKind::new("apps", "v1", "Deployment");
        let errors = FieldErrors(vec![FieldError::required(&Path::new("spec"), "")]);
        let status = serde_json::to_value(StatusError::invalid(&kind, "web", &errors).0);
        let expected = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "Deployment.apps \"web\" is invalid: spec: Required value",
            "reason": "Invalid", "code": 422,
            "details": {"name": "web", "group": "apps", "kind": "Deployment", "causes": [
                {"reason": "FieldValueRequired", "message": "Required value", "field": "spec"},
            ]},
        });
        assert_eq!(status.expect("serializable"), expected);
    }
}
