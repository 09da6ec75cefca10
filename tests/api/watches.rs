//! One watch at a time: what a client reads, line by line.

use std::time::Duration;

use client::ByteStream;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};

use crate::world::{Said, World};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// The lines of a watch as they come.
struct Lines {
    body: ByteStream,
    rest: Vec<u8>,
}

impl Lines {
    async fn open(world: &World, query: &str) -> Self {
        Self::open_as(world, query, &Said::nothing()).await
    }

    async fn open_as(world: &World, query: &str, said: &Said) -> Self {
        Self::at(world, &format!("{MAPS}?watch=true&{query}"), said).await
    }

    async fn at(world: &World, uri: &str, said: &Said) -> Self {
        let answer = world.send("GET", uri, said).await;
        assert_eq!(answer.status(), 200, "{uri}");
        Self {
            body: answer.into_body(),
            rest: Vec::new(),
        }
    }

    /// The next event; `None` when the watch has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).expect("a line of JSON"));
            }
            let chunk = self.body.next().await?;
            self.rest.extend_from_slice(&chunk.expect("a chunk"));
        }
    }

    /// `TYPE name`, of a bookmark `TYPE revision`.
    async fn short(&mut self) -> String {
        let Some(event) = self.next().await else {
            return "end".to_owned();
        };
        let kind = event["type"].as_str().expect("a type");
        let metadata = &event["object"]["metadata"];
        let what = match kind {
            "BOOKMARK" => &metadata["resourceVersion"],
            "ERROR" => &event["object"]["reason"],
            _ => &metadata["name"],
        };
        format!("{kind} {}", what.as_str().unwrap_or_default())
    }

    async fn expect(&mut self, expected: &[&str]) {
        for expected in expected {
            assert_eq!(self.short().await, *expected);
        }
    }
}

async fn put(world: &World, name: &str, labels: Value) -> u64 {
    let object = json!({"metadata": {"name": name, "labels": labels}});
    let uri = format!("{MAPS}/{name}");
    if world.ask("GET", &uri, &Said::nothing()).await.code == 404 {
        world.create(MAPS, &object).await.revision()
    } else {
        let said = Said::json(&object);
        world.expect(200, "PUT", &uri, &said).await.revision()
    }
}

#[tokio::test]
async fn a_version_decides_where_a_watch_begins() {
    let world = World::new().await;
    put(&world, "a", json!({})).await;
    let first = put(&world, "b", json!({})).await;
    put(&world, "a", json!({"x": "1"})).await;

    let mut from_now = Lines::open(&world, "").await;
    from_now.expect(&["ADDED a", "ADDED b"]).await;
    let mut any = Lines::open(&world, "resourceVersion=0").await;
    any.expect(&["ADDED a", "ADDED b"]).await;
    let mut after = Lines::open(&world, &format!("resourceVersion={first}")).await;
    after.expect(&["MODIFIED a"]).await;
    let initial = "sendInitialEvents=true&allowWatchBookmarks=true&\
                   resourceVersionMatch=NotOlderThan";
    let mut initial = Lines::open(&world, initial).await;
    initial.expect(&["ADDED a", "ADDED b"]).await;
    let end = initial.next().await.expect("a bookmark");
    let annotations = &end["object"]["metadata"]["annotations"];
    assert_eq!(annotations["k8s.io/initial-events-end"], "true");

    let uri = format!("{MAPS}/a");
    world.expect(200, "DELETE", &uri, &Said::nothing()).await;
    for watch in [&mut from_now, &mut any, &mut after, &mut initial] {
        watch.expect(&["DELETED a"]).await;
    }
}

