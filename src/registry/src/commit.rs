//! The one place where an object's new state, and what its hooks add, is committed.

use apimachinery::{Encoded, Object, StatusError};
use store::{Expect, Op, Revision};

use crate::error::from_store;
use crate::{Writer, codec, hooks};

/// What became of a commit.
pub enum Committed {
    /// Durable, at the revision the object carries now.
    Done(Encoded),
    /// The object itself is not as expected: another writer was first.
    Outrun,
    /// Something a hook wanted to allocate or check is no longer so.
    SideLost,
}

impl Writer<'_> {
    /// Writes the object and its hooks' operations in one transaction.
    pub(crate) async fn commit(
        &self,
        key: &str,
        object: &Encoded,
        expect: Expect,
        side: Vec<Op>,
    ) -> Result<Committed, StatusError> {
        let value = codec::encode(object);
        // The object comes last: the transaction's revision is then the object's own.
        let mut ops = side;
        let own = ops.len();
        ops.push(Op::Put {
            key: key.into(),
            value,
            expect,
            ttl: hooks::ttl(self.row),
        });
        match self.registry.store.txn(ops, self.cx.trace).await {
            Ok(revision) => Ok(Committed::Done(codec::at(object, revision))),
            Err(store::Error::Conflict { op, .. }) if op == own => Ok(Committed::Outrun),
            Err(store::Error::Conflict { .. }) => Ok(Committed::SideLost),
            Err(error) => Err(from_store(error)),
        }
    }

    /// Takes the object out of the store, with what its hooks had allocated. The revision at
    /// which it went; `None` when another writer was first.
    pub(crate) async fn remove(
        &self,
        key: &str,
        old: &Object,
        modified: Revision,
    ) -> Result<Option<Revision>, StatusError> {
        let mut ops = Vec::new();
        hooks::before_commit(self.registry, self.row, Some(old), None, &mut ops).await?;
        // Last again: the transaction's revision is that of the object's own end.
        ops.push(Op::Delete {
            key: key.into(),
            expect: Expect::At(modified),
        });
        match self.registry.store.txn(ops, self.cx.trace).await {
            Ok(revision) => Ok(Some(revision)),
            Err(store::Error::Conflict { .. }) => Ok(None),
            Err(error) => Err(from_store(error)),
        }
    }
}
