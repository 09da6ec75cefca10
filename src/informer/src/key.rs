//! Which object: namespace and name.

use std::fmt;
use std::sync::Arc;

use apimachinery::Encoded;

/// Shown as `namespace/name`, or `name` for cluster-scoped objects. Cloning shares the texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Empty for cluster-scoped objects.
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

impl Key {
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// Of an object; `None` when its bytes are no object.
    #[must_use]
    pub fn of(object: &Encoded) -> Option<Self> {
        let head = object.head().ok()?;
        Some(Self::new(&head.metadata.namespace, &head.metadata.name))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}
