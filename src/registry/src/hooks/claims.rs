//! Keys that stand for what an object holds: an address, a port. Whoever puts one first has it.

use apimachinery::StatusError;
use bytes::Bytes;
use store::{Expect, Op};

use crate::error::from_store;
use crate::{Registry, key};

/// Things of one sort, such as `cluster-ip`.
pub struct Claims(pub &'static str);

impl Claims {
    fn key(&self, which: &str) -> String {
        key::allocated(self.0, which)
    }

    /// Whether somebody holds it now.
    pub async fn is_taken(&self, registry: &Registry, which: &str) -> Result<bool, StatusError> {
        let key = self.key(which);
        let found = registry.store.get(&key, None).await.map_err(from_store)?;
        Ok(found.is_some())
    }

    /// Takes it, or fails the transaction.
    pub fn take(&self, which: &str) -> Op {
        Op::Put {
            key: self.key(which).into(),
            value: Bytes::new(),
            expect: Expect::Absent,
            ttl: None,
        }
    }

    /// Gives it back.
    pub fn release(&self, which: &str) -> Op {
        Op::Delete {
            key: self.key(which).into(),
            expect: Expect::Any,
        }
    }
}
