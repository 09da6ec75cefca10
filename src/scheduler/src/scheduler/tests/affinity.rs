//! Pods that wait for other pods, and what ends it.

use api::{Kind, Namespace, Node, Pod};
use serde_json::{Value, json};

use super::{World, node_of, on_one_thread};
use crate::testing::pod_object;

fn terms(kind: &str, term: &Value) -> Value {
    json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
}

/// Every pod of the namespace, on one host.
fn all_here() -> Value {
    json!({"labelSelector": {}, "topologyKey": "kubernetes.io/hostname"})
}

/// Puts a pod's labels in, as they are now.
fn label(world: &World, name: &str, labels: &Value) {
    let pod = world.server.get::<Pod>("default", name);
    let mut pod = pod.expect("it is there");
    pod.metadata.labels = serde_json::from_value(labels.clone()).expect("labels");
    world.server.put(&pod);
}

async fn waits(world: &World, pod: &str) {
    world.settle().await;
    assert_eq!(node_of(&world.server, pod).as_deref(), Some(""), "{pod}");
}

#[test]
fn a_pod_waits_for_the_one_it_avoids_to_leave() {
    on_one_thread(async {
        let world = World::new();
        world.put_node("n1", &json!({}));
        let alone = terms("podAntiAffinity", &all_here());
        world.put_pod("first", &alone);
        world.bound("first").await;
        world.put_pod("second", &alone);
        waits(&world, "second").await;
        let pod = world.server.get::<Pod>("default", "second");
        let status = pod.and_then(|pod| pod.status).unwrap_or_default();
        let message = status.conditions.unwrap_or_default().pop();
        assert_eq!(
            message.and_then(|condition| condition.message).as_deref(),
            Some(
                "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules. no new \
                 claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption \
                 victims found for incoming pod."
            )
        );
        world.server.remove(&Pod::GVR, "default", "first");
        world.bound("second").await;
    });
}

#[test]
fn a_pod_waits_for_the_one_it_wants_near() {
    on_one_thread(async {
        let world = World::new();
        world.put_node("n1", &json!({}));
        let mut term = all_here();
        term["labelSelector"] = json!({"matchLabels": {"app": "web"}});
        world.put_pod("second", &terms("podAffinity", &term));
        waits(&world, "second").await;
        world.put_pod("first", &json!({}));
        world.bound("first").await;
        waits(&world, "second").await;
        label(&world, "first", &json!({"app": "web"}));
        world.bound("second").await;
    });
}

#[test]
fn a_pod_that_is_bound_brings_those_that_want_it() {
    on_one_thread(async {
        let world = World::new();
        let mut term = all_here();
        term["labelSelector"] = json!({"matchLabels": {"app": "web"}});
        world.put_node("n1", &json!({}));
        world.put_pod("second", &terms("podAffinity", &term));
        waits(&world, "second").await;
        let mut first = pod_object("first", &json!({}));
        first.metadata.labels = Some([("app".to_owned(), "web".to_owned())].into());
        world.server.put(&first);
        world.bound("first").await;
        world.bound("second").await;
    });
}

#[test]
fn a_pod_that_is_refused_may_change_its_labels() {
    on_one_thread(async {
        let world = World::new();
        let mut term = all_here();
        term["labelSelector"] = json!({"matchExpressions": [
            {"key": "quiet", "operator": "DoesNotExist"},
        ]});
        world.put_node("n1", &json!({}));
        world.put_pod("first", &terms("podAntiAffinity", &term));
        world.bound("first").await;
        world.put_pod("second", &json!({}));
        waits(&world, "second").await;
        label(&world, "second", &json!({"quiet": "yes"}));
        world.bound("second").await;
    });
}

#[test]
fn labels_of_namespaces_are_heard() {
    on_one_thread(async {
        let world = World::new();
        world.put_node("n1", &json!({}));
        world.put_pod("first", &json!({}));
        world.bound("first").await;
        let mut term = all_here();
        term["namespaceSelector"] = json!({"matchLabels": {"team": "red"}});
        world.put_pod("second", &terms("podAffinity", &term));
        waits(&world, "second").await;
        let namespace = json!({"metadata": {"name": "default", "labels": {"team": "red"}}});
        let namespace = Namespace::decode(namespace.to_string().as_bytes());
        world.server.put(&namespace.expect("a namespace"));
        world.bound("second").await;
    });
}

#[test]
fn an_empty_domain_that_goes_away_evens_the_rest() {
    on_one_thread(async {
        let world = World::new();
        world.put_node("n1", &json!({}));
        world.put_node("n2", &json!({"unschedulable": true}));
        let spread = json!({"topologySpreadConstraints": [{
            "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "labelSelector": {},
            "whenUnsatisfiable": "DoNotSchedule",
        }]});
        world.put_pod("first", &spread);
        world.bound("first").await;
        world.put_pod("second", &spread);
        waits(&world, "second").await;
        world.server.remove(&Node::GVR, "", "n2");
        world.bound("second").await;
    });
}
