//! A namespace that is being deleted is Terminating until its contents are gone, and gets no new
//! ones.

use apimachinery::{Object, StatusError};
use base::TraceId;
use resources::{Hook, Resource};
use store::{Expect, Op};

use crate::error::from_store;
use crate::{Registry, Target, codec, key};

/// Shows in the status what the deletion timestamp says. A namespace has no grace period, not
/// even one of zero seconds.
pub fn mark(namespace: Option<&mut Object>) {
    if let Some(namespace) = namespace
        && namespace.deletion_timestamp().is_some()
    {
        namespace
            .metadata_mut()
            .remove("deletionGracePeriodSeconds");
        namespace
            .map_mut("status")
            .insert("phase".into(), "Terminating".into());
    }
}

/// Makes a create in a namespace fail if that changes before the commit: its deletion must not
/// miss what admission let in just before. False when the deletion was first. Whether there must
/// be a namespace at all is admission's to say.
pub async fn guard(
    registry: &Registry,
    name: &str,
    ops: &mut Vec<Op>,
) -> Result<bool, StatusError> {
    // The kind that keeps others: its row says so.
    let keeps = |row: &&Resource| row.hooks.contains(&Hook::NamespaceFinalize);
    let Some(row) = resources::served().find(keeps).filter(|_| !name.is_empty()) else {
        return Ok(true);
    };
    let namespace = "";
    let key = key::of(row, Target { namespace, name });
    let stored = registry.store.get(&key, None).await.map_err(from_store)?;
    let Some(stored) = stored else {
        return Ok(true);
    };
    let modified = stored.modified;
    let stored = codec::decode(stored.value, modified.0, TraceId::NONE)?;
    let stored = stored.to_object().map_err(StatusError::internal)?;
    ops.push(Op::Check {
        key: key.into(),
        expect: Expect::At(modified),
    });
    Ok(stored.deletion_timestamp().is_none())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_deleted_namespace_says_so_in_its_status() {
        let now = "2026-01-01T00:00:00Z";
        let rows = [
            (json!({"metadata": {}}), json!({"metadata": {}})),
            (
                json!({"metadata": {"deletionTimestamp": now, "deletionGracePeriodSeconds": 0}}),
                json!({"metadata": {"deletionTimestamp": now}, "status": {"phase": "Terminating"}}),
            ),
        ];
        for (before, expected) in rows {
            let mut namespace = Object::from_value(before).expect("an object");
            mark(Some(&mut namespace));
            assert_eq!(namespace.into_value(), expected);
        }
    }
}
