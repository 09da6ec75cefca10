//! ReplicaSets: as many pods as they want. The entry point is [`ROW`].

mod act;
mod plan;
mod rank;

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{Kind, Pod, ReplicaSet, owner, pod};
use base::{Clock, TraceId};
use client::Client;
use futures::FutureExt;
use futures::future::BoxFuture;
use informer::{Action, Key, Lister, ReconcileError, Reconciler, Recorder};

use crate::cx::{ControllersCx, Row};
use crate::index::{CONTROLLER, by_controller, orphans_of};
use crate::owed::{Look, Owed, look};
use crate::{claim, writes};
use act::Acting;
use plan::Snapshot;

/// The row of [`crate::CONTROLLERS`].
pub(crate) const ROW: Row = Row {
    name: "replicaset-controller",
    start,
};

struct ReplicaSets {
    sets: Lister<ReplicaSet>,
    pods: Lister<Pod>,
    owed_pods: Owed,
    owed_sets: Owed,
    client: Client,
    events: Recorder,
    clock: Clock,
}

fn start(cx: &ControllersCx) -> BoxFuture<'static, ()> {
    let client = (cx.clients)(ROW.name);
    let sets = cx.informers.lister().with_index(CONTROLLER, by_controller);
    let pods = cx.informers.lister().with_index(CONTROLLER, by_controller);
    let reconciler = ReplicaSets {
        owed_pods: Owed::new::<Pod>(cx, &client),
        owed_sets: Owed::new::<ReplicaSet>(cx, &client),
        events: cx.recorder(ROW.name, &client),
        clock: cx.clock.clone(),
        sets,
        pods,
        client,
    };
    let adopters = reconciler.sets.informer().clone();
    let pods = reconciler.pods.informer();
    cx.controller(ROW.name, "replicaset")
        .watches(reconciler.sets.informer())
        .owns(pods, "ReplicaSet")
        .watches_by(pods, move |change| {
            claim::adopters(&adopters, change.object())
        })
        .run(Arc::new(reconciler), cx.shutdown.clone())
        .boxed()
}

impl Reconciler for ReplicaSets {
    fn reconcile<'a>(
        &'a self,
        key: &'a Key,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Action, ReconcileError>> {
        Box::pin(self.sync(key, trace))
    }
}

impl ReplicaSets {
    async fn sync(&self, key: &Key, trace: TraceId) -> Result<Action, ReconcileError> {
        let set = match look(&[&self.owed_pods, &self.owed_sets], &self.sets, key).await? {
            Look::At(set) => set,
            Look::Nothing(action) => return Ok(action),
        };
        let selector = claim::selector(&set.json).map_err(writes::unreadable)?;
        let now = self.clock.wall();
        let plan = plan::plan(Snapshot {
            set: &set,
            selector: &selector,
            pods: self.candidates(&set),
            crowds: self.crowds(&set),
            now,
        });
        let acting = Acting {
            client: self.client.with_trace(trace),
            owed: &self.owed_pods,
            events: &self.events,
            set: &set,
            key,
        };
        acting.claim(&plan).await?;
        let failure = acting.work(&plan.work).await;
        let message = failure.as_ref().map(ToString::to_string);
        let after = plan::with_status(&set, &plan.counts, message.as_deref(), now);
        let client = self.client.with_trace(trace);
        writes::status(&client, &self.owed_sets, key, &set, &after).await?;
        match failure {
            Some(error) => Err(error.into()),
            None => Ok(plan.again.map_or(Action::Done, Action::RequeueAfter)),
        }
    }

    /// Pods that the set controls, and pods nobody controls.
    fn candidates(&self, set: &ReplicaSet) -> Vec<Pod> {
        let mut pods = self.pods.by_index(CONTROLLER, set.uid());
        pods.extend(self.pods.by_index(CONTROLLER, &orphans_of(set.namespace())));
        pods
    }

    /// How many active pods of this set and its siblings each node has.
    fn crowds(&self, set: &ReplicaSet) -> BTreeMap<String, usize> {
        let mut siblings = vec![set.uid().to_owned()];
        if let Some(owner) = owner::controller_of(&set.metadata) {
            let sets = self.sets.by_index(CONTROLLER, &owner.uid);
            siblings.extend(sets.iter().map(|sibling| sibling.uid().to_owned()));
        }
        siblings.sort();
        siblings.dedup();
        let mut crowds = BTreeMap::new();
        for uid in siblings {
            let pods = self.pods.by_index(CONTROLLER, &uid);
            for pod in pods.iter().filter(|pod| pod::is_active(pod)) {
                *crowds.entry(pod::node_name(pod).to_owned()).or_default() += 1;
            }
        }
        crowds
    }
}

#[cfg(test)]
mod tests;
