use api::ByteString;
use std::time::Duration;

use client::testing::FakeServer;
use serde_json::json;

use super::*;
use crate::testing::{World, run};

fn names(server: &FakeServer) -> String {
    let secrets = server.list::<Secret>();
    secrets
        .iter()
        .map(|secret| secret.name().to_owned())
        .collect()
}

#[test]
fn tokens_go_when_they_expire() {
    run(async {
        let world = World::new();
        let put = |name: &str, namespace: &str, type_: &str, end: Option<&str>| {
            let secret = json!({"metadata": {"name": name, "namespace": namespace},
                "type": type_});
            let mut secret = Secret::decode(secret.to_string().as_bytes()).expect("a secret");
            secret.data = end
                .map(|end| [("expiration".to_owned(), ByteString(end.as_bytes().to_vec()))].into());
            world.server.put(&secret);
        };
        let token = "bootstrap.kubernetes.io/token";
        put("a", "kube-system", token, Some("2025-12-31T23:59:59Z"));
        put("b", "kube-system", token, Some("2026-01-01T02:00:00+01:00"));
        put("c", "kube-system", token, None);
        put("d", "kube-system", token, Some("tomorrow"));
        put("e", "kube-system", "Opaque", Some("2025-12-31T23:59:59Z"));
        put("f", "default", token, Some("2025-12-31T23:59:59Z"));
        world.start(&ROW);
        world.until("fbce".to_owned(), names).await;
        world.settle().await;
        world.hands.advance(Duration::from_secs(3600));
        world.until("fce".to_owned(), names).await;
    });
}
