use api::Kind;
use client::testing::FakeServer;
use expect_test::expect;
use serde_json::json;

use super::*;
use crate::testing::{World, run};

fn deployment(image: &str, replicas: i32) -> Deployment {
    let deployment = json!({
        "metadata": {"name": "web", "namespace": "n"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
            "strategy": {"type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": {"metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": image}]}}},
        "status": {},
    });
    Deployment::decode(deployment.to_string().as_bytes()).expect("a deployment")
}

fn put(world: &World, image: &str, replicas: i32) {
    let mut new = deployment(image, replicas);
    if let Some(old) = world.server.get::<Deployment>("n", "web") {
        new.metadata = old.metadata;
        new.metadata.generation = new.metadata.generation.map(|g| g + 1);
        new.status = old.status;
    }
    world.server.put(&new);
}

/// Makes every pod ready that runs on no node: the node's part.
fn make_ready(server: &FakeServer) {
    for mut pod in server.list::<Pod>() {
        if !pod::is_ready(&pod) {
            let status = json!({"status": {"phase": "Running", "conditions": [{
                "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}});
            let status = Pod::decode(status.to_string().as_bytes()).expect("a pod");
            pod.status = status.status;
            server.put(&pod);
        }
    }
}

/// Images of the pods, and whether the rollout is complete.
fn observed(server: &FakeServer) -> (Vec<String>, bool) {
    let image = |pod: &Pod| pod.spec.as_ref()?.containers.first()?.image.clone();
    let mut images: Vec<_> = server.list::<Pod>().iter().filter_map(image).collect();
    images.sort();
    let deployment: Deployment = server.get("n", "web").expect("there");
    let status = deployment.status.clone().unwrap_or_default();
    (images, status::is_complete(&deployment, &status))
}

#[test]
fn a_deployment_runs_and_rolls_over() {
    run(async {
        let world = World::new();
        put(&world, "v1", 3);
        world.start(&ROW);
        world.start(&crate::replicaset::ROW);
        let all = |image: &str| vec![image.to_owned(); 3];
        world
            .until((all("v1"), true), |server| {
                make_ready(server);
                observed(server)
            })
            .await;
        put(&world, "v2", 3);
        world
            .until((all("v2"), true), |server| {
                make_ready(server);
                observed(server)
            })
            .await;
        world.settle().await;
        let mut messages = world.said();
        messages.retain(|message| message.starts_with("ScalingReplicaSet"));
        let sets = world.server.list::<ReplicaSet>();
        assert_eq!(sets.len(), 2);
        for set in &sets {
            let revision = set.annotation("deployment.kubernetes.io/revision");
            let name = if revision == Some("1") { "old" } else { "new" };
            for message in &mut messages {
                *message = message.replace(set.name(), name);
            }
        }
        messages.sort();
        expect![[r#"
            ScalingReplicaSet: Scaled down replica set old from 1 to 0
            ScalingReplicaSet: Scaled down replica set old from 2 to 1
            ScalingReplicaSet: Scaled down replica set old from 3 to 2
            ScalingReplicaSet: Scaled up replica set new from 0 to 1
            ScalingReplicaSet: Scaled up replica set new from 1 to 2
            ScalingReplicaSet: Scaled up replica set new from 2 to 3
            ScalingReplicaSet: Scaled up replica set old from 0 to 3"#]]
        .assert_eq(&messages.join("\n"));
    });
}

#[test]
fn a_taken_name_moves_the_hash() {
    run(async {
        let world = World::new();
        put(&world, "v1", 1);
        world.start(&ROW);
        world
            .until(1, |server| server.list::<ReplicaSet>().len())
            .await;
        let set = world.server.list::<ReplicaSet>().remove(0);
        // Somebody else's set under the same name.
        let mut foreign = ReplicaSet::default();
        foreign.metadata.name.clone_from(&set.metadata.name);
        foreign.metadata.namespace = Some("n".to_owned());
        world.server.remove(&ReplicaSet::GVR, "n", set.name());
        world.server.put(&foreign);
        world
            .until((2, Some(1)), |server| {
                let deployment: Deployment = server.get("n", "web").expect("there");
                let collisions = deployment.status.and_then(|s| s.collision_count);
                (server.list::<ReplicaSet>().len(), collisions)
            })
            .await;
    });
}

#[test]
fn the_deadline_passes_without_an_event() {
    run(async {
        let world = World::new();
        put(&world, "v1", 1);
        world.start(&ROW);
        world.start(&crate::replicaset::ROW);
        world.until(1, |server| server.list::<Pod>().len()).await;
        world.settle().await;
        let progressing = |server: &FakeServer| {
            let deployment: Deployment = server.get("n", "web").expect("there");
            let conditions = deployment.status.and_then(|s| s.conditions);
            let found = api::condition(&conditions, "Progressing").cloned();
            found.and_then(|condition| condition.reason)
        };
        assert_eq!(
            progressing(&world.server).as_deref(),
            Some("ReplicaSetUpdated")
        );
        world.hands.advance(std::time::Duration::from_secs(602));
        let late = Some("ProgressDeadlineExceeded".to_owned());
        world.until(late, progressing).await;
    });
}
