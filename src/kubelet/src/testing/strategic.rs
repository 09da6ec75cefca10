//! The fake API server merges JSON only; this puts strategic merge of conditions before it.

use bytes::Bytes;
use client::testing::FakeServer;
use client::{ByteStream, Transport, TransportError};
use futures::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use serde_json::Value;

use api::core::Pod;

/// A transport to the server.
pub struct Strategic(pub FakeServer);

impl Strategic {
    /// Conditions that the patch does not name stay.
    fn keep_conditions(&self, path: &str, patch: &mut Value) {
        let segments: Vec<&str> = path.split('/').collect();
        let ["", "api", "v1", "namespaces", namespace, "pods", name, ..] = segments[..] else {
            return;
        };
        let (Some(Value::Array(new)), Some(pod)) = (
            patch.pointer_mut("/status/conditions"),
            self.0.get::<Pod>(namespace, name),
        ) else {
            return;
        };
        let old = pod.status.and_then(|status| status.conditions);
        let mut merged: Vec<Value> = Vec::new();
        for condition in old.into_iter().flatten() {
            let condition = serde_json::to_value(condition).expect("prints");
            if !new.iter().any(|new| new["type"] == condition["type"]) {
                merged.push(condition);
            }
        }
        merged.append(new);
        *new = merged;
    }
}

/// JSON merge replaces every list, so `$patch: replace` says nothing to it.
fn drop_directives(patch: &mut Value) {
    match patch {
        Value::Object(fields) => fields.values_mut().for_each(drop_directives),
        Value::Array(items) => {
            items.retain(|item| item.get("$patch").is_none());
            items.iter_mut().for_each(drop_directives);
        }
        _ => {}
    }
}

impl Transport for Strategic {
    fn send(
        &self,
        mut request: Request<Bytes>,
    ) -> BoxFuture<'_, Result<Response<ByteStream>, TransportError>> {
        let kind = request.headers().get(CONTENT_TYPE);
        if kind.is_some_and(|kind| kind == "application/strategic-merge-patch+json") {
            let mut patch = serde_json::from_slice(request.body()).expect("a patch is JSON");
            self.keep_conditions(request.uri().path(), &mut patch);
            drop_directives(&mut patch);
            *request.body_mut() = patch.to_string().into();
            let merge = HeaderValue::from_static("application/merge-patch+json");
            request.headers_mut().insert(CONTENT_TYPE, merge);
        }
        self.0.send(request)
    }
}
