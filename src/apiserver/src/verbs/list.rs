//! GET of a collection.

use apimachinery::{Encoded, StatusError};
use axum::body::Body;
use bytes::{BufMut, Bytes, BytesMut};
use futures::stream::{self, Stream};
use http::Response;
use registry::{ListEnd, Listing};
use serde_json::{Map, Value};

use crate::dispatch::Call;
use crate::filters::compression;
use crate::shape::Shape;
use crate::{answer, options};

/// What is sent at once.
const CHUNK: usize = compression::LARGE;
/// A chunk with the item that fills it, of most sizes: growing would copy it again.
const ROOM: usize = CHUNK + CHUNK / 8;
/// Objects that are decoded (Tables, versions that differ) before other tasks get a turn.
const TURN: usize = 32;

pub(crate) async fn handle(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let shape = Shape::of(&call)?;
    let options = options::list(call.row, call.uri)?;
    let registry = &call.state.parts.registry;
    let listing = registry
        .listing(call.row, call.namespace(), &options)
        .await?;
    answer_list(shape, listing).await
}

/// A list, written as it is read and sent as the client takes it: nowhere is it whole.
pub(crate) async fn answer_list(
    shape: Shape,
    listing: Listing,
) -> Result<Response<Body>, StatusError> {
    answer::streamed(chunks(shape, listing)).await
}

fn chunks(shape: Shape, listing: Listing) -> impl Stream<Item = Result<Bytes, StatusError>> {
    let mut writing = Writing {
        shape,
        listing,
        items: Vec::new().into_iter(),
        out: BytesMut::with_capacity(ROOM),
        metadata_is_first: false,
        is_first: true,
        is_over: false,
    };
    writing.open();
    stream::try_unfold(writing, |mut writing| async {
        let chunk = writing.next().await?;
        Ok(chunk.map(|chunk| (chunk, writing)))
    })
}

/// A list on its way out.
struct Writing {
    shape: Shape,
    listing: Listing,
    /// Read, and not yet written.
    items: std::vec::IntoIter<Encoded>,
    out: BytesMut,
    metadata_is_first: bool,
    /// No comma before the next item.
    is_first: bool,
    is_over: bool,
}

impl Writing {
    fn open(&mut self) {
        match self.listing.end() {
            Some(end) => {
                let metadata = metadata(self.listing.revision, end);
                self.shape.open_list(&metadata, &mut self.out);
                self.metadata_is_first = true;
            }
            None => self.shape.open_list_alone(&mut self.out),
        }
    }

    /// The next chunk; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, StatusError> {
        let mut turn = TURN;
        while !self.is_over && self.out.len() < CHUNK {
            if turn == 0 {
                turn = TURN;
                tokio::task::yield_now().await;
            }
            turn -= 1;
            if let Some(item) = self.items.next() {
                if !std::mem::replace(&mut self.is_first, false) {
                    self.out.put_u8(b',');
                }
                self.shape.write_item(&item, &mut self.out)?;
            } else if let Some(more) = self.listing.next().await? {
                self.items = more.into_iter();
            } else {
                self.close();
            }
        }
        let room = if self.is_over { 0 } else { ROOM };
        let chunk = std::mem::replace(&mut self.out, BytesMut::with_capacity(room)).freeze();
        Ok((!chunk.is_empty()).then_some(chunk))
    }

    fn close(&mut self) {
        self.is_over = true;
        self.out.put_u8(b']');
        if let Some(end) = self.listing.end().filter(|_| !self.metadata_is_first) {
            let metadata = Value::Object(metadata(self.listing.revision, end));
            self.out
                .put_slice(format!(",\"metadata\":{metadata}").as_bytes());
        }
        self.out.put_slice(b"}\n");
    }
}

fn metadata(revision: u64, end: &ListEnd) -> Map<String, Value> {
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".into(), revision.to_string().into());
    if let Some(token) = &end.continue_token {
        metadata.insert("continue".into(), token.as_str().into());
        if let Some(remaining) = end.remaining {
            metadata.insert("remainingItemCount".into(), remaining.into());
        }
    }
    metadata
}
