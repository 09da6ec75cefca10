use api::wellknown::taints::{NO_SCHEDULE, NOT_READY};
use client::testing::FakeServer;
use expect_test::expect;
use serde_json::json;

use super::*;
use crate::testing::{World, run};

fn put(world: &World, name: &str, ready: &str, taints: &serde_json::Value) {
    let node = json!({"metadata": {"name": name}, "spec": {"taints": taints},
        "status": {"conditions": [{"type": "Ready", "status": ready,
            "lastHeartbeatTime": "2026-01-01T00:00:00Z"}]}});
    world
        .server
        .put(&Node::decode(node.to_string().as_bytes()).expect("a node"));
}

fn renew(world: &World, name: &str) {
    let time = world.cx.clock.wall();
    let lease = json!({"metadata": {"name": name, "namespace": KUBE_NODE_LEASE},
        "spec": {"renewTime": apimachinery::time::format_micro(time)}});
    world
        .server
        .put(&Lease::decode(lease.to_string().as_bytes()).expect("a lease"));
}

/// Readiness and taints of every node, and of the pod.
fn observed(server: &FakeServer) -> String {
    let mut out = String::new();
    for node in server.list::<Node>() {
        let taints = node.spec.clone().and_then(|s| s.taints).unwrap_or_default();
        let taint = |taint: &api::Taint| format!(" {}:{}", taint.key, taint.effect);
        let taints: String = taints.iter().map(taint).collect();
        let ready = plan::readiness(&node).unwrap_or("-");
        out.push_str(&format!("{}={ready}{taints}\n", node.name()));
    }
    for pod in server.list::<Pod>() {
        out.push_str(&format!(
            "{} ready={}\n",
            pod.name(),
            api::pod::is_ready(&pod)
        ));
    }
    out
}

#[test]
fn a_silent_node_is_found_out_and_comes_back() {
    run(async {
        let world = World::new();
        let registered = json!([{"key": NOT_READY, "effect": NO_SCHEDULE}]);
        put(&world, "n1", "True", &registered);
        put(&world, "n2", "True", &json!([]));
        let pod = json!({"metadata": {"name": "p", "namespace": "n"},
            "spec": {"nodeName": "n1", "containers": []},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
        world
            .server
            .put(&Pod::decode(pod.to_string().as_bytes()).expect("a pod"));
        world.start(&ROW);
        world.settle().await;
        expect![[r#"
            n1=True
            n2=True
            p ready=true
        "#]]
        .assert_eq(&observed(&world.server));
        // Both have half a minute left; one renews its lease.
        world.hands.advance(Duration::from_secs(20));
        renew(&world, "n2");
        world.settle().await;
        world.hands.advance(Duration::from_secs(31));
        world.settle().await;
        expect![[r#"
            n1=Unknown node.kubernetes.io/unreachable:NoSchedule node.kubernetes.io/unreachable:NoExecute
            n2=True
            p ready=false
        "#]].assert_eq(&observed(&world.server));
        put(
            &world,
            "n1",
            "True",
            &json!([{"key": NOT_READY, "effect": NO_SCHEDULE}]),
        );
        world.settle().await;
        world.server.remove(&Node::GVR, "", "n2");
        world.settle().await;
        expect![[r#"
            n1=True
            p ready=false
        "#]]
        .assert_eq(&observed(&world.server));
        expect![[r#"
            NodeNotReady: Node is not ready
            NodeNotReady: Node n1 status is now: NodeNotReady
            RegisteredNode: Node n1 event: Registered Node n1 in Controller
            RegisteredNode: Node n2 event: Registered Node n2 in Controller
            RemovingNode: Node n2 event: Removing Node n2 from Controller"#]]
        .assert_eq(&world.said().join("\n"));
    });
}

#[test]
fn the_last_ready_node_drives_nothing_away() {
    run(async {
        let world = World::new();
        put(&world, "n1", "True", &json!([]));
        world.start(&ROW);
        world.settle().await;
        world.hands.advance(Duration::from_secs(51));
        world.settle().await;
        expect![[r#"
            n1=Unknown node.kubernetes.io/unreachable:NoSchedule
        "#]]
        .assert_eq(&observed(&world.server));
        // The wall clock alone moves nothing.
        put(&world, "n2", "True", &json!([]));
        world.settle().await;
        world.hands.shift_wall(3600.0);
        world.settle().await;
        expect![[r#"
            n1=Unknown node.kubernetes.io/unreachable:NoSchedule node.kubernetes.io/unreachable:NoExecute
            n2=True
        "#]].assert_eq(&observed(&world.server));
    });
}
