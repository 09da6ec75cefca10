//! An answer on its way out: large ones in pieces, so that a slow client is noticed, and memory
//! is given back as it goes.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::Response;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

use super::activity::Busy;
use crate::filters::deadline::DEADLINE;
use crate::held;

/// One piece of a large answer.
const PIECE: usize = 64 * 1024;
/// Slower than this many bytes a second is no client worth waiting for.
const SLOWEST: u64 = 64 * 1024;

/// Marks an answer that may last: a watch may have nothing to say for hours.
#[derive(Clone, Copy)]
pub(crate) struct MayLast;

/// The answer, which keeps the connection busy until it is taken.
pub async fn deliver(response: Response<Body>, mut busy: Busy) -> Response<Body> {
    let size = http_body::Body::size_hint(response.body()).exact();
    let lasts = response.extensions().get::<MayLast>().is_some();
    let size = match size {
        None if lasts => return response.map(|body| held::body(body, busy)),
        None => return response.map(|inner| Body::new(Moving { inner, busy })),
        Some(size) if size <= PIECE as u64 => return response.map(|body| held::body(body, busy)),
        Some(size) => size,
    };
    let (head, body) = response.into_parts();
    // A body of known size is in memory: this waits for nothing, and copies nothing.
    let rest = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Response::from_parts(head, Body::empty()),
    };
    busy.must_end_within(DEADLINE + Duration::from_secs(size / SLOWEST));
    Response::from_parts(head, held::body(Body::new(Pieces(rest)), busy))
}

/// An answer that is made while it is sent: each piece must be taken in time.
struct Moving {
    inner: Body,
    busy: Busy,
}

impl http_body::Body for Moving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.busy.must_end_within(DEADLINE);
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

struct Pieces(Bytes);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let size = self.0.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.0.split_to(size)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}
