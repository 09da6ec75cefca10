//! Fills the rules of ClusterRoles that aggregate others. The entry point is [`ROW`].

mod plan;

use std::sync::Arc;

use api::Kind;
use api::rbac::ClusterRole;
use base::TraceId;
use client::Client;
use futures::FutureExt;
use futures::future::BoxFuture;
use informer::{Action, Key, Lister, ReconcileError, Reconciler};

use crate::cx::{ControllersCx, Row};
use crate::owed::{Look, Owed, look};
use crate::writes;

/// The row of [`crate::CONTROLLERS`].
pub(crate) const ROW: Row = Row {
    name: "clusterrole-aggregation-controller",
    start,
};

struct Aggregation {
    roles: Lister<ClusterRole>,
    owed: Owed,
    client: Client,
}

fn start(cx: &ControllersCx) -> BoxFuture<'static, ()> {
    let client = (cx.clients)(ROW.name);
    let roles: Lister<ClusterRole> = cx.informers.lister();
    let aggregation = Aggregation {
        roles: roles.clone(),
        owed: Owed::new::<ClusterRole>(cx, &client),
        client,
    };
    // Any role may belong into any aggregating one, those that it no longer belongs into
    // included; there are few of them, and an event per role at the start.
    let every = {
        let roles = roles.clone();
        move |_: &informer::Change<'_>| aggregating(&roles)
    };
    cx.controller(ROW.name, "ClusterRoleAggregator")
        .watches(roles.informer())
        .watches_by(roles.informer(), every)
        .run(Arc::new(aggregation), cx.shutdown.clone())
        .boxed()
}

fn aggregating(roles: &Lister<ClusterRole>) -> Vec<Key> {
    let roles = roles.list().into_iter();
    let aggregating = roles.filter(|role| role.aggregation_rule.is_some());
    aggregating.map(|role| Key::new("", role.name())).collect()
}

impl Reconciler for Aggregation {
    fn reconcile<'a>(
        &'a self,
        key: &'a Key,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Action, ReconcileError>> {
        Box::pin(self.sync(key, trace))
    }
}

impl Aggregation {
    async fn sync(&self, key: &Key, trace: TraceId) -> Result<Action, ReconcileError> {
        let role = match look(&[&self.owed], &self.roles, key).await? {
            Look::At(role) => role,
            Look::Nothing(action) => return Ok(action),
        };
        let after = plan::aggregated(&role, self.roles.list()).map_err(writes::unreadable)?;
        if let Some(after) = after {
            let client = self.client.with_trace(trace);
            writes::update::<ClusterRole>(&client, &self.owed, key, &role, &after).await?;
        }
        Ok(Action::Done)
    }
}

#[cfg(test)]
mod tests;
