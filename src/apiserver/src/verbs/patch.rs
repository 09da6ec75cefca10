//! PATCH of one object: JSON patch, merge patch, strategic merge patch.

use apimachinery::{GroupVersionKind, Object, StatusError};
use axum::body::Body;
use http::{Response, StatusCode};
use schema::decode::{self, Validation};
use schema::patch;
use serde_json::Value;

use super::{answer_object, body};
use crate::dispatch::Call;
use crate::{negotiate, options};

/// The patch types there are, in upstream's order. Server-side apply is not served yet.
const ACCEPTED: [&str; 3] = [
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

/// A patch, read once and applied to each state it is tried on.
pub(crate) enum Patch {
    Json(Vec<u8>),
    Merge(Value),
    Strategic(Value),
}

pub(crate) async fn handle(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let patch = Patch::read(&call)?;
    let (options, validation) = options::write(call.uri, "PatchOptions", call.subresource())?;
    let kind = call.served.gvk();
    let change = |old: &Object| {
        let patched = patch.apply(&call, &kind, old, validation)?;
        registry::check_target(&kind, &patched, call.target())?;
        Ok(patched)
    };
    let updated = call
        .writer()
        .update(call.target(), &change, &options)
        .await?;
    answer_object(&call, StatusCode::OK, &updated)
}

impl Patch {
    /// Reads the body as the content type says.
    pub fn read(call: &Call<'_>) -> Result<Self, StatusError> {
        let object = |what: &str| {
            let map = decode::map(&call.body)
                .map_err(|error| StatusError::bad_request(format!("{what}{error}")))?;
            Ok::<_, StatusError>(Value::Object(map))
        };
        match negotiate::content_type(call.headers) {
            "application/json-patch+json" => Ok(Self::Json(call.body.to_vec())),
            "application/merge-patch+json" => Ok(Self::Merge(object("error decoding patch: ")?)),
            "application/strategic-merge-patch+json" => Ok(Self::Strategic(object("")?)),
            _ => Err(StatusError::unsupported_media_type(&ACCEPTED)),
        }
    }

    /// As errors show it.
    fn text(&self) -> String {
        match self {
            Self::Json(operations) => String::from_utf8_lossy(operations).into_owned(),
            Self::Merge(patch) | Self::Strategic(patch) => patch.to_string(),
        }
    }

    /// The patched object, checked against its schema. It carries the resourceVersion of `old`,
    /// unless the patch names another: that is a precondition which does not hold.
    pub fn apply(
        &self,
        call: &Call<'_>,
        kind: &GroupVersionKind,
        old: &Object,
        validation: Validation,
    ) -> Result<Object, StatusError> {
        let mut value = old.clone().into_value();
        match self {
            Self::Json(operations) => patch::json(&mut value, operations),
            Self::Merge(patch) => {
                patch::merge(&mut value, patch);
                Ok(())
            }
            Self::Strategic(patch) => patch::strategic(&mut value, patch, body::facts(kind)?),
        }
        .map_err(|error| refusal(&error))?;
        body::decode_patched(call.cx, value, kind, validation, || self.text())
    }
}

fn refusal(error: &patch::PatchError) -> StatusError {
    if error.is_unprocessable() {
        // Upstream keeps to itself why the patch does not apply.
        let text = "the server rejected our request due to an error in our request";
        StatusError::unprocessable(text)
    } else if error.is_unclassified() {
        StatusError::unclassified(error)
    } else if error.is_too_large() {
        StatusError::too_many_operations(error.to_string())
    } else {
        StatusError::bad_request(error.to_string())
    }
}
