use std::time::Duration;

use api::{ConfigMap, Pod};
use client::testing::{FakeServer, Verb};
use serde_json::{Value, json};

use super::*;
use crate::testing::{World, run};

fn pod(name: &str, metadata: &Value, phase: &str) -> Pod {
    let mut pod = json!({"metadata": {"name": name, "namespace": "n"},
        "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "500m"}}}]},
        "status": {"phase": phase}});
    for (key, value) in metadata.as_object().into_iter().flatten() {
        pod["metadata"][key] = value.clone();
    }
    Pod::decode(pod.to_string().as_bytes()).expect("a pod")
}

fn quota(hard: &Value) -> ResourceQuota {
    let quota = json!({"metadata": {"name": "q", "namespace": "n"}, "spec": {"hard": hard}});
    ResourceQuota::decode(quota.to_string().as_bytes()).expect("a quota")
}

/// What is used, and of what.
fn counted(server: &FakeServer) -> String {
    let quota = server.get::<ResourceQuota>("n", "q").expect("it is there");
    let status = quota.status.unwrap_or_default();
    let show = |list: Option<std::collections::BTreeMap<String, api::QuantityText>>| {
        let list = list.unwrap_or_default().into_iter();
        let texts: Vec<_> = list
            .map(|(name, text)| format!("{name}={}", text.0))
            .collect();
        texts.join(",")
    };
    format!("{} of {}", show(status.used), show(status.hard))
}

#[test]
fn what_goes_is_given_back() {
    run(async {
        let world = World::with_resources(vec![
            ApiResource::of::<Pod>(),
            ApiResource::of::<ConfigMap>(),
            ApiResource::of::<ResourceQuota>(),
        ]);
        let server = &world.server;
        for name in ["a", "b", "c"] {
            server.put(&pod(name, &json!({}), "Running"));
        }
        server.put(&quota(&json!({"pods": "5", "cpu": "2"})));
        world.start(&ROW);
        world
            .until("cpu=1500m,pods=3 of cpu=2,pods=5".to_owned(), counted)
            .await;
        server.remove(&Pod::GVR, "n", "a");
        world
            .until("cpu=1,pods=2 of cpu=2,pods=5".to_owned(), counted)
            .await;
        server.put(&pod("b", &json!({}), "Succeeded"));
        world
            .until("cpu=500m,pods=1 of cpu=2,pods=5".to_owned(), counted)
            .await;

        let mut changed: ResourceQuota = server.get("n", "q").expect("there");
        changed.spec = quota(&json!({"configmaps": "1", "count/pods": "9"})).spec;
        server.put(&changed);
        let all = "configmaps=0,count/pods=2 of configmaps=1,count/pods=9";
        world.until(all.to_owned(), counted).await;
    });
}

#[test]
fn a_pod_that_overstays_is_given_back_when_its_time_is_over() {
    run(async {
        let world = World::with_resources(vec![ApiResource::of::<Pod>()]);
        let leaving = json!({"deletionTimestamp": "2026-01-01T00:00:30Z",
            "deletionGracePeriodSeconds": 30});
        world.server.put(&pod("a", &leaving, "Running"));
        world.server.put(&quota(&json!({"pods": "5"})));
        world.start(&ROW);
        world.until("pods=1 of pods=5".to_owned(), counted).await;
        world.settle().await;
        world.hands.advance(Duration::from_secs(62));
        world.until("pods=0 of pods=5".to_owned(), counted).await;
    });
}

#[test]
fn charges_and_newcomers_need_no_count() {
    run(async {
        let world = World::with_resources(vec![ApiResource::of::<Pod>()]);
        world.server.put(&quota(&json!({"pods": "5"})));
        world.start(&ROW);
        world.until("pods=0 of pods=5".to_owned(), counted).await;
        world.settle().await;
        drop(world.server.take_requests());
        // As the API server does it, in one transaction.
        let mut charged: ResourceQuota = world.server.get("n", "q").expect("there");
        let used = [("pods".to_owned(), api::QuantityText("1".to_owned()))];
        charged.status.get_or_insert_default().used = Some(used.into());
        world.server.put(&charged);
        world.server.put(&pod("a", &json!({}), "Pending"));
        world.settle().await;
        let lists = world.server.take_requests().into_iter();
        let lists = lists.filter(|request| request.verb == Verb::List);
        assert_eq!(lists.count(), 0);
        assert_eq!(counted(&world.server), "pods=1 of pods=5");
    });
}