#[tokio::test]
async fn lines_that_are_there_come_together() {
    let world = World::new().await;
    let first = put(&world, "m-0", json!({})).await;
    for number in 1..=100 {
        put(&world, &format!("m-{number}"), json!({})).await;
    }
    let query = format!("resourceVersion={first}");
    let mut watch = Lines::open(&world, &query).await;
    let (mut pieces, mut lines) = (0, 0);
    while lines < 100 {
        let piece = watch.body.next().await.expect("a watch goes on");
        let piece = piece.expect("a piece");
        assert!(piece.ends_with(b"\n"), "whole lines");
        assert!(piece.len() <= 16 * 1024, "{} bytes at once", piece.len());
        pieces += 1;
        lines += piece.iter().filter(|byte| **byte == b'\n').count();
    }
    assert_eq!(lines, 100);
    assert!(pieces <= 10, "{pieces} pieces");
}

#[tokio::test]
async fn selectors_turn_changes_into_additions_and_deletions() {
    let world = World::new().await;
    let mut one = Lines::open(&world, "fieldSelector=metadata.name%3Da").await;
    let mut red = Lines::open(&world, "labelSelector=c%3Dred").await;
    put(&world, "ab", json!({"c": "red"})).await;
    put(&world, "a", json!({"c": "blue"})).await;
    put(&world, "a", json!({"c": "red"})).await;
    let last = put(&world, "a", json!({"c": "blue"})).await;
    put(&world, "ab", json!({"c": "red", "d": "1"})).await;
    one.expect(&["ADDED a", "MODIFIED a", "MODIFIED a"]).await;
    red.expect(&["ADDED ab", "ADDED a"]).await;
    let left = red.next().await.expect("an event");
    assert_eq!(left["type"], "DELETED");
    // The last state that was selected, at the revision of the change.
    let metadata = &left["object"]["metadata"];
    assert_eq!(metadata["labels"]["c"], "red");
    assert_eq!(metadata["resourceVersion"], last.to_string());
    red.expect(&["MODIFIED ab"]).await;
}

#[tokio::test]
async fn bookmarks_come_once_a_minute_and_at_the_end_to_those_who_ask() {
    let world = World::new().await;
    let from = put(&world, "a", json!({})).await;
    let version = format!("resourceVersion={from}");
    let asked = format!("{version}&allowWatchBookmarks=true&timeoutSeconds=150");
    let (mut asked, mut quiet) = (
        Lines::open(&world, &asked).await,
        Lines::open(&world, &format!("{version}&timeoutSeconds=150")).await,
    );
    // The timer of bookmarks is running once the server has given the watch its first turn.
    tokio::task::yield_now().await;
    let bookmark = format!("BOOKMARK {from}");
    for _ in 0..2 {
        world.hands.advance(Duration::from_secs(60));
        asked.expect(&[&bookmark]).await;
    }
    let last = put(&world, "b", json!({})).await;
    asked.expect(&["ADDED b"]).await;
    // Progress that is not due is passed over.
    world.store.request_progress();
    world.hands.advance(Duration::from_secs(30));
    asked.expect(&[&format!("BOOKMARK {last}"), "end"]).await;
    // Who comes late for an event begins the next watch before it.
    quiet.expect(&["end"]).await;
}

#[tokio::test]
async fn a_forgotten_version_is_an_error_in_the_stream() {
    let world = World::new().await;
    let first = put(&world, "a", json!({})).await;
    put(&world, "b", json!({})).await;
    put(&world, "c", json!({})).await;
    let compacted = world.store.compact(world.store.revision());
    compacted.await.expect("the store compacts");
    let mut lines = Lines::open(&world, &format!("resourceVersion={first}")).await;
    lines.expect(&["ERROR Expired", "end"]).await;
    let future = format!("{MAPS}?watch=true&resourceVersion=999");
    let refused = world.expect(504, "GET", &future, &Said::nothing()).await;
    assert_eq!(
        refused.text("/details/causes/0/reason"),
        "ResourceVersionTooLarge"
    );
}

#[tokio::test]
async fn tables_name_their_columns_once() {
    let world = World::new().await;
    put(&world, "a", json!({})).await;
    put(&world, "b", json!({})).await;
    let mut lines = Lines::open_as(&world, "", &Said::accepting(TABLE)).await;
    let first = lines.next().await.expect("an event");
    assert_eq!(first["object"]["rows"][0]["cells"], json!(["a", 0, "0s"]));
    assert!(first["object"]["columnDefinitions"].is_array());
    let second = lines.next().await.expect("an event");
    assert_eq!(second["object"]["columnDefinitions"], Value::Null);
    assert!(lines.next().now_or_never().is_none(), "nothing follows");
}

