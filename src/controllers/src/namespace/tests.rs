use api::{ConfigMap, Pod};
use client::testing::FakeServer;
use expect_test::expect;
use serde_json::{Value, json};

use super::*;
use crate::testing::{START, World, run};

fn world() -> World {
    let resources = vec![
        ApiResource::of::<ConfigMap>(),
        ApiResource::of::<Pod>(),
        ApiResource::of::<Namespace>(),
    ];
    World::with_resources(resources)
}

fn put<K: Kind>(world: &World, metadata: &Value) -> K {
    let object = json!({"metadata": metadata, "spec": {"finalizers": ["kubernetes"]}});
    let object = K::decode(object.to_string().as_bytes()).expect("decodes");
    world.server.put(&object)
}

/// How many pods and config maps there are, and whether the namespace still waits for them. (The
/// fake server knows no `spec.finalizers`; one in the metadata keeps the namespace there.)
fn left(server: &FakeServer) -> (usize, usize, bool) {
    let namespace = server.get::<Namespace>("", "n");
    let finalizers = namespace.and_then(|n| n.spec?.finalizers);
    (
        server.list::<Pod>().len(),
        server.list::<ConfigMap>().len(),
        finalizers.is_some_and(|finalizers| !finalizers.is_empty()),
    )
}

#[test]
fn pods_go_first_then_the_rest_then_the_namespace() {
    run(async {
        let world = world();
        let finalizers = ["test/kept"];
        put::<Pod>(
            &world,
            &json!({"name": "p", "namespace": "n", "finalizers": finalizers}),
        );
        put::<ConfigMap>(&world, &json!({"name": "c", "namespace": "n"}));
        put::<ConfigMap>(&world, &json!({"name": "c", "namespace": "other"}));
        put::<Namespace>(&world, &json!({"name": "other"}));
        put::<Namespace>(
            &world,
            &json!({"name": "n", "deletionTimestamp": START,
            "finalizers": ["test/fake"]}),
        );
        world.start(&ROW);
        world.settle().await;
        assert_eq!(left(&world.server), (1, 2, true));
        let namespace: Namespace = world.server.get("", "n").expect("there");
        let status = namespace.encode()["status"].clone();
        expect![[r#"
            {
              "conditions": [
                {
                  "lastTransitionTime": "2026-01-01T00:00:00Z",
                  "message": "All resources successfully discovered",
                  "reason": "ResourcesDiscovered",
                  "status": "False",
                  "type": "NamespaceDeletionDiscoveryFailure"
                },
                {
                  "lastTransitionTime": "2026-01-01T00:00:00Z",
                  "message": "All legacy kube types successfully parsed",
                  "reason": "ParsedGroupVersions",
                  "status": "False",
                  "type": "NamespaceDeletionGroupVersionParsingFailure"
                },
                {
                  "lastTransitionTime": "2026-01-01T00:00:00Z",
                  "message": "All content successfully deleted, may be waiting on finalization",
                  "reason": "ContentDeleted",
                  "status": "False",
                  "type": "NamespaceDeletionContentFailure"
                },
                {
                  "lastTransitionTime": "2026-01-01T00:00:00Z",
                  "message": "Some resources are remaining: pods. has 1 resource instances",
                  "reason": "SomeResourcesRemain",
                  "status": "True",
                  "type": "NamespaceContentRemaining"
                },
                {
                  "lastTransitionTime": "2026-01-01T00:00:00Z",
                  "message": "Some content in the namespace has finalizers remaining: test/kept in 1 resource instances",
                  "reason": "SomeFinalizersRemain",
                  "status": "True",
                  "type": "NamespaceFinalizersRemaining"
                }
              ],
              "phase": "Terminating"
            }"#]].assert_eq(&serde_json::to_string_pretty(&status).expect("prints"));
        let pod: Pod = world.server.get("n", "p").expect("there");
        assert!(pod.is_terminating());
        world.server.remove(&Pod::GVR, "n", "p");
        world.until((0, 1, false), left).await;
    });
}

#[test]
fn a_namespace_that_lives_is_left_alone() {
    run(async {
        let world = world();
        put::<ConfigMap>(&world, &json!({"name": "c", "namespace": "n"}));
        put::<Namespace>(&world, &json!({"name": "n"}));
        world.start(&ROW);
        world.settle().await;
        assert_eq!(left(&world.server), (0, 1, true));
    });
}
