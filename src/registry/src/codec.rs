//! The stored form: a small header, then canonical JSON without resourceVersion.
//!
//! | bytes | meaning |
//! |---|---|
//! | 0 | format version, 1 |
//! | 1 | codec: 0 is plain JSON |
//! | 2-3 | encryption key id, little endian; 0 is none |
//! | 4-7 | splice offset within the JSON, little endian |

use apimachinery::{Encoded, Object, StatusError};
use base::TraceId;
use bytes::{Bytes, BytesMut};
use resources::Resource;
use schema::Facts;
use store::Revision;

const FORMAT: u8 = 1;
const PLAIN_JSON: u8 = 0;
const HEADER: usize = 8;
/// In place of an offset: the object has no metadata to splice into.
const NO_SPLICE: u32 = u32::MAX;

/// An object as it is stored and answered: without nulls and what Go's `omitempty` leaves out,
/// so that equal objects have equal bytes.
pub fn canonical(row: &Resource, object: &mut Object, revision: u64, trace: TraceId) -> Encoded {
    if let Some(facts) = Facts::builtin().kind(&row.gvk()) {
        schema::normalize(object, facts);
    }
    Encoded::from_object(object, revision, trace)
}

/// An object of a dry run that no store has seen: it has no revision.
pub fn unstored(object: &Encoded) -> Encoded {
    Encoded::from_parts(object.json().clone(), None, 0, object.trace)
}

/// The same object at the revision of a commit.
pub fn at(object: &Encoded, revision: Revision) -> Encoded {
    let (json, splice) = object.parts();
    Encoded::from_parts(json.clone(), splice, revision.0, object.trace)
}

/// The bytes to store.
pub fn encode(object: &Encoded) -> Bytes {
    let (json, splice) = object.parts();
    let splice = splice
        .and_then(|at| u32::try_from(at).ok())
        .unwrap_or(NO_SPLICE);
    let mut value = BytesMut::with_capacity(HEADER + json.len());
    value.extend_from_slice(&[FORMAT, PLAIN_JSON, 0, 0]);
    value.extend_from_slice(&splice.to_le_bytes());
    value.extend_from_slice(json);
    value.freeze()
}

/// The object in stored bytes, at the revision the store gives it. Shares the bytes.
///
/// # Errors
/// An internal error that says which part of the header this version cannot read.
pub fn decode(value: Bytes, revision: u64, trace: TraceId) -> Result<Encoded, StatusError> {
    let Some(header) = value.first_chunk::<HEADER>() else {
        return Err(damaged("shorter than its header"));
    };
    let [format, codec, key_low, key_high, splice @ ..] = *header;
    if format != FORMAT {
        return Err(damaged(&format!(
            "of format {format}, this rk3s reads format {FORMAT}: start the version that wrote it"
        )));
    }
    if codec != PLAIN_JSON || u16::from_le_bytes([key_low, key_high]) != 0 {
        return Err(damaged("encoded in a way this rk3s cannot read"));
    }
    let splice = match u32::from_le_bytes(splice) {
        NO_SPLICE => None,
        at => Some(at as usize),
    };
    let json = value.slice(HEADER..);
    if splice.is_some_and(|at| at > json.len()) {
        return Err(damaged("shorter than its splice offset"));
    }
    Ok(Encoded::from_parts(json, splice, revision, trace))
}

fn damaged(how: &str) -> StatusError {
    StatusError::internal(format!("stored object is {how}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use apimachinery::Object;
    use serde_json::json;

    #[test]
    fn a_stored_object_comes_back_with_its_revision() {
        let object =
            Object::from_value(json!({"kind": "X", "metadata": {"name": "a", "uid": "u"}}));
        let object = object.expect("an object");
        let stored = encode(&Encoded::from_object(&object, 0, TraceId::NONE));
        let decoded = decode(stored, 9, TraceId::NONE).expect("readable");
        assert_eq!(
            decoded.to_bytes(),
            r#"{"kind":"X","metadata":{"name":"a","resourceVersion":"9","uid":"u"}}"#
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let rows: [(&'static [u8], &str); 4] = [
            (b"", "stored object is shorter than its header"),
            (b"\x02\0\0\0\0\0\0\0{}", "stored object is of format 2"),
            (
                b"\x01\x07\0\0\0\0\0\0{}",
                "stored object is encoded in a way",
            ),
            (
                b"\x01\0\0\0\x09\0\0\0{}",
                "stored object is shorter than its splice offset",
            ),
        ];
        for (bytes, text) in rows {
            let error = decode(Bytes::from_static(bytes), 1, TraceId::NONE).expect_err(text);
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
