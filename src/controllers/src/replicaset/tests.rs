use api::Kind;
use apimachinery::{GroupVersionKind, StatusError};
use client::testing::{Effect, Verb};
use serde_json::json;

use super::*;
use crate::testing::{World, run};

fn set(replicas: i32) -> ReplicaSet {
    let set = json!({
        "metadata": {"name": "web", "namespace": "n"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}},
        "status": {"replicas": 0},
    });
    ReplicaSet::decode(set.to_string().as_bytes()).expect("a replica set")
}

fn scale(world: &World, replicas: i32) {
    let mut set: ReplicaSet = world.server.get("n", "web").expect("there");
    set.spec.get_or_insert_default().replicas = Some(replicas);
    let set = ReplicaSet {
        metadata: api::ObjectMeta {
            generation: set.metadata.generation.map(|g| g + 1),
            ..set.metadata
        },
        ..set
    };
    world.server.put(&set);
}

fn observed(server: &client::testing::FakeServer) -> (usize, i32, Option<i64>) {
    let set: ReplicaSet = server.get("n", "web").expect("there");
    let status = set.status.unwrap_or_default();
    let pods = server.list::<Pod>();
    let owned = |pod: &&Pod| {
        owner::is_controlled_by(
            &pod.metadata,
            set.metadata.uid.as_deref().unwrap_or_default(),
        )
    };
    let owned = pods.iter().filter(owned).count();
    (owned, status.replicas, status.observed_generation)
}

#[test]
fn a_set_grows_and_shrinks_to_what_it_wants() {
    run(async {
        let world = World::new();
        world.server.put(&set(5));
        world.start(&ROW);
        world.until((5, 5, Some(1)), observed).await;
        world.settle().await;
        let creations = world.server.take_requests();
        let creations = creations.iter().filter(|r| r.verb == Verb::Create);
        let pods = creations.filter(|r| r.uri.contains("/pods")).count();
        assert_eq!(pods, 5);
        scale(&world, 2);
        world.until((2, 2, Some(2)), observed).await;
        world.settle().await;
        assert_eq!(observed(&world.server), (2, 2, Some(2)));
    });
}

#[test]
fn a_lost_answer_creates_no_pod_twice() {
    run(async {
        let world = World::new();
        world
            .server
            .disturb(Verb::Create, "pods", Effect::LoseAnswer);
        world.server.put(&set(3));
        world.start(&ROW);
        world.until((3, 3, Some(1)), observed).await;
        world.settle().await;
        assert_eq!(observed(&world.server), (3, 3, Some(1)));
    });
}

#[test]
fn a_refusal_is_shown_and_forgotten() {
    run(async {
        let world = World::new();
        let pods = Pod::GVR.group_resource();
        let refusal = StatusError::forbidden(&pods, "", "exceeded quota");
        world
            .server
            .disturb(Verb::Create, "pods", Effect::Refuse(refusal));
        world.server.put(&set(2));
        world.start(&ROW);
        world.until((2, 2, Some(1)), observed).await;
        world.settle().await;
        let set: ReplicaSet = world.server.get("n", "web").expect("there");
        let conditions = set.status.and_then(|s| s.conditions).unwrap_or_default();
        assert_eq!(conditions, []);
        let said = world.said();
        let reasons = said.iter().filter_map(|said| said.split_once(':'));
        let reasons: Vec<_> = reasons.map(|(reason, _)| reason).collect();
        let expected = ["FailedCreate", "SuccessfulCreate", "SuccessfulCreate"];
        assert_eq!(reasons, expected);
        assert_eq!(
            said[0],
            "FailedCreate: Error creating: pods is forbidden: exceeded quota"
        );
    });
}

#[test]
fn an_orphan_is_adopted_and_a_strayed_pod_replaced() {
    run(async {
        let world = World::new();
        let orphan = json!({"metadata": {"name": "orphan", "namespace": "n",
            "labels": {"app": "web"}}, "spec": {"containers": []}});
        let mut orphan = Pod::decode(orphan.to_string().as_bytes()).expect("a pod");
        world.server.put(&orphan);
        world.server.put(&set(1));
        world.start(&ROW);
        world.until((1, 1, Some(1)), observed).await;
        orphan = world.server.get("n", "orphan").expect("still there");
        assert!(owner::controller_of(&orphan.metadata).is_some());
        orphan.metadata.labels = None;
        world.server.put(&orphan);
        world
            .until((2, false), |server| {
                let orphan: Pod = server.get("n", "orphan").expect("still there");
                let owned = owner::controller_of(&orphan.metadata).is_some();
                (server.list::<Pod>().len(), owned)
            })
            .await;
        assert_eq!(observed(&world.server).0, 1);
    });
}

#[test]
fn a_pod_that_ends_is_replaced() {
    run(async {
        let world = World::new();
        world.server.put(&set(1));
        world.start(&ROW);
        world.until((1, 1, Some(1)), observed).await;
        let first = world.server.list::<Pod>().remove(0);
        world.server.remove(&Pod::GVR, "n", first.name());
        world.settle().await;
        let pods = world.server.list::<Pod>();
        assert_eq!(pods.len(), 1);
        assert_ne!(pods[0].name(), first.name());
        let kind: GroupVersionKind = ReplicaSet::GVK;
        assert_eq!(
            kind.kind,
            pods[0].metadata.owner_references.as_ref().expect("owned")[0].kind
        );
    });
}
