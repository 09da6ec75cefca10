//! The request's body, whole and bounded.

use apimachinery::StatusError;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// A body may not be longer (etcd's default, and upstream's limit).
pub(crate) const MAX_BODY: usize = 3 * 1024 * 1024;

/// Reads the body.
///
/// # Errors
/// RequestEntityTooLarge, or BadRequest when the client breaks off.
pub(crate) async fn read(body: Body) -> Result<Bytes, StatusError> {
    // What is said to be too long is not even begun.
    if http_body::Body::size_hint(&body).lower() > MAX_BODY as u64 {
        return Err(StatusError::too_large(MAX_BODY));
    }
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(StatusError::too_large(MAX_BODY)),
        Err(error) => Err(StatusError::bad_request(format!(
            "cannot read the body: {error}"
        ))),
    }
}
