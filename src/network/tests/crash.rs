//! A process killed at every step of setting pods up and tearing them down: the next one finishes
//! or undoes what it left, and nothing else remains.
//!
//! Run by itself with `cargo test -p network --test crash`. The child is this program again, told
//! by [`ROLE`] what to do and by `RK3S_FAILPOINTS` where to die.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use base::Clock;
use futures::future::join_all;
use network::testing::{Footprint, in_own_namespaces};
use network::{
    BridgeNetwork, Error, NetworkOptions, PodAttachment, PodNetwork, PodRequest, SETUP_STEPS,
    TEARDOWN_STEPS, cleanup,
};

/// The environment variable that makes this program the child.
const ROLE: &str = "RK3S_CRASH_ROLE";
const PODS: usize = 8;
/// The pass of a step at which the child dies: at the first pod's, and in the midst of many.
const PASSES: [usize; 2] = [1, 5];
const SIGKILL: i32 = 9;

fn main() {
    match std::env::var(ROLE).ok() {
        Some(role) => child(&role),
        None => in_own_namespaces(parent),
    }
}

fn options() -> NetworkOptions {
    NetworkOptions::new("/run/rk3s", "/run/state")
}

fn uids() -> Vec<String> {
    (0..PODS).map(|number| format!("pod-{number}")).collect()
}

async fn open() -> BridgeNetwork {
    BridgeNetwork::open(options()).await.expect("opens")
}

async fn setup_all(network: &BridgeNetwork) -> Vec<PodAttachment> {
    let setups = uids().into_iter().map(|uid| {
        network.setup(PodRequest {
            uid,
            ..PodRequest::default()
        })
    });
    let attachments = join_all(setups).await.into_iter().collect();
    let attachments: Result<Vec<_>, Error> = attachments;
    attachments.expect("sets up")
}

async fn teardown_all(network: &BridgeNetwork) {
    let uids = uids();
    for result in join_all(uids.iter().map(|uid| network.teardown(uid))).await {
        result.expect("tears down");
    }
}

/// Works until a fail point kills it.
fn child(role: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let network = open().await;
        match role {
            "setup" => drop(setup_all(&network).await),
            _ => teardown_all(&network).await,
        }
    });
}

/// Runs the child in this thread's namespaces and sees it killed at `step`.
fn kill(role: &str, step: &str, pass: usize) {
    let program = std::env::current_exe().expect("this program");
    let status = Command::new(program)
        .env(ROLE, role)
        .env("RK3S_FAILPOINTS", format!("{step}=exit({pass})"))
        .status()
        .expect("runs");
    assert_eq!(status.signal(), Some(SIGKILL), "{step} at pass {pass}");
}

async fn parent() {
    let untouched = Footprint::take(&options()).await.expect("looks");
    drop(open().await);
    let opened = Footprint::take(&options()).await.expect("looks");
    let mut kills = 0;
    for pass in PASSES {
        for step in SETUP_STEPS {
            kill("setup", step, pass);
            kills += 1;
            finishes(step).await;
            settles(&opened, step).await;
        }
        for step in TEARDOWN_STEPS {
            let network = open().await;
            setup_all(&network).await;
            drop(network);
            kill("teardown", step, pass);
            kills += 1;
            undoes(step).await;
            settles(&opened, step).await;
        }
    }
    cleanup(options()).await.expect("cleaned");
    settles(&untouched, "cleanup").await;
    println!("leaked=0 double=0 of {kills} kills");
}

/// Pods half set up are listed, keep their addresses, and become whole.
async fn finishes(step: &str) {
    let network = open().await;
    let listed = network.list().await.expect("lists");
    let before: BTreeMap<_, _> = listed.iter().map(|pod| (&pod.uid, pod)).collect();
    let pods = setup_all(&network).await;
    let addresses: BTreeSet<_> = pods.iter().flat_map(|pod| &pod.ips).collect();
    assert_eq!(addresses.len(), PODS, "{step}: an address was given twice");
    for pod in &pods {
        let earlier = before.get(&pod.uid).copied().unwrap_or(pod);
        assert_eq!(earlier, pod, "{step}: the answer changed");
        let checked = network.check(&pod.uid).await.expect("whole");
        assert_eq!(&checked, pod);
    }
    teardown_all(&network).await;
}

/// Pods half torn down are listed or gone, never whole by half; tearing down again ends it.
async fn undoes(step: &str) {
    let network = open().await;
    let listed = network.list().await.expect("lists");
    let listed: BTreeSet<_> = listed.into_iter().map(|pod| pod.uid).collect();
    for uid in uids() {
        let gone = matches!(network.check(&uid).await, Err(Error::NotFound { .. }));
        assert_eq!(gone, !listed.contains(&uid), "{step}: {uid}");
    }
    teardown_all(&network).await;
    assert_eq!(network.list().await.expect("lists"), []);
}

/// Waits until the host is as `before`, but for the round's place: that is meant to stay.
async fn settles(before: &Footprint, step: &str) {
    if let Err(error) = fs::remove_file("/run/state/cursor.json") {
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    let clock = Clock::system();
    let deadline = clock.monotonic() + Duration::from_secs(10);
    loop {
        let now = Footprint::take(&options()).await.expect("looks");
        let changes = before.changes(&now);
        if changes.is_empty() {
            return;
        }
        assert!(clock.monotonic() < deadline, "{step} left {changes:#?}");
        clock.sleep(Duration::from_millis(5)).await;
    }
}
