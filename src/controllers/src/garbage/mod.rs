//! Deletes what has lost its owners, and what waits for its dependents or leaves them behind.
//! The entry point is [`ROW`].
//!
//! The graph only says where to look. Before anything is deleted, the server is asked for the
//! object and for each of its owners by UID.

mod graph;
mod plan;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apimachinery::{GroupVersion, Object, OwnerReference};
use base::TraceId;
use client::{
    Api, ApiResource, Client, DeleteOptions, PatchKind, PatchOptions, Propagation, if_present,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use informer::{Action, Key, ReconcileError, Reconciler, WorkQueue};
use serde_json::{Value, json};

use crate::cx::{ControllersCx, Row};
use crate::writes;
use api::wellknown::finalizers::ORPHAN;
use graph::{Graph, Node};
use plan::{OwnerState, Step};

/// The row of [`crate::CONTROLLERS`].
pub(crate) const ROW: Row = Row {
    name: "generic-garbage-collector",
    start,
};

/// Objects worked on at once, as upstream.
const WORKERS: usize = 20;

struct Garbage {
    graph: Arc<Mutex<Graph>>,
    resources: Arc<[ApiResource]>,
    client: Client,
    queue: WorkQueue,
}

fn start(cx: &ControllersCx) -> BoxFuture<'static, ()> {
    let graph: Arc<Mutex<Graph>> = Arc::default();
    let resources: Arc<[ApiResource]> = cx
        .resources
        .iter()
        // Events own nothing, and nothing owns them; there are too many to look at.
        .filter(|resource| resource.plural != "events")
        .cloned()
        .collect();
    let mut controller = cx
        .controller(ROW.name, "garbage_collector_attempt_to_delete")
        .workers(WORKERS);
    for (at, resource) in resources.iter().enumerate() {
        let graph = graph.clone();
        controller = controller.watches_by(&cx.informers.of(&resource.gvr()), move |change| {
            let look = lock(&graph).apply(at, change);
            look.iter().map(|uid| uid_key(uid)).collect()
        });
    }
    let garbage = Garbage {
        graph,
        resources,
        client: (cx.clients)(ROW.name),
        queue: controller.queue(),
    };
    controller
        .run(Arc::new(garbage), cx.shutdown.clone())
        .boxed()
}

/// Objects are queued by UID alone: the graph knows the rest.
fn uid_key(uid: &str) -> Key {
    Key::new("", uid)
}

fn lock(graph: &Mutex<Graph>) -> MutexGuard<'_, Graph> {
    graph.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reconciler for Garbage {
    fn reconcile<'a>(
        &'a self,
        key: &'a Key,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Action, ReconcileError>> {
        let looking = Looking {
            garbage: self,
            client: self.client.with_trace(trace),
            trace,
        };
        async move { looking.look_at(&key.name).await }.boxed()
    }
}

/// One look, on one trace.
struct Looking<'a> {
    garbage: &'a Garbage,
    client: Client,
    trace: TraceId,
}

