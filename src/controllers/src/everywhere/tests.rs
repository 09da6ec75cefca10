use client::testing::FakeServer;
use serde_json::json;

use super::*;
use crate::testing::{START, World, run};

fn put<K: Kind>(world: &World, metadata: &serde_json::Value) -> K {
    let object = json!({"metadata": metadata});
    let object = K::decode(object.to_string().as_bytes()).expect("decodes");
    world.server.put(&object)
}

fn accounts(server: &FakeServer) -> Vec<String> {
    let accounts = server.list::<ServiceAccount>();
    let name = |account: &ServiceAccount| format!("{}/{}", account.namespace(), account.name());
    accounts.iter().map(name).collect()
}

#[test]
fn every_living_namespace_has_its_account() {
    run(async {
        let world = World::new();
        put::<Namespace>(&world, &json!({"name": "a"}));
        put::<Namespace>(
            &world,
            &json!({"name": "going", "deletionTimestamp": START}),
        );
        world.start(&SERVICE_ACCOUNT);
        let both = || vec!["a/default".to_owned(), "b/default".to_owned()];
        put::<Namespace>(&world, &json!({"name": "b"}));
        world.until(both(), accounts).await;
        world.server.remove(&ServiceAccount::GVR, "a", "default");
        world.until(both(), accounts).await;
        world.settle().await;
        assert_eq!(accounts(&world.server), both());
    });
}

#[test]
fn the_root_certificate_is_put_right() {
    run(async {
        let world = World::new();
        put::<Namespace>(&world, &json!({"name": "a"}));
        world.start(&ROOT_CA);
        let data = |server: &FakeServer| {
            let found = server.get::<ConfigMap>("a", "kube-root-ca.crt");
            found.and_then(|found| found.data)
        };
        let right = || Some([("ca.crt".to_owned(), "the root".to_owned())].into());
        world.until(right(), data).await;
        let mut changed: ConfigMap = world.server.get("a", "kube-root-ca.crt").expect("there");
        changed.data = Some([("other".to_owned(), "x".to_owned())].into());
        world.server.put(&changed);
        world.until(right(), data).await;
    });
}
