//! Each kind's Table, as `kubectl get -o wide` reads it.

use std::fmt::Write;
use std::time::Duration;

use expect_test::expect_file;
use resources::served;
use serde_json::Value;

use crate::world::{Said, World, collection, fixture};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

#[tokio::test]
async fn every_kinds_table() {
    let mut text = String::new();
    for row in served().filter(|row| row.answer.is_none()) {
        let world = World::new().await;
        let sent = fixture(row);
        let all = collection(row, &sent);
        world.create(&all, &sent).await;
        world.hands.advance(Duration::from_secs(200));
        let name = sent["metadata"]["name"].as_str().expect("a name");
        let uri = format!("{all}?fieldSelector=metadata.name%3D{name}");
        let table = world
            .expect(200, "GET", &uri, &Said::accepting(TABLE))
            .await;
        writeln!(text, "{}", lines(row.plural, &table.json())).expect("a string grows");
    }
    expect_file!["../golden/api/tables.txt"].assert_eq(&text);
}

/// `column (type, priority): cell`, and what else the row says.
fn lines(plural: &str, table: &Value) -> String {
    let mut text = format!("{plural}\n");
    let rows = table["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 1, "{table}");
    let columns = table["columnDefinitions"].as_array().expect("columns");
    let cells = rows[0]["cells"].as_array().expect("cells");
    assert_eq!(columns.len(), cells.len(), "{plural}");
    for (column, cell) in columns.iter().zip(cells) {
        let wide = if column["priority"] == 0 {
            ""
        } else {
            ", wide"
        };
        let name = column["name"].as_str().expect("a name");
        let kind = column["type"].as_str().expect("a type");
        let format = column["format"].as_str().expect("a format");
        let kind = [kind, format].join(if format.is_empty() { "" } else { " " });
        writeln!(text, "  {name} ({kind}{wide}): {cell}").expect("a string grows");
    }
    let object = &rows[0]["object"];
    assert_eq!(object["kind"], "PartialObjectMetadata", "{plural}");
    if let Some(conditions) = rows[0].get("conditions") {
        writeln!(text, "  conditions: {conditions}").expect("a string grows");
    }
    text
}

/// A body, and the one form of an answer to it.
fn said(body: &Value, accepted: &str) -> Said {
    let mut said = Said::json(body);
    let accept = ("Accept".to_owned(), accepted.to_owned());
    said.headers.push(accept);
    said
}

/// What can only be created has no Table: who takes nothing else gets nothing done.
#[tokio::test]
async fn what_is_only_created_has_no_table() {
    const ONLY_TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let world = World::new().await;
    let pods = resources::by_kind("", "Pod").expect("a row");
    let pod = fixture(pods);
    let all = collection(pods, &pod);
    world.create(&all, &pod).await;
    let eviction = format!("{all}/web/eviction");
    let review = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let asked =
        serde_json::json!({"spec": {"nonResourceAttributes": {"path": "/", "verb": "get"}}});
    let evicted = serde_json::json!({"metadata": {"name": "web"}});
    for (uri, body) in [(review, &asked), (&eviction, &evicted)] {
        let refused = world
            .expect(406, "POST", uri, &said(body, ONLY_TABLE))
            .await;
        assert_eq!(
            refused.text("/message"),
            "only the following media types are accepted: application/json, application/yaml"
        );
        assert_eq!(refused.text("/reason"), "NotAcceptable");
        let kept = world.get(&format!("{all}/web")).await;
        assert_eq!(kept.text("/metadata/deletionTimestamp"), "");
        world.expect(201, "POST", uri, &said(body, TABLE)).await;
    }
    // What can be read has one, also on creation.
    let mut another = pod.clone();
    another["metadata"]["name"] = "another".into();
    let said = said(&another, ONLY_TABLE);
    let table = world.expect(201, "POST", &all, &said).await;
    assert_eq!(table.text("/kind"), "Table");
}

/// The control plane's parts, by their checks.
#[tokio::test]
async fn component_statuses_are_what_the_parts_say() {
    const ALL: &str = "/api/v1/componentstatuses";
    let world = World::new().await;
    let list = world.get(ALL).await.json();
    let expected = serde_json::json!([
        {"kind": "ComponentStatus", "apiVersion": "v1", "metadata": {"name": "scheduler"},
         "conditions": [{"type": "Healthy", "status": "True", "message": "ok"}]},
        {"kind": "ComponentStatus", "apiVersion": "v1", "metadata": {"name": "controller-manager"},
         "conditions": [{"type": "Healthy", "status": "False", "message": "a has ended"}]},
    ]);
    assert_eq!(list["items"], expected);
    let one = world.get(&format!("{ALL}/controller-manager")).await;
    assert_eq!(one.json(), expected[1]);
    let table = world.expect(200, "GET", ALL, &Said::accepting(TABLE)).await;
    let cells = |row: usize| table.json()["rows"][row]["cells"].clone();
    assert_eq!(
        cells(0),
        serde_json::json!(["scheduler", "Healthy", "ok", ""])
    );
    assert_eq!(
        cells(1),
        serde_json::json!(["controller-manager", "Unhealthy", "a has ended", ""])
    );
    let missing = world
        .expect(404, "GET", &format!("{ALL}/etcd-9"), &Said::nothing())
        .await;
    assert_eq!(
        missing.text("/message"),
        "componentstatuses \"etcd-9\" not found"
    );
    // What has a status of its own is no part of readiness.
    let ready = world.get("/readyz?verbose").await;
    assert!(!String::from_utf8_lossy(&ready.body).contains("controller-manager"));
}
