use api::{ConfigMap, Deployment, Kind, Pod, ReplicaSet};
use client::testing::FakeServer;

use super::*;
use crate::testing::{World, run};

fn world() -> World {
    let world = World::with_resources(vec![
        ApiResource::of::<Pod>(),
        ApiResource::of::<ConfigMap>(),
        ApiResource::of::<ReplicaSet>(),
        ApiResource::of::<Deployment>(),
    ]);
    world.start(&ROW);
    world
}

fn put<K: Kind>(world: &World, name: &str, owners: &[OwnerReference]) -> OwnerReference {
    let object = json!({
        "apiVersion": K::API_VERSION, "kind": K::KIND,
        "metadata": {"name": name, "namespace": "n", "ownerReferences": owners},
        "spec": {"selector": {}, "template": {}, "containers": []},
    });
    let object = K::decode(object.to_string().as_bytes()).expect("decodes");
    let object = world.server.put(&object);
    OwnerReference {
        api_version: K::API_VERSION.to_owned(),
        kind: K::KIND.to_owned(),
        name: name.to_owned(),
        uid: object.uid().to_owned(),
        controller: None,
        block_owner_deletion: Some(true),
    }
}

async fn delete<K: Kind>(world: &World, name: &str, propagation: Propagation) {
    let options = DeleteOptions {
        propagation_policy: Some(propagation),
        ..DeleteOptions::default()
    };
    let objects = world.server.client().typed::<K>().in_namespace("n");
    objects.delete(name, &options).await.expect("deletes");
}

/// All names, of each kind.
fn names(server: &FakeServer) -> String {
    fn of<K: Kind>(server: &FakeServer) -> String {
        let all = server.list::<K>();
        all.iter()
            .map(|object| format!("{} ", object.name()))
            .collect()
    }
    of::<Deployment>(server) + &of::<ReplicaSet>(server) + &of::<Pod>(server)
}

#[test]
fn dependents_follow_their_owner_in_the_background() {
    run(async {
        let world = world();
        let deployment = put::<Deployment>(&world, "d", &[]);
        let set = put::<ReplicaSet>(&world, "s", &[deployment]);
        put::<Pod>(&world, "p", &[set]);
        put::<Pod>(&world, "free", &[]);
        world.settle().await;
        delete::<Deployment>(&world, "d", Propagation::Background).await;
        world.until("free ".to_owned(), names).await;
    });
}

#[test]
fn an_owner_in_the_foreground_goes_last() {
    run(async {
        let world = world();
        let deployment = put::<Deployment>(&world, "d", &[]);
        let set = put::<ReplicaSet>(&world, "s", &[deployment]);
        let mut pod = put::<Pod>(&world, "p", &[set]);
        pod.block_owner_deletion = None;
        // Something else keeps the pod.
        let mut kept: Pod = world.server.get("n", "p").expect("there");
        kept.metadata.finalizers = Some(vec!["test/kept".to_owned()]);
        world.server.put(&kept);
        world.settle().await;
        delete::<Deployment>(&world, "d", Propagation::Foreground).await;
        world.settle().await;
        assert_eq!(names(&world.server), "d s p ");
        let mut kept: Pod = world.server.get("n", "p").expect("there");
        assert!(kept.is_terminating());
        kept.metadata.finalizers = None;
        world.server.put(&kept);
        world.server.remove(&Pod::GVR, "n", "p");
        world.until(String::new(), names).await;
    });
}

#[test]
fn orphans_stay_without_their_owner() {
    run(async {
        let world = world();
        let set = put::<ReplicaSet>(&world, "s", &[]);
        let other = put::<ConfigMap>(&world, "c", &[]);
        put::<Pod>(&world, "p", &[set, other.clone()]);
        world.settle().await;
        delete::<ReplicaSet>(&world, "s", Propagation::Orphan).await;
        world.until("p ".to_owned(), names).await;
        let pod: Pod = world.server.get("n", "p").expect("there");
        let owners = pod.metadata.owner_references.unwrap_or_default();
        let owners: Vec<_> = owners.into_iter().map(|owner| owner.uid).collect();
        assert_eq!(owners, [other.uid]);
    });
}

#[test]
fn a_reference_to_another_life_of_the_owner_counts_as_absent() {
    run(async {
        let world = world();
        let mut set = put::<ReplicaSet>(&world, "s", &[]);
        let good = set.clone();
        set.uid = "an earlier one".to_owned();
        put::<Pod>(&world, "stale", &[set.clone()]);
        put::<Pod>(&world, "mixed", &[set, good.clone()]);
        world.until("s mixed ".to_owned(), names).await;
        world.settle().await;
        let pod: Pod = world.server.get("n", "mixed").expect("there");
        let owners = pod.metadata.owner_references.unwrap_or_default();
        assert_eq!(owners.len(), 1);
        assert_eq!(owners[0].uid, good.uid);
    });
}

#[test]
fn owners_of_unknown_kinds_keep_their_dependents() {
    run(async {
        let world = world();
        let mut owner = put::<ReplicaSet>(&world, "s", &[]);
        owner.kind = "Other".to_owned();
        owner.uid = "unknown".to_owned();
        put::<Pod>(&world, "p", &[owner]);
        world.settle().await;
        assert_eq!(names(&world.server), "s p ");
    });
}
