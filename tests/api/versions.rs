//! Kinds that are shown in more than one way.

use serde_json::{Value, json};
use store::Limit;

use crate::world::{Said, World};

const CORE: &str = "/api/v1/namespaces/default/events";
const NEWER: &str = "/apis/events.k8s.io/v1/namespaces/default/events";

fn event(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "default"}, "type": "Normal",
        "regarding": {"kind": "Pod", "namespace": "default", "name": "p"}, "note": "n",
        "reason": "R", "action": "A", "eventTime": "2026-01-10T11:58:00.000000Z",
        "reportingController": "example.com/c", "reportingInstance": "i",
    })
}

#[tokio::test]
async fn one_event_is_seen_through_both_groups() {
    let world = World::new().await;
    let made = world.create(NEWER, &event("a")).await;
    assert_eq!(made.text("/apiVersion"), "events.k8s.io/v1");
    assert_eq!(made.text("/note"), "n");
    let core = world.get(&format!("{CORE}/a")).await;
    assert_eq!(core.text("/apiVersion"), "v1");
    assert_eq!(core.text("/message"), "n");
    assert_eq!(core.text("/involvedObject/name"), "p");
    assert_eq!(core.text("/reportingComponent"), "example.com/c");
    assert_eq!(core.json()["note"], Value::Null);
    assert_eq!(core.json()["metadata"], made.json()["metadata"]);

    // Each speaks its own fields, in patches too.
    let core_patch = json!({"message": "m", "count": 2});
    world.merge(&format!("{CORE}/a"), &core_patch).await;
    let newer = world.get(&format!("{NEWER}/a")).await;
    assert_eq!(newer.text("/note"), "m");
    assert_eq!(newer.json()["deprecatedCount"], 2);
    let series = json!({"series": {"count": 2, "lastObservedTime": "2026-01-10T11:59:00.000000Z"}});
    let patched = world.merge(&format!("{NEWER}/a"), &series).await;
    assert_eq!(patched.json()["series"]["count"], 2);
    let strict = format!("{NEWER}/a?fieldValidation=Strict");
    let foreign = json!({"message": "of the other group"}).to_string();
    let foreign = Said::body("application/merge-patch+json", &foreign);
    let refused = world.expect(422, "PATCH", &strict, &foreign).await;
    assert!(
        refused
            .text("/message")
            .contains("unknown field \"message\"")
    );

    // They are listed and deleted as one.
    let list = world
        .get(&format!("{NEWER}?fieldSelector=regarding.name%3Dp"))
        .await
        .json();
    assert_eq!(list["kind"], "EventList");
    assert_eq!(list["apiVersion"], "events.k8s.io/v1");
    assert_eq!(list["items"], json!([patched.json()]));
    let keys = world
        .store
        .list("/registry/events/", None, None, Limit::NONE)
        .await;
    assert_eq!(keys.expect("a list").items.len(), 1);
    let one = format!("{CORE}/a");
    let gone = world.expect(200, "DELETE", &one, &Said::nothing()).await;
    assert_eq!(gone.json()["details"]["kind"], "events");
    world
        .expect(404, "GET", &format!("{NEWER}/a"), &Said::nothing())
        .await;
}

#[tokio::test]
async fn each_group_has_its_rules_and_one_name() {
    let world = World::new().await;
    let mut untimed = event("a");
    untimed["eventTime"] = Value::Null;
    let refused = world
        .expect(422, "POST", NEWER, &Said::json(&untimed))
        .await;
    let expected = "Event \"a\" is invalid: eventTime: Required value";
    assert_eq!(refused.text("/message"), expected);
    let absent = world
        .expect(404, "GET", &format!("{NEWER}/x"), &Said::nothing())
        .await;
    assert_eq!(absent.text("/message"), "events \"x\" not found");
    let core = json!({"metadata": {"name": "b"}, "involvedObject": {"namespace": "default"}});
    world.create(CORE, &core).await;
}

#[tokio::test]
async fn tables_and_watches_come_in_the_version_asked_for() {
    let world = World::new().await;
    world.create(NEWER, &event("a")).await;
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let uri = |all: &str| format!("{all}?includeObject=Object");
    for (all, version) in [(CORE, "v1"), (NEWER, "events.k8s.io/v1")] {
        let table = world
            .expect(200, "GET", &uri(all), &Said::accepting(table))
            .await
            .json();
        let row = &table["rows"][0];
        assert_eq!(row["cells"][3], "pod/p");
        assert_eq!(row["object"]["apiVersion"], version);

        let watch = format!("{all}?watch=true&timeoutSeconds=1");
        let answer = world.send("GET", &watch, &Said::nothing()).await;
        let mut body = answer.into_body();
        let line = futures::StreamExt::next(&mut body).await.expect("an event");
        let event: Value = serde_json::from_slice(&line.expect("a chunk")).expect("a line");
        assert_eq!(event["object"]["apiVersion"], version);
    }
}
