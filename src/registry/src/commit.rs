//! The one place where an object's new state, and what its hooks add, is committed.

use apimachinery::{Encoded, RequestCx, StatusError};
use resources::Resource;
use store::{Expect, Op};

use crate::error::from_store;
use crate::{Registry, codec, hooks};

/// What became of a commit.
pub enum Committed {
    /// Durable, at the revision the object carries now.
    Done(Encoded),
    /// The object itself is not as expected: another writer was first.
    Outrun,
    /// Something a hook wanted to allocate or check is no longer so.
    SideLost,
}

impl Registry {
    /// Writes the object and its hooks' operations in one transaction.
    pub(crate) async fn commit(
        &self,
        row: &Resource,
        cx: &RequestCx,
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
            ttl: hooks::ttl(row),
        });
        match self.store.txn(ops, cx.trace).await {
            Ok(revision) => {
                let (json, splice) = object.parts();
                let done = Encoded::from_parts(json.clone(), splice, revision.0, cx.trace);
                Ok(Committed::Done(done))
            }
            Err(store::Error::Conflict { op, .. }) if op == own => Ok(Committed::Outrun),
            Err(store::Error::Conflict { .. }) => Ok(Committed::SideLost),
            Err(error) => Err(from_store(error)),
        }
    }
}
