//! What an API server's answers say.

use std::borrow::Cow;

use apimachinery::{Encoded, Head, Reason, Status, StatusError};
use base::TraceId;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use http::Response;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::ClientError;
use crate::transport::{ByteStream, TransportError};

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// A server may leave `apiVersion` and `kind` out of items.
    pub items: Vec<Encoded>,
    /// The revision that all pages of this list show.
    pub revision: u64,
    /// Asks for the next page; empty on the last.
    pub continue_token: String,
    /// How many objects follow this page, where the server knows.
    pub remaining: Option<u64>,
}

/// The whole body.
pub(crate) async fn collect(body: ByteStream) -> Result<Bytes, TransportError> {
    let whole = body.try_fold(BytesMut::new(), |mut whole, chunk| {
        whole.extend_from_slice(&chunk);
        std::future::ready(Ok(whole))
    });
    Ok(whole.await?.freeze())
}

/// The answer when it is a success, else the refusal in it.
pub(crate) async fn success(
    response: Response<ByteStream>,
) -> Result<Response<ByteStream>, ClientError> {
    if response.status().is_success() {
        return Ok(response);
    }
    let code = response.status().as_u16();
    let body = collect(response.into_body()).await?;
    Err(ClientError::Status(refusal(code, &body)))
}

/// The Status in a body. What is none (a proxy's page) becomes one, with the start of its text.
fn refusal(code: u16, body: &[u8]) -> StatusError {
    if let Ok(status) = serde_json::from_slice::<Status>(body)
        && status.kind == "Status"
    {
        return StatusError(Box::new(Status { code, ..status }));
    }
    let text: String = String::from_utf8_lossy(body)
        .trim()
        .chars()
        .take(512)
        .collect();
    let reason = match code {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        406 => "NotAcceptable",
        409 => "Conflict",
        410 => "Expired",
        413 => "RequestEntityTooLarge",
        415 => "UnsupportedMediaType",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "Unknown",
    };
    StatusError(Box::new(Status {
        message: format!("the server answered {code}: {text}"),
        reason: Some(Reason(Cow::Borrowed(reason))),
        code,
        ..StatusError::service_unavailable("").0.as_ref().clone()
    }))
}

/// An object as it came, with the revision it carries.
pub(crate) fn object(json: Bytes, trace: TraceId) -> Result<Encoded, serde_json::Error> {
    let head: Head<'_> = serde_json::from_slice(&json)?;
    let revision = revision(&head.metadata.resource_version);
    Ok(Encoded::from_parts(json, None, revision, trace))
}

/// A resourceVersion as a number; 0 for what is not one, as in answers that were not stored.
pub(crate) fn revision(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow, default)]
    metadata: ListMetadata<'a>,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata<'a> {
    #[serde(borrow, default)]
    resource_version: Cow<'a, str>,
    #[serde(borrow, default, rename = "continue")]
    continue_token: Cow<'a, str>,
    remaining_item_count: Option<u64>,
}

/// A page of objects. Each gets bytes of its own, so that keeping one does not keep the page.
pub(crate) fn page(body: &[u8]) -> Result<Page, serde_json::Error> {
    let list: List<'_> = serde_json::from_slice(body)?;
    let items = list.items.unwrap_or_default().into_iter();
    let own = |item: &RawValue| Bytes::copy_from_slice(item.get().as_bytes());
    let items = items.map(|item| object(own(item), TraceId::NONE));
    Ok(Page {
        items: items.collect::<Result<_, _>>()?,
        revision: revision(&list.metadata.resource_version),
        continue_token: list.metadata.continue_token.into_owned(),
        remaining: list.metadata.remaining_item_count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_statuses_whatever_the_body() {
        let status = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",
            "message":"pods \"a\" not found","reason":"NotFound","code":404}"#;
        let rows = [
            (404, status, "NotFound", "pods \"a\" not found"),
            (
                502,
                "<html>bad gateway",
                "Unknown",
                "the server answered 502: <html>bad gateway",
            ),
            (429, "", "TooManyRequests", "the server answered 429: "),
            (
                500,
                "{\"kind\":\"Pod\"}",
                "InternalError",
                "the server answered 500: {\"kind\":\"Pod\"}",
            ),
        ];
        for (code, body, reason, message) in rows {
            let error = refusal(code, body.as_bytes());
            let found = (error.code(), error.reason(), error.to_string());
            assert_eq!(found, (code, reason, message.to_owned()));
        }
    }

    #[test]
    fn a_page_splits_into_objects() {
        let body = br#"{"metadata":{"resourceVersion":"9","continue":"x","remainingItemCount":3},
            "items":[{"metadata":{"name":"a","resourceVersion":"4"}}]}"#;
        let page = page(body).expect("a list");
        assert_eq!(
            (page.revision, page.continue_token.as_str(), page.remaining),
            (9, "x", Some(3))
        );
        assert_eq!(page.items[0].revision(), 4);
        assert_eq!(page.items[0].to_bytes(), page.items[0].json());
        let empty = super::page(br#"{"metadata":{"resourceVersion":"9"},"items":null}"#);
        assert_eq!(empty.expect("a list").items, []);
    }
}
