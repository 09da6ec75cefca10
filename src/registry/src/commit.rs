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
            Ok(revision) => {
                let (json, splice) = object.parts();
                let done = Encoded::from_parts(json.clone(), splice, revision.0, self.cx.trace);
                Ok(Committed::Done(done))
            }
            Err(store::Error::Conflict { op, .. }) if op == own => Ok(Committed::Outrun),
            Err(store::Error::Conflict { .. }) => Ok(Committed::SideLost),
            Err(error) => Err(from_store(error)),
        }
    }

    /// Takes the object out of the store, with what its hooks had allocated. False when another
    /// writer was first.
    pub(crate) async fn remove(
        &self,
        key: &str,
        old: &Object,
        modified: Revision,
    ) -> Result<bool, StatusError> {
        let mut ops = vec![Op::Delete {
            key: key.into(),
            expect: Expect::At(modified),
        }];
        hooks::before_commit(self.registry, self.row, Some(old), None, &mut ops).await?;
        match self.registry.store.txn(ops, self.cx.trace).await {
            Ok(_) => Ok(true),
            Err(store::Error::Conflict { .. }) => Ok(false),
            Err(error) => Err(from_store(error)),
        }
    }
}
