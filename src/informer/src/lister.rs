//! An informer's objects as typed views.

use std::marker::PhantomData;

use api::Kind;
use apimachinery::Encoded;

use crate::index::IndexFn;
use crate::informer::Informer;
use crate::key::Key;

/// An informer that decodes on the way out. Objects that do not decode are logged and left out.
pub struct Lister<K> {
    informer: Informer,
    kind: PhantomData<fn() -> K>,
}

impl<K> Clone for Lister<K> {
    fn clone(&self) -> Self {
        Self {
            informer: self.informer.clone(),
            kind: PhantomData,
        }
    }
}

impl<K: Kind> Lister<K> {
    pub(crate) fn new(informer: Informer) -> Self {
        Self {
            informer,
            kind: PhantomData,
        }
    }

    /// The untyped informer below.
    #[must_use]
    pub fn informer(&self) -> &Informer {
        &self.informer
    }

    #[must_use]
    pub fn with_index(self, name: &'static str, values: IndexFn) -> Self {
        Self {
            informer: self.informer.with_index(name, values),
            kind: PhantomData,
        }
    }

    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<K> {
        self.informer
            .get(&Key::new(namespace, name))
            .as_ref()
            .and_then(decode)
    }

    #[must_use]
    pub fn list(&self) -> Vec<K> {
        self.informer.list().iter().filter_map(decode).collect()
    }

    #[must_use]
    pub fn list_in(&self, namespace: &str) -> Vec<K> {
        self.informer
            .list_in(namespace)
            .iter()
            .filter_map(decode)
            .collect()
    }

    #[must_use]
    pub fn by_index(&self, index: &str, value: &str) -> Vec<K> {
        self.informer
            .by_index(index, value)
            .iter()
            .filter_map(decode)
            .collect()
    }
}

fn decode<K: Kind>(object: &Encoded) -> Option<K> {
    match api::decode(object) {
        Ok(decoded) => Some(decoded),
        Err(error) => {
            tracing::error!(%error, revision = object.revision(), "an object was passed over");
            None
        }
    }
}
