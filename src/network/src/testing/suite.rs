//! What holds for every pod network.

use std::collections::BTreeSet;

use futures::future::join_all;

use crate::{Error, PodAttachment, PodNetwork, PodRequest};

/// Runs every case on `network`, which has no pods, and leaves it without pods.
///
/// # Panics
/// At the first case that does not hold.
pub async fn run_all(network: &dyn PodNetwork) {
    setup_is_idempotent(network).await;
    unknown_pods(network).await;
    teardown_is_idempotent(network).await;
    addresses_are_distinct_and_rest(network).await;
    concurrent_calls_agree(network).await;
    refuses_uids_that_are_no_names(network).await;
    let left = network.list().await.expect("lists");
    assert_eq!(left, [], "the suite tore all its pods down");
}

fn pod(uid: &str) -> PodRequest {
    PodRequest {
        uid: uid.to_owned(),
        namespace: "suite".to_owned(),
        name: format!("pod-{uid}"),
    }
}

async fn setup(network: &dyn PodNetwork, uid: &str) -> PodAttachment {
    let attachment = network.setup(pod(uid)).await.expect("sets up");
    assert_eq!(attachment.uid, uid);
    assert!(!attachment.ips.is_empty());
    attachment
}

async fn teardown(network: &dyn PodNetwork, uid: &str) {
    network.teardown(uid).await.expect("tears down");
}

async fn setup_is_idempotent(network: &dyn PodNetwork) {
    let first = setup(network, "suite-again").await;
    assert_eq!(setup(network, "suite-again").await, first);
    let checked = network.check("suite-again").await.expect("whole");
    assert_eq!(checked, first);
    assert_eq!(network.list().await.expect("lists"), [first]);
    teardown(network, "suite-again").await;
}

async fn unknown_pods(network: &dyn PodNetwork) {
    teardown(network, "suite-unknown").await;
    let error = network.check("suite-unknown").await.expect_err("unknown");
    assert!(
        matches!(&error, Error::NotFound { uid } if uid == "suite-unknown"),
        "{error}"
    );
}

async fn teardown_is_idempotent(network: &dyn PodNetwork) {
    setup(network, "suite-gone").await;
    teardown(network, "suite-gone").await;
    teardown(network, "suite-gone").await;
    let error = network.check("suite-gone").await.expect_err("gone");
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    assert_eq!(network.list().await.expect("lists"), []);
}

async fn addresses_are_distinct_and_rest(network: &dyn PodNetwork) {
    let a = setup(network, "suite-a").await;
    let b = setup(network, "suite-b").await;
    assert_ne!(a.ips, b.ips);
    assert_ne!(a.netns, b.netns);
    assert_ne!(a.host_interface, b.host_interface);
    let listed = network.list().await.expect("lists");
    assert_eq!(listed, [a, b.clone()], "in the order of uids");
    teardown(network, "suite-b").await;
    let c = setup(network, "suite-c").await;
    assert_ne!(b.ips, c.ips, "an address just freed rests");
    teardown(network, "suite-a").await;
    teardown(network, "suite-c").await;
}

async fn concurrent_calls_agree(network: &dyn PodNetwork) {
    let same = join_all((0..8).map(|_| setup(network, "suite-same"))).await;
    assert!(same.iter().all(|attachment| *attachment == same[0]));
    let uids: Vec<_> = (0..8).map(|number| format!("suite-{number}")).collect();
    let different = join_all(uids.iter().map(|uid| setup(network, uid))).await;
    let addresses: BTreeSet<_> = different.iter().map(|pod| &pod.ips).collect();
    assert_eq!(addresses.len(), different.len());
    join_all(uids.iter().map(|uid| teardown(network, uid))).await;
    join_all((0..8).map(|_| teardown(network, "suite-same"))).await;
}

async fn refuses_uids_that_are_no_names(network: &dyn PodNetwork) {
    let long = "x".repeat(300);
    for uid in ["", ".", "..", "../up", "a/b", "-a", "a b", "a\0", &long] {
        let refused = [
            network.setup(pod(uid)).await.err(),
            network.teardown(uid).await.err(),
            network.check(uid).await.err(),
        ];
        for error in refused {
            assert!(matches!(error, Some(Error::InvalidUid { .. })), "{uid:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_fake_passes() {
        run_all(&crate::FakeNetwork::default()).await;
    }

    #[tokio::test]
    async fn the_fake_fails_when_asked_and_says_when_it_is_full() {
        let cidr = "10.0.0.0/30".parse().expect("valid");
        let network = crate::FakeNetwork::new(cidr, "/nowhere");
        network.fail("setup", 1);
        let error = network.setup(pod("a")).await.expect_err("asked to fail");
        assert_eq!(error.to_string(), "fail point setup");
        setup(&network, "a").await;
        let error = network.setup(pod("b")).await.expect_err("full");
        assert_eq!(
            error.to_string(),
            "no pod address is free in 10.0.0.0/30: 1 in use"
        );
    }
}
