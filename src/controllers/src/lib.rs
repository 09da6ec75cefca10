//! Every control loop, a folder each: what makes a cluster become what its objects say.
//!
//! Entry points: [`CONTROLLERS`], the table, and [`run`], which starts its rows.
//!
//! Invariant: a loop is a plan, a pure function from a snapshot of caches to steps, and an
//! executor that sends them. No loop acts while its cache lacks what it wrote itself.
//!
//! It must not know the store, the registry, the API server's code, or one loop another's.

mod account_token;
mod claim;
mod cx;
mod deployment;
mod diff;
mod everywhere;
mod garbage;
mod index;
mod namespace;
mod node;
mod owed;
mod podgc;
mod replicaset;
mod resource_quota;
mod role_aggregation;
mod template;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod token_cleaner;
mod view;
mod writes;

use base::tasks::Roster;
use futures::future::join_all;

pub use cx::{Clients, ControllersCx, NodeMonitorOptions, Row, TokenSigner};

/// Every loop.
pub const CONTROLLERS: &[Row] = &[
    deployment::ROW,
    replicaset::ROW,
    garbage::ROW,
    namespace::ROW,
    everywhere::SERVICE_ACCOUNT,
    everywhere::ROOT_CA,
    node::ROW,
    podgc::ROW,
    resource_quota::ROW,
    role_aggregation::ROW,
    account_token::ROW,
    token_cleaner::ROW,
];

/// Runs every loop, each as a task of its own, until shutdown; `roster` tells whether they do.
pub async fn run(cx: ControllersCx, roster: Roster) {
    let tasks = CONTROLLERS
        .iter()
        .map(|row| roster.spawn(row.name, (row.start)(&cx)));
    let tasks: Vec<_> = tasks.collect();
    join_all(tasks).await;
}