impl Looking<'_> {
    async fn look_at(&self, uid: &str) -> Result<Action, ReconcileError> {
        let node = lock(&self.garbage.graph).node(uid);
        let Some(node) = node else {
            return Ok(Action::Done);
        };
        let Some(object) = self.live(&node, uid).await? else {
            return Ok(Action::Done);
        };
        let mut owners = Vec::new();
        if plan::asks_for_owners(&object) {
            for owner in object.owner_references() {
                let state = self.owner_state(&object, &owner).await?;
                owners.push((owner, state));
            }
        }
        let dependents = lock(&self.garbage.graph).dependents(uid);
        self.act(&node, &object, plan::plan(&object, &owners, &dependents))
            .await?;
        Ok(Action::Done)
    }

    fn api(&self, resource: &ApiResource, namespace: &str) -> Api {
        self.client.api(resource).in_namespace(namespace)
    }

    fn api_of(&self, node: &Node) -> Api {
        let resource = &self.garbage.resources[node.resource];
        self.api(resource, &node.key.namespace)
    }

    /// The object as the server shows it; `None` when it is gone or another has its name.
    async fn live(&self, node: &Node, uid: &str) -> Result<Option<Object>, ReconcileError> {
        let Some(found) = self.api_of(node).find(&node.key.name).await? else {
            return Ok(None);
        };
        let found = found.to_object().map_err(writes::unreadable)?;
        Ok((found.uid() == uid).then_some(found))
    }

    /// Asks the server. An owner of a kind that is not served here is left alone: nobody can say
    /// that it is absent.
    async fn owner_state(
        &self,
        object: &Object,
        owner: &OwnerReference,
    ) -> Result<OwnerState, ReconcileError> {
        let group = GroupVersion::parse(&owner.api_version)
            .unwrap_or_default()
            .group;
        let mut resources = self.garbage.resources.iter();
        let resource = resources.find(|r| r.group == group && r.kind == owner.kind);
        let Some(resource) = resource else {
            return Ok(OwnerState::Present);
        };
        if resource.namespaced && object.namespace().is_empty() {
            // A cluster-scoped object cannot have an owner in a namespace: which one is unknown.
            return Ok(OwnerState::Present);
        }
        let owners = self.api(resource, object.namespace());
        let Some(found) = owners.find(&owner.name).await? else {
            return Ok(OwnerState::Absent);
        };
        let found = found.to_object().map_err(writes::unreadable)?;
        let waits = found.finalizers().any(|f| f == "foregroundDeletion");
        Ok(if found.uid() != owner.uid {
            OwnerState::Absent
        } else if waits && !found.meta("deletionTimestamp").is_empty() {
            OwnerState::Waiting
        } else {
            OwnerState::Present
        })
    }

    async fn act(&self, node: &Node, object: &Object, step: Step) -> Result<(), ReconcileError> {
        match step {
            Step::Nothing => Ok(()),
            Step::RemoveFinalizer(name) => self.remove_finalizer(node, object, name).await,
            Step::LookAt(uids) => {
                for uid in uids {
                    self.garbage.queue.add(uid_key(&uid), self.trace);
                }
                Ok(())
            }
            Step::Orphan(dependents) => {
                for dependent in dependents {
                    self.disown(&dependent, object.uid()).await?;
                }
                self.remove_finalizer(node, object, ORPHAN).await
            }
            Step::StripOwners(uids) => self.strip_owners(node, object, &uids).await,
            Step::DeleteForeground { unblock } => {
                if unblock && self.unblock_owners(node, object).await? {
                    // The deletion asks for the object's version, which has just moved.
                    self.garbage.queue.add(uid_key(object.uid()), self.trace);
                    return Ok(());
                }
                self.delete(node, object, Propagation::Foreground).await
            }
            Step::Delete(propagation) => self.delete(node, object, propagation).await,
        }
    }

    async fn delete(
        &self,
        node: &Node,
        object: &Object,
        propagation: Propagation,
    ) -> Result<(), ReconcileError> {
        let version = Some(object.resource_version());
        let options = DeleteOptions {
            propagation_policy: Some(propagation),
            ..DeleteOptions::of_version(object.uid(), version)
        };
        // What is gone needs nothing more.
        if_present(self.api_of(node).delete(object.name(), &options).await)?;
        Ok(())
    }

    async fn remove_finalizer(
        &self,
        node: &Node,
        object: &Object,
        name: &str,
    ) -> Result<(), ReconcileError> {
        let kept: Vec<&str> = object.finalizers().filter(|f| *f != name).collect();
        self.patch(node, object, json!({"finalizers": kept})).await
    }

    /// Takes an owner from a dependent, as the server shows it.
    async fn disown(&self, dependent: &str, owner: &str) -> Result<(), ReconcileError> {
        let node = lock(&self.garbage.graph).node(dependent);
        let Some(node) = node else {
            return Ok(());
        };
        match self.live(&node, dependent).await? {
            None => Ok(()),
            Some(object) => self.strip_owners(&node, &object, &[owner.to_owned()]).await,
        }
    }

    async fn strip_owners(
        &self,
        node: &Node,
        object: &Object,
        uids: &[String],
    ) -> Result<(), ReconcileError> {
        let mut owners = object.owner_references();
        let before = owners.len();
        owners.retain(|owner| !uids.contains(&owner.uid));
        if owners.len() == before {
            return Ok(());
        }
        self.patch(node, object, json!({"ownerReferences": owners}))
            .await
    }

    /// Lets no owner wait for the object; says whether one did.
    async fn unblock_owners(&self, node: &Node, object: &Object) -> Result<bool, ReconcileError> {
        let mut owners = object.owner_references();
        if owners.iter().all(|o| o.block_owner_deletion != Some(true)) {
            return Ok(false);
        }
        for owner in &mut owners {
            owner.block_owner_deletion = Some(false);
        }
        self.patch(node, object, json!({"ownerReferences": owners}))
            .await?;
        Ok(true)
    }

    /// Patches metadata of just this state of the object.
    async fn patch(
        &self,
        node: &Node,
        object: &Object,
        mut metadata: Value,
    ) -> Result<(), ReconcileError> {
        metadata["uid"] = object.uid().into();
        metadata["resourceVersion"] = object.resource_version().into();
        let patch = json!({"metadata": metadata});
        let (name, options) = (object.name(), PatchOptions::default());
        let api = self.api_of(node);
        if_present(api.patch(name, PatchKind::Merge, &patch, &options).await)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
