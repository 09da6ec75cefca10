//! The request's body, whole and bounded.

use std::time::Duration;

use apimachinery::StatusError;
use axum::body::Body;
use base::Clock;
use bytes::Bytes;
use http::request::Parts as Head;
use http::{HeaderValue, Response, Version, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::answer;
use crate::listener::Peer;

/// A body may not be longer (etcd's default, and upstream's limit).
pub(crate) const MAX_BODY: usize = 3 * 1024 * 1024;

/// What is still taken of a body that is refused (as much as Go's server takes), and for how long.
/// Some clients of HTTP/1.1 read no answer before they have written their body.
const REST: u64 = 256 * 1024;
const REST_TIME: Duration = Duration::from_secs(10);

/// Why there is no body.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is longer than [`MAX_BODY`].
    TooLong(Rest),
    /// The client broke off.
    BrokenOff(String),
}

/// What was not read of a body that is too long.
#[derive(Debug)]
pub(crate) struct Rest {
    body: Body,
    /// Bytes that are worth taking.
    most: u64,
    /// Whether some was read: a sender who waited for that was told to go on.
    is_begun: bool,
}

/// Reads the body.
///
/// # Errors
/// See [`Unread`].
pub(crate) async fn read(mut body: Body) -> Result<Bytes, Unread> {
    let said = http_body::Body::size_hint(&body).lower();
    if said > MAX_BODY as u64 {
        // What is said to be too long is not kept.
        return Err(Unread::TooLong(Rest {
            body,
            most: MAX_BODY as u64 + REST,
            is_begun: false,
        }));
    }
    match Limited::new(&mut body, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Unread::TooLong(Rest {
            body,
            most: REST,
            is_begun: true,
        })),
        Err(error) => Err(Unread::BrokenOff(error.to_string())),
    }
}

impl Rest {
    /// The answer to a body that is too long. It does not wait for the rest, which is taken
    /// beside it where the protocol asks for that: HTTP/2 ends the stream alone.
    pub fn refuse(self, clock: &Clock, head: &Head) -> Response<Body> {
        let mut response = answer::error(&StatusError::too_large(MAX_BODY));
        if head.version >= Version::HTTP_2 || head.extensions.get::<Peer>().is_none() {
            return response;
        }
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
        // Who still waits to be told to go on does not send it now.
        if self.is_begun || !head.headers.contains_key(header::EXPECT) {
            let clock = clock.clone();
            base::tasks::spawn("rest of a body", async move {
                // The connection ends with the rest, however that ends.
                let _ = clock.timeout(REST_TIME, self.drain()).await;
            });
        }
        response
    }

    /// Drains about so much, or what there is: a client that breaks off has its answer.
    async fn drain(mut self) {
        while self.most > 0 {
            let Some(Ok(frame)) = self.body.frame().await else {
                return;
            };
            let length = frame.data_ref().map_or(0, Bytes::len);
            self.most = self.most.saturating_sub(length as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::task::{Context, Poll};

    use http_body::{Frame, SizeHint};

    use super::*;

    const FRAME: usize = 64 * 1024;

    /// Bytes that were taken from a body, and the most of them that were held at once.
    #[derive(Default)]
    struct Counts {
        taken: AtomicUsize,
        held: AtomicUsize,
        most: AtomicUsize,
    }

    struct Piece(Vec<u8>, Arc<Counts>);

    impl AsRef<[u8]> for Piece {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    impl Drop for Piece {
        fn drop(&mut self) {
            self.1.held.fetch_sub(self.0.len(), Relaxed);
        }
    }

    struct Counted {
        left: usize,
        says_its_length: bool,
        counts: Arc<Counts>,
    }

    impl http_body::Body for Counted {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let length = FRAME.min(self.left);
            if length == 0 {
                return Poll::Ready(None);
            }
            self.left -= length;
            self.counts.taken.fetch_add(length, Relaxed);
            let held = self.counts.held.fetch_add(length, Relaxed) + length;
            self.counts.most.fetch_max(held, Relaxed);
            let piece = Piece(vec![b' '; length], self.counts.clone());
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(piece)))))
        }

        fn size_hint(&self) -> SizeHint {
            if self.says_its_length {
                SizeHint::with_exact(self.left as u64)
            } else {
                SizeHint::default()
            }
        }
    }

    /// Reads a body of that many bytes; says how much of it was taken, and held at once.
    async fn reading(
        length: usize,
        says_its_length: bool,
    ) -> (Result<usize, &'static str>, usize, usize) {
        let counts = Arc::new(Counts::default());
        let body = Body::new(Counted {
            left: length,
            says_its_length,
            counts: counts.clone(),
        });
        let read = match read(body).await {
            Ok(body) => Ok(body.len()),
            Err(Unread::TooLong(rest)) => {
                rest.drain().await;
                Err("too long")
            }
            Err(Unread::BrokenOff(_)) => Err("broken off"),
        };
        (read, counts.taken.load(Relaxed), counts.most.load(Relaxed))
    }

    #[tokio::test]
    async fn what_is_refused_is_read_on_for_a_while() {
        for says_its_length in [false, true] {
            for length in [1000, MAX_BODY] {
                let (read, taken, _) = reading(length, says_its_length).await;
                assert_eq!((read, taken), (Ok(length), length));
            }
            let long = MAX_BODY + 100_000;
            let (read, taken, _) = reading(long, says_its_length).await;
            assert_eq!((read, taken), (Err("too long"), long));
            let (read, taken, _) = reading(100 << 20, says_its_length).await;
            assert_eq!(read, Err("too long"));
            assert!(taken <= MAX_BODY + 2 * FRAME + 256 * 1024, "{taken}");
        }
    }

    /// The control is a body that does not say it: of that, all is held that may be.
    #[tokio::test]
    async fn what_is_said_to_be_too_long_is_not_kept() {
        for (says_its_length, expected) in [(true, FRAME), (false, MAX_BODY + FRAME)] {
            let (_, _, most) = reading(MAX_BODY + FRAME, says_its_length).await;
            assert_eq!(most, expected);
        }
    }
}
