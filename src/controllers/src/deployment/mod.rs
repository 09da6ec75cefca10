//! Deployments: one replica set per template, and rollouts between them. The entry point is
//! [`ROW`].

mod act;
mod annotations;
mod budget;
mod hash;
mod plan;
mod rollout;
mod sets;
mod status;

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{Deployment, Kind, Pod, ReplicaSet, owner, pod};
use base::{Clock, TraceId};
use client::Client;
use futures::FutureExt;
use futures::future::BoxFuture;
use informer::{Action, Change, EventType, Key, Lister, ReconcileError, Reconciler, Recorder};

use crate::claim::{self, Claim, Claimant};
use crate::cx::{ControllersCx, Row};
use crate::index::{CONTROLLER, by_controller, orphans_of};
use crate::owed::{Look, Owed, look};
use crate::view::Viewed;
use crate::writes;
use act::Acting;
use plan::Snapshot;

/// The row of [`crate::CONTROLLERS`].
pub(crate) const ROW: Row = Row {
    name: "deployment-controller",
    start,
};

struct Deployments {
    deployments: Lister<Deployment>,
    sets: Lister<ReplicaSet>,
    pods: Lister<Pod>,
    owed_deployments: Owed,
    owed_sets: Owed,
    client: Client,
    events: Recorder,
    clock: Clock,
}

fn start(cx: &ControllersCx) -> BoxFuture<'static, ()> {
    let client = (cx.clients)(ROW.name);
    let reconciler = Deployments {
        deployments: cx.informers.lister(),
        sets: cx.informers.lister().with_index(CONTROLLER, by_controller),
        pods: cx.informers.lister().with_index(CONTROLLER, by_controller),
        owed_deployments: Owed::new::<Deployment>(cx, &client),
        owed_sets: Owed::new::<ReplicaSet>(cx, &client),
        events: cx.recorder(ROW.name, &client),
        clock: cx.clock.clone(),
        client,
    };
    let adopters = reconciler.deployments.informer().clone();
    let (owners, sets) = (reconciler.sets.clone(), reconciler.sets.informer());
    cx.controller(ROW.name, "deployment")
        .watches(&adopters)
        .owns(sets, "Deployment")
        .watches_by(sets, {
            let adopters = adopters.clone();
            move |change| claim::adopters(&adopters, change.object())
        })
        .watches_by(reconciler.pods.informer(), move |change| {
            ended(&owners, change)
        })
        .run(Arc::new(reconciler), cx.shutdown.clone())
        .boxed()
}

/// The deployment of a pod that has gone: one that recreates may be waiting for it.
fn ended(sets: &Lister<ReplicaSet>, change: &Change<'_>) -> Vec<Key> {
    let pod: Option<Pod> = match change {
        Change::Added(_) => None,
        Change::Modified { new, .. } => api::decode(new).ok().filter(pod::is_finished),
        Change::Deleted(last) => api::decode(last).ok(),
    };
    let key = |pod: Pod| {
        let owner = owner::controller_of(&pod.metadata)?;
        let set = sets.get(pod.namespace(), &owner.name)?;
        let owner = owner::controller_of(&set.metadata)?;
        (owner.kind == "Deployment").then(|| Key::new(pod.namespace(), &owner.name))
    };
    pod.and_then(key).into_iter().collect()
}

impl Reconciler for Deployments {
    fn reconcile<'a>(
        &'a self,
        key: &'a Key,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Action, ReconcileError>> {
        Box::pin(self.sync(key, trace))
    }
}

impl Deployments {
    async fn sync(&self, key: &Key, trace: TraceId) -> Result<Action, ReconcileError> {
        let deployment = match look(
            &[&self.owed_sets, &self.owed_deployments],
            &self.deployments,
            key,
        )
        .await?
        {
            Look::At(deployment) => deployment,
            Look::Nothing(action) => return Ok(action),
        };
        let selector = claim::selector(&deployment.json).map_err(writes::unreadable)?;
        let acting = Acting {
            client: self.client.with_trace(trace),
            owed_sets: &self.owed_sets,
            owed: &self.owed_deployments,
            events: &self.events,
            deployment: &deployment,
            key,
            now: self.clock.wall(),
        };
        if selector.is_everything() {
            let text = "This deployment is selecting all pods. A non-empty selector is required.";
            self.events
                .event(&deployment.typed, EventType::Warning, "SelectingAll", text);
            acting.observe().await?;
            return Ok(Action::Done);
        }
        let Some(sets) = self.claim(&acting, &deployment, &selector).await? else {
            return Ok(Action::Done);
        };
        let plan = plan::plan(Snapshot {
            deployment: &deployment,
            unfinished_pods: self.unfinished_pods(&deployment, &sets),
            sets,
            now: acting.now,
        });
        acting.run(&plan).await?;
        Ok(plan.again.map_or(Action::Done, Action::RequeueAfter))
    }

    /// The sets that the deployment controls. `None` when it has just adopted one, whose event
    /// brings the key back.
    async fn claim(
        &self,
        acting: &Acting<'_>,
        deployment: &Viewed<Deployment>,
        selector: &apimachinery::LabelSelector,
    ) -> Result<Option<Vec<Viewed<ReplicaSet>>>, ReconcileError> {
        let claimant = Claimant {
            metadata: &deployment.metadata,
            selector,
        };
        let informer = self.sets.informer();
        let mut candidates = informer.by_index(CONTROLLER, deployment.uid());
        candidates.extend(informer.by_index(CONTROLLER, &orphans_of(deployment.namespace())));
        let (mut owned, mut adopt, mut release) = (Vec::new(), Vec::new(), Vec::new());
        for encoded in &candidates {
            let set = Viewed::<ReplicaSet>::of(encoded).map_err(writes::unreadable)?;
            match claimant.claim(&set.metadata) {
                Claim::Owned => owned.push(set),
                Claim::Adopt => adopt.push(set.typed),
                Claim::Release => release.push(set.typed),
                Claim::Foreign => {}
            }
        }
        acting.claim(&adopt, &release).await?;
        Ok(adopt.is_empty().then_some(owned))
    }

    /// Pods that are neither succeeded nor failed, by set; only a deployment that recreates asks.
    fn unfinished_pods(
        &self,
        deployment: &Deployment,
        sets: &[Viewed<ReplicaSet>],
    ) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        if budget::is_rolling(deployment) {
            return counts;
        }
        for set in sets {
            let pods = self.pods.by_index(CONTROLLER, set.uid());
            let count = pods.iter().filter(|pod| !pod::is_finished(pod)).count();
            counts.insert(set.uid().to_owned(), count);
        }
        counts
    }
}

#[cfg(test)]
mod tests;