#[tokio::test]
async fn the_older_paths_watch_collections_and_single_objects() {
    let world = World::new().await;
    put(&world, "a", json!({})).await;
    put(&world, "b", json!({})).await;
    let maps = "/api/v1/watch/namespaces/default/configmaps";
    let selected = "fieldSelector=metadata.name%3Da";
    let rows: [(String, &[&str]); 5] = [
        (maps.to_owned(), &["ADDED a", "ADDED b"]),
        (format!("{maps}?watch=0"), &["ADDED a", "ADDED b"]),
        (
            "/api/v1/watch/configmaps".to_owned(),
            &["ADDED a", "ADDED b"],
        ),
        (format!("{maps}/a"), &["ADDED a"]),
        (format!("{maps}/a?{selected}"), &["ADDED a"]),
    ];
    let mut open = Vec::new();
    for (uri, expected) in rows {
        let mut lines = Lines::at(&world, &uri, &Said::nothing()).await;
        lines.expect(expected).await;
        open.push((uri, lines));
    }
    let uri = "/api/v1/watch/namespaces/default";
    let mut namespace = Lines::at(&world, uri, &Said::nothing()).await;
    namespace.expect(&["ADDED default"]).await;
    for name in ["a", "b"] {
        put(&world, name, json!({"x": "1"})).await;
    }
    for (uri, lines) in &mut open {
        assert_eq!(lines.short().await, "MODIFIED a", "{uri}");
        if uri.contains("configmaps/a") {
            assert!(lines.next().now_or_never().is_none(), "{uri}");
        } else {
            assert_eq!(lines.short().await, "MODIFIED b", "{uri}");
        }
    }
    let refused = [
        ("GET", format!("{maps}/b?{selected}"), 400),
        (
            "GET",
            format!("{maps}/b?labelSelector=x&fieldSelector=metadata.namespace%3Dx"),
            400,
        ),
        ("POST", maps.to_owned(), 405),
        ("DELETE", format!("{maps}/a"), 405),
        (
            "GET",
            "/api/v1/watch/namespaces/default/pods/p/status".to_owned(),
            404,
        ),
        ("GET", "/api/v1/watch/pods/p".to_owned(), 404),
        ("GET", "/api/v1/watch/componentstatuses".to_owned(), 404),
        ("GET", "/api/v1/watch".to_owned(), 404),
        ("GET", "/api/v1/watch/nothings".to_owned(), 404),
        ("GET", "/apis/apps/v1/watch/configmaps".to_owned(), 404),
    ];
    for (method, uri, code) in refused {
        world.expect(code, method, &uri, &Said::nothing()).await;
    }
}

/// As upstream, whatever the method.
#[tokio::test]
async fn the_older_paths_need_the_right_to_watch() {
    let world = World::new().await;
    let mut said = Said::nothing();
    said.user = "jane".to_owned();
    let rows = [
        (
            "GET",
            "configmaps",
            "cannot watch resource \"configmaps\" in API group \"\" at the cluster scope",
        ),
        (
            "DELETE",
            "namespaces/a/pods/p",
            "cannot watch resource \"pods\" in API group \"\" in the namespace \"a\"",
        ),
        (
            "GET",
            "configmaps?fieldSelector=metadata.name%3Dx",
            "cannot watch resource \"configmaps\" in API group \"\" at the cluster scope",
        ),
    ];
    for (method, path, expected) in rows {
        let refused = world
            .expect(403, method, &format!("/api/v1/watch/{path}"), &said)
            .await;
        let message = refused.text("/message");
        assert!(message.ends_with(expected), "{message}");
        let name = if method == "DELETE" { "p" } else { "" };
        assert_eq!(refused.text("/details/name"), name);
    }
}
