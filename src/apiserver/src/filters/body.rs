//! The request's body, whole and bounded.

use apimachinery::StatusError;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// A body may not be longer (etcd's default, and upstream's limit).
pub(crate) const MAX_BODY: usize = 3 * 1024 * 1024;

/// What is still taken of a body that is refused (as much as Go's server takes). A client of
/// HTTP/1.1 reads no answer before it has written its body.
const REST: u64 = 256 * 1024;

/// Reads the body.
///
/// # Errors
/// RequestEntityTooLarge, or BadRequest when the client breaks off.
pub(crate) async fn read(mut body: Body) -> Result<Bytes, StatusError> {
    let said = http_body::Body::size_hint(&body).lower();
    if said > MAX_BODY as u64 {
        // What is said to be too long is not kept.
        drain(&mut body, MAX_BODY as u64 + REST).await;
        return Err(StatusError::too_large(MAX_BODY));
    }
    match Limited::new(&mut body, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            drain(&mut body, REST).await;
            Err(StatusError::too_large(MAX_BODY))
        }
        Err(error) => Err(StatusError::bad_request(format!(
            "cannot read the body: {error}"
        ))),
    }
}

/// Drops about `most` bytes, or what there is: a client that breaks off has its answer.
async fn drain(body: &mut Body, most: u64) {
    let mut left = most;
    while left > 0 {
        let Some(Ok(frame)) = body.frame().await else {
            return;
        };
        let length = frame.data_ref().map_or(0, Bytes::len);
        left = left.saturating_sub(length as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::stream::{self, StreamExt};

    use super::*;

    const FRAME: usize = 64 * 1024;

    /// Reads a body of that many bytes in frames; says how much of it was taken.
    async fn taken(length: usize) -> (Result<usize, u16>, usize) {
        let taken = Arc::new(AtomicUsize::new(0));
        let count = taken.clone();
        let frames = stream::iter((0..length).step_by(FRAME)).map(move |at| {
            let frame = vec![b' '; FRAME.min(length - at)];
            count.fetch_add(frame.len(), Ordering::Relaxed);
            Ok::<_, std::io::Error>(Bytes::from(frame))
        });
        let read = read(Body::from_stream(frames)).await;
        let read = read.map(|body| body.len()).map_err(|error| error.code());
        (read, taken.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn what_is_refused_is_read_on_for_a_while() {
        let whole = MAX_BODY + 100_000;
        assert_eq!(taken(1000).await, (Ok(1000), 1000));
        assert_eq!(taken(MAX_BODY).await, (Ok(MAX_BODY), MAX_BODY));
        assert_eq!(taken(whole).await, (Err(413), whole));
        let (refused, taken) = taken(100 << 20).await;
        assert_eq!(refused, Err(413));
        assert!(taken <= MAX_BODY + 2 * FRAME + 256 * 1024, "{taken}");
    }

    /// It is refused for its length alone, and read all the same.
    #[tokio::test]
    async fn what_is_said_to_be_too_long_is_not_kept() {
        let body = Body::from(vec![b' '; MAX_BODY + 1]);
        assert_eq!(read(body).await.map_err(|error| error.code()), Err(413));
    }
}
