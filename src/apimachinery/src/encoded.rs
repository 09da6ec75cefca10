//! A stored object as bytes: what lists, watches and caches share without parsing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base::TraceId;
use bytes::{BufMut, Bytes};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::object::Object;

/// Canonical JSON without `metadata.resourceVersion`, and where the revision is spliced in.
/// Cloning shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    json: Bytes,
    /// Byte offset just before `metadata`'s next key after `resourceVersion`, or where the
    /// bytes already carry their revision, `None`.
    splice: Option<usize>,
    revision: u64,
    /// The trace of the write that made this state.
    pub trace: TraceId,
}

/// What selectors, indexes and the garbage collector read, borrowed from the bytes.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Head<'a> {
    #[serde(borrow, default)]
    pub metadata: HeadMetadata<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeadMetadata<'a> {
    #[serde(borrow, default)]
    pub name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub namespace: Cow<'a, str>,
    #[serde(borrow, default)]
    pub uid: Cow<'a, str>,
    #[serde(borrow, default)]
    pub resource_version: Cow<'a, str>,
    #[serde(default)]
    pub labels: Option<BTreeMap<String, String>>,
}

impl Encoded {
    /// Encodes an object; a resourceVersion it carries is left out.
    ///
    /// # Panics
    /// Never: a JSON map always prints.
    #[must_use]
    pub fn from_object(object: &Object, revision: u64, trace: TraceId) -> Self {
        let mut out = Vec::with_capacity(1024);
        let mut splice = None;
        out.push(b'{');
        for (key, value) in object.iter() {
            separate_and_key(&mut out, key);
            match (key.as_str(), value) {
                ("metadata", Value::Object(metadata)) => {
                    splice = Some(encode_metadata(&mut out, metadata));
                }
                _ => print(&mut out, value),
            }
        }
        out.push(b'}');
        Self {
            json: out.into(),
            splice,
            revision,
            trace,
        }
    }

    /// From stored parts. The splice offset was given by [`Encoded::parts`].
    #[must_use]
    pub fn from_parts(json: Bytes, splice: Option<usize>, revision: u64, trace: TraceId) -> Self {
        Self {
            json,
            splice,
            revision,
            trace,
        }
    }

    /// The bytes to store, and the splice offset to store beside them.
    #[must_use]
    pub fn parts(&self) -> (&Bytes, Option<usize>) {
        (&self.json, self.splice)
    }

    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Appends the object with its resourceVersion.
    pub fn write_to(&self, out: &mut impl BufMut) {
        match self.splice {
            None => out.put_slice(&self.json),
            Some(at) => {
                let (before, after) = self.json.split_at(at);
                out.put_slice(before);
                if !before.ends_with(b"{") {
                    out.put_u8(b',');
                }
                out.put_slice(format!("\"resourceVersion\":\"{}\"", self.revision).as_bytes());
                let rest = after.strip_prefix(b",").unwrap_or(after);
                if !rest.starts_with(b"}") {
                    out.put_u8(b',');
                }
                out.put_slice(rest);
            }
        }
    }

    /// The whole JSON text with its resourceVersion.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        if self.splice.is_none() {
            return self.json.clone();
        }
        let mut out = Vec::with_capacity(self.json.len() + 48);
        self.write_to(&mut out);
        out.into()
    }

    /// The bytes without the revision; typed views ask for [`Encoded::revision`] beside them.
    #[must_use]
    pub fn json(&self) -> &Bytes {
        &self.json
    }

    /// The metadata that selectors and indexes need, without a full parse.
    ///
    /// # Errors
    /// When the bytes are not a JSON object with well-typed metadata.
    pub fn head(&self) -> serde_json::Result<Head<'_>> {
        serde_json::from_slice(&self.json)
    }

    /// Decodes the whole object, resourceVersion included.
    ///
    /// # Errors
    /// When the bytes are not a JSON object: the store is damaged, or a server misbehaves.
    pub fn to_object(&self) -> serde_json::Result<Object> {
        let mut object: Object = serde_json::from_slice(&self.json)?;
        if self.splice.is_some() {
            object.set_meta("resourceVersion", &self.revision.to_string());
        }
        Ok(object)
    }
}

fn print(out: &mut Vec<u8>, value: &Value) {
    serde_json::to_writer(out, value).expect("a JSON value always prints into a vector");
}

fn separate_and_key(out: &mut Vec<u8>, key: &str) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    serde_json::to_writer(&mut *out, key).expect("a text always prints into a vector");
    out.push(b':');
}

/// Prints `metadata` in key order without resourceVersion; gives the offset where it belongs.
fn encode_metadata(out: &mut Vec<u8>, metadata: &Map<String, Value>) -> usize {
    let mut splice = None;
    out.push(b'{');
    for (key, value) in metadata {
        if key.as_str() >= "resourceVersion" && splice.is_none() {
            splice = Some(out.len());
        }
        if key != "resourceVersion" {
            separate_and_key(out, key);
            print(out, value);
        }
    }
    let splice = splice.unwrap_or(out.len());
    out.push(b'}');
    splice
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The spliced bytes are what printing the whole object would give.
    #[test]
    fn splicing_equals_printing() {
        let rows = [
            json!({"metadata": {"name": "a", "uid": "u"}, "spec": {"x": 1}}),
            json!({"metadata": {"uid": "u"}}),
            json!({"metadata": {"name": "a"}}),
            json!({"metadata": {}}),
            json!({"apiVersion": "v1", "metadata": {"labels": {"}": "{,"}, "resourceVersion": "3"}}),
        ];
        for row in rows {
            let mut object = Object::from_value(row).expect("an object");
            let encoded = Encoded::from_object(&object, 7, TraceId::NONE);
            object.set_meta("resourceVersion", "7");
            let whole = serde_json::to_string(&object).expect("printable");
            assert_eq!(encoded.to_bytes(), whole.as_bytes());
            assert_eq!(encoded.to_object().expect("valid"), object);
        }
    }

    #[test]
    fn head_reads_labels_and_escapes() {
        let object = Object::from_value(json!({
            "metadata": {"name": "a\"b", "labels": {"k": "v"}}, "spec": {"deep": [1, 2]},
        }));
        let encoded = Encoded::from_object(&object.expect("an object"), 1, TraceId::NONE);
        let head = encoded.head().expect("valid");
        assert_eq!(head.metadata.name, "a\"b");
        assert_eq!(head.metadata.labels.expect("there")["k"], "v");
    }
}
