//! An object in the two forms a plan reads.

use std::ops::Deref;

use api::{DecodeError, Kind};
use apimachinery::{Encoded, Object};

/// Typed for what a plan decides, JSON for what it copies: a typed value has lost the fields it
/// does not know.
#[derive(Clone, Debug)]
pub(crate) struct Viewed<K> {
    pub(crate) typed: K,
    pub(crate) json: Object,
}

impl<K: Kind> Viewed<K> {
    /// # Errors
    /// When the bytes are not of this kind.
    pub(crate) fn of(encoded: &Encoded) -> Result<Self, DecodeError> {
        let typed = api::decode(encoded)?;
        let json = encoded.to_object();
        let json = json.map_err(|source| DecodeError {
            kind: K::KIND,
            source,
        })?;
        Ok(Self { typed, json })
    }

    /// From a test's JSON.
    #[cfg(test)]
    pub(crate) fn from_json(value: serde_json::Value) -> Self {
        let json = Object::from_value(value).expect("a test writes objects");
        let typed = api::view(&json).expect("a test writes what decodes");
        Self { typed, json }
    }
}

impl<K> Deref for Viewed<K> {
    type Target = K;

    fn deref(&self) -> &K {
        &self.typed
    }
}
