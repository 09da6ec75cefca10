use client::testing::FakeServer;
use serde_json::{Value, json};

use super::*;
use crate::testing::{World, run};

fn put(world: &World, name: &str, labels: &Value, verbs: &[&str], selectors: Option<Value>) {
    let mut object = json!({"metadata": {"name": name, "labels": labels}});
    if !verbs.is_empty() {
        object["rules"] = json!([{"verbs": verbs, "apiGroups": [""], "resources": ["pods"]}]);
    }
    if let Some(selectors) = selectors {
        object["aggregationRule"] = json!({"clusterRoleSelectors": selectors});
    }
    let role = ClusterRole::decode(object.to_string().as_bytes()).expect("decodes");
    world.server.put(&role);
}

/// Each role with the verbs of its rules.
fn verbs(server: &FakeServer) -> Vec<String> {
    let roles = server.list::<ClusterRole>();
    let of = |role: &ClusterRole| {
        let rules = role.rules.iter().flatten();
        let verbs: Vec<_> = rules.map(|rule| rule.verbs.join("+")).collect();
        format!("{}: {}", role.name(), verbs.join(" "))
    };
    roles.iter().map(of).collect()
}

#[test]
fn rules_flow_upwards_and_back() {
    run(async {
        let world = World::new();
        let labelled = |key: &str| json!({key: "true"});
        let selects = |key: &str| Some(json!([{"matchLabels": {key: "true"}}]));
        let nobody = json!({});
        put(&world, "admin", &nobody, &[], selects("to-admin"));
        put(
            &world,
            "edit",
            &labelled("to-admin"),
            &["stale"],
            selects("to-edit"),
        );
        put(&world, "reads", &labelled("to-edit"), &["get"], None);
        put(&world, "plain", &nobody, &["watch"], None);
        put(
            &world,
            "broken",
            &nobody,
            &["kept"],
            Some(json!([
                {"matchExpressions": [{"key": "x", "operator": "Near"}]},
            ])),
        );
        world.start(&ROW);
        let expect = |lines: [&str; 3]| {
            let rest = ["plain: watch", "reads: get"];
            let mut lines: Vec<_> = lines.iter().chain(&rest).map(|l| (*l).to_owned()).collect();
            lines.sort();
            lines
        };
        let settled = |server: &FakeServer| {
            let lines = verbs(server).into_iter();
            lines
                .filter(|line| !line.starts_with("writes"))
                .collect::<Vec<_>>()
        };
        world
            .until(expect(["admin: get", "broken: kept", "edit: get"]), settled)
            .await;
        put(&world, "writes", &labelled("to-edit"), &["update"], None);
        let more = expect(["admin: get update", "broken: kept", "edit: get update"]);
        world.until(more, settled).await;
        put(&world, "writes", &nobody, &["update"], None);
        world
            .until(expect(["admin: get", "broken: kept", "edit: get"]), settled)
            .await;
    });
}
