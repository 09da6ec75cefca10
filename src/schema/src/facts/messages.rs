//! Protobuf facts: field numbers by message, unpacked only when a codec asks.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::builtin::unpack;

static MESSAGES: &[u8] = include_bytes!("../../data/messages.json.zz");

/// All messages by full name: `k8s.io.api.core.v1.PodSpec`.
#[derive(Debug)]
pub struct Messages(HashMap<Box<str>, Message>);

/// The fields of one message, in the order of its definition.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Message(pub Box<[MessageField]>);

#[derive(Debug, Deserialize)]
pub struct MessageField {
    /// The field number.
    #[serde(rename = "n")]
    pub number: u32,
    /// The JSON name; a field whose name the JSON type lacks is inlined there.
    pub name: Box<str>,
    /// `string`, `int32`, `map<string, string>`, or a message, full or of the same package.
    #[serde(rename = "type")]
    pub ty: Box<str>,
    #[serde(default)]
    pub repeated: bool,
}

impl Messages {
    /// The messages of Kubernetes 1.35, unpacked at the first call and kept.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Messages> = OnceLock::new();
        BUILTIN.get_or_init(|| {
            let text = unpack(MESSAGES);
            Self(serde_json::from_slice(&text).expect("embedded facts have this form"))
        })
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Message> {
        self.0.get(name)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
