//! The last step of a large answer: gzip, for clients that accept it.
//!
//! Handlers answer plain bytes, and none of them compresses. Only what is kept compressed (the
//! OpenAPI documents) comes here with an encoding, and keeps it.

use std::io::Write;

use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::stream::{self, Stream, TryStreamExt};
use http::{HeaderMap, HeaderValue, Response, header};

use crate::request_info::RequestInfo;

/// Longer answers are compressed (upstream's `APIResponseCompression`).
pub(crate) const LARGE: usize = 128 * 1024;

/// Whether the client unpacks gzip.
pub(crate) fn accepted(request: &HeaderMap) -> bool {
    let said = request.get_all(header::ACCEPT_ENCODING).iter();
    let said = said.filter_map(|value| value.to_str().ok());
    said.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        name.trim() == "gzip" && weight.parse().is_ok_and(|weight: f32| weight > 0.0)
    })
}

/// Whether the answer may be compressed. What may last never is: its lines are to come at once.
pub(crate) fn wanted(info: &RequestInfo, request: &HeaderMap) -> bool {
    !info.is_long_running() && accepted(request)
}

/// The answer in gzip when it is large. One of unknown length is: it is made while it is sent,
/// which is done with nothing short.
pub(crate) fn compress(mut response: Response<Body>) -> Response<Body> {
    let length = http_body::Body::size_hint(response.body()).exact();
    let is_short = length.is_some_and(|length| length <= LARGE as u64);
    if is_short || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    response.map(|body| Body::from_stream(packed(body)))
}

/// The same in gzip; other tasks get a turn after each piece.
fn packed(body: Body) -> impl Stream<Item = Result<Bytes, axum::Error>> {
    let encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let begin = Some((body.into_data_stream(), Bytes::new(), encoder));
    stream::try_unfold(begin, |state| async {
        let Some((mut plain, mut rest, mut encoder)) = state else {
            return Ok(None);
        };
        loop {
            if rest.is_empty() {
                let Some(more) = plain.try_next().await? else {
                    let end = encoder.finish().map_err(axum::Error::new)?;
                    return Ok(Some((end.into(), None)));
                };
                rest = more;
            }
            tokio::task::yield_now().await;
            let piece = rest.split_to(rest.len().min(LARGE));
            encoder.write_all(&piece).map_err(axum::Error::new)?;
            let packed = std::mem::take(encoder.get_mut());
            if !packed.is_empty() {
                return Ok(Some((packed.into(), Some((plain, rest, encoder)))));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_accepted_by_name() {
        let rows = [
            ("gzip", true),
            ("deflate, gzip", true),
            ("gzip;q=1.0, identity;q=0.5", true),
            ("br;q=1, gzip; q=0.1", true),
            ("gzip;q=0", false),
            ("identity", false),
            ("xgzip", false),
            ("", false),
        ];
        for (said, expected) in rows {
            let value = HeaderValue::from_static(said);
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, value)]);
            assert_eq!(accepted(&headers), expected, "{said}");
        }
        assert!(!accepted(&HeaderMap::new()));
    }
}
