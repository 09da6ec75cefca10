//! The loop: what is reconciled, again, and when.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::{Kind, Pod, ReplicaSet};
use base::{Clock, Shutdown, TraceId};
use client::testing::FakeServer;
use futures::future::BoxFuture;
use tokio::sync::watch;

use super::while_time_passes;
use crate::{Action, Controller, Informers, Key, ReconcileError, Reconciler, WorkQueue};

/// Fails, panics and asks for more before it is content; notes each run.
struct Moody {
    runs: Mutex<Vec<(String, u64)>>,
    count: watch::Sender<usize>,
}

impl Reconciler for Moody {
    fn reconcile<'a>(
        &'a self,
        key: &'a Key,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Action, ReconcileError>> {
        let run = {
            let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
            runs.push((key.to_string(), trace.to_bits()));
            runs.len()
        };
        self.count.send_replace(run);
        Box::pin(async move {
            match run {
                1 => Err(ReconcileError::Other("as planned".to_owned())),
                2 => panic!("as planned"),
                3 => Ok(Action::RequeueAfter(Duration::from_secs(60))),
                _ => Ok(Action::Done),
            }
        })
    }
}

#[tokio::test]
async fn failures_panics_and_delays_bring_a_key_back_on_its_trace() {
    let (clock, hands) = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
    let server = FakeServer::new(clock.clone());
    let shutdown = Shutdown::new();
    let informers = Informers::new(Arc::new(server.clone()), clock.clone(), shutdown.clone());
    let mut set = ReplicaSet::default();
    set.metadata.name = Some("web".to_owned());
    set.metadata.namespace = Some("n".to_owned());
    let set = server.put(&set);
    let pods = informers.of(&Pod::GVR);
    while_time_passes(&hands, pods.synced()).await;
    let controller = Controller::new("test", WorkQueue::new(clock.clone()))
        .workers(2)
        .owns(&pods, "ReplicaSet");
    let moody = Arc::new(Moody {
        runs: Mutex::default(),
        count: watch::Sender::new(0),
    });
    let mut count = moody.count.subscribe();
    let running = tokio::spawn(controller.run(moody.clone(), shutdown.clone()));
    let mut pod = Pod::default();
    pod.metadata.name = Some("web-1".to_owned());
    pod.metadata.namespace = Some("n".to_owned());
    pod.metadata.owner_references = Some(vec![api::owner::controller_reference(&set)]);
    server.put_object(&Pod::GVR, pod.encode(), TraceId::from_bits(7));
    let begun = clock.monotonic();
    while_time_passes(&hands, count.wait_for(|runs| *runs == 4))
        .await
        .expect("the sender lives");
    assert!(clock.monotonic() - begun >= Duration::from_secs(60));
    shutdown.stop();
    running.await.expect("ends with shutdown");
    let runs = moody.runs.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(*runs, vec![("n/web".to_owned(), 7); 4]);
}
