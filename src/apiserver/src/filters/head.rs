//! HEAD: what GET would answer, without its body.

use axum::body::Body;
use http::{Response, header};

/// The same head, which says how long the body would be if that is known. HTTP/2 sends whatever
/// body there is, and clients take that for a protocol error.
pub(crate) fn without_body(response: Response<Body>) -> Response<Body> {
    let size = http_body::Body::size_hint(response.body()).exact();
    // Where nothing is known hyper adds no length of its own: it knows the method.
    let mut response = response.map(|_| Body::empty());
    if let Some(size) = size {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, size.into());
    }
    response
}
