use api::Kind;
use client::testing::FakeServer;
use serde_json::{Value, json};

use super::*;
use crate::testing::{World, run};

fn secret(name: &str, type_: &str, annotations: Value) -> Secret {
    let secret = json!({"metadata": {"name": name, "namespace": "n", "annotations": annotations},
        "type": type_});
    Secret::decode(secret.to_string().as_bytes()).expect("a secret")
}

fn account(name: &str) -> ServiceAccount {
    let account = json!({"metadata": {"name": name, "namespace": "n"}});
    ServiceAccount::decode(account.to_string().as_bytes()).expect("an account")
}

/// `name: key=value …` of each secret.
fn secrets(server: &FakeServer) -> String {
    let texts = server.list::<Secret>().into_iter().map(|secret| {
        let data = secret.data.clone().unwrap_or_default().into_iter();
        let data = data.map(|(key, value)| format!(" {key}={}", String::from_utf8_lossy(&value.0)));
        format!("{}:{}\n", secret.name(), data.collect::<String>())
    });
    texts.collect()
}

const TYPE: &str = "kubernetes.io/service-account-token";

#[test]
fn token_secrets_live_with_their_accounts() {
    run(async {
        let world = World::new();
        let server = &world.server;
        let of = |name: &str| json!({"kubernetes.io/service-account.name": name});
        let robot = server.put(&account("robot"));
        server.put(&secret("a", TYPE, of("robot")));
        server.put(&secret("b", TYPE, of("nobody")));
        server.put(&secret("c", "Opaque", of("nobody")));
        let mut old = of("robot");
        old["kubernetes.io/service-account.uid"] = "of another robot".into();
        server.put(&secret("d", TYPE, old));
        world.start(&ROW);
        let filled = "a: ca.crt=the root namespace=n token=robot's a\nc:\n";
        world.until(filled.to_owned(), secrets).await;
        let held: Secret = server.get("n", "a").expect("there");
        let uid = held.annotation("kubernetes.io/service-account.uid");
        assert_eq!(uid, Some(robot.uid()));

        let mut changed = held;
        let data = changed.data.get_or_insert_default();
        data.insert("ca.crt".to_owned(), api::ByteString(b"old".to_vec()));
        data.insert("mine".to_owned(), api::ByteString(b"x".to_vec()));
        server.put(&changed);
        let mended = "a: ca.crt=the root mine=x namespace=n token=robot's a\nc:\n";
        world.until(mended.to_owned(), secrets).await;
        server.remove(&ServiceAccount::GVR, "n", "robot");
        world.until("c:\n".to_owned(), secrets).await;
    });
}
