//! The client against the fake server: both sides of every request.

use super::*;
use crate::{
    ApiResource, DeleteOptions, Deletion, ListOptions, PatchKind, PatchOptions, Propagation,
    WatchEvent, WriteOptions,
};
use api::core::{Binding, ObjectReference};
use api::{ConfigMap, Deployment, Namespace, Pod};
use serde_json::{Value, json};

fn server() -> FakeServer {
    FakeServer::new(Clock::manual(jiff::Timestamp::UNIX_EPOCH).0)
}

fn pod(name: &str) -> Pod {
    let value = json!({"metadata": {"name": name, "namespace": "n", "labels": {"app": name}},
        "spec": {"containers": []}});
    Pod::decode(value.to_string().as_bytes()).expect("a pod")
}

fn show(event: Option<Result<WatchEvent, StatusError>>) -> String {
    let name = |o: apimachinery::Encoded| o.head().expect("valid").metadata.name.into_owned();
    match event {
        None => "end".to_owned(),
        Some(Err(error)) => error.reason().to_owned(),
        Some(Ok(WatchEvent::Added(o))) => format!("added {}", name(o)),
        Some(Ok(WatchEvent::Modified(o))) => format!("modified {}", name(o)),
        Some(Ok(WatchEvent::Deleted(o))) => format!("deleted {}", name(o)),
        Some(Ok(WatchEvent::Bookmark(_))) => "bookmark".to_owned(),
    }
}

#[tokio::test]
async fn an_object_lives_and_dies() {
    let client = server().client();
    let pods = client.typed::<Pod>().in_namespace("n");
    let created = pods.create(&pod("a")).await.expect("created");
    assert_eq!(
        (created.revision(), created.metadata.generation),
        (2, Some(1))
    );
    assert!(
        pods.create(&pod("a"))
            .await
            .expect_err("twice")
            .is_already_exists()
    );
    let spec = json!({"spec": {"nodeName": "w"}, "status": {"phase": "Lost"}});
    let changed = pods.merge("a", &spec).await.expect("patched");
    assert_eq!(
        (changed.metadata.generation, &changed.status),
        (Some(2), &None)
    );
    assert!(
        pods.update(&created)
            .await
            .expect_err("stale")
            .is_conflict()
    );
    let status = json!({"status": {"phase": "Running"}, "spec": {"nodeName": "x"}});
    let running = pods.merge_status("a", &status).await.expect("patched");
    assert_eq!(
        (api::pod::phase(&running), api::pod::node_name(&running)),
        ("Running", "w")
    );
    let again = pods.merge_status("a", &status).await.expect("patched");
    assert_eq!(again.revision(), running.revision());
    let deletion = pods.delete("a", &DeleteOptions::default()).await;
    assert!(matches!(
        deletion.expect("deleted"),
        Deletion::Terminating(_)
    ));
    let now = DeleteOptions {
        grace_period_seconds: Some(0),
        ..DeleteOptions::of_uid("another")
    };
    assert!(
        pods.delete("a", &now)
            .await
            .expect_err("another")
            .is_conflict()
    );
    let now = DeleteOptions {
        grace_period_seconds: Some(0),
        ..DeleteOptions::of_uid(created.uid())
    };
    assert_eq!(
        pods.delete("a", &now).await.expect("deleted"),
        Deletion::Gone
    );
    assert!(pods.get("a").await.expect_err("gone").is_not_found());
}

#[tokio::test]
async fn finalizers_keep_an_object() {
    let server = server();
    let maps = server.client().typed::<ConfigMap>().in_namespace("n");
    let mut map = ConfigMap::default();
    map.metadata.generate_name = Some("m-".to_owned());
    let name = maps.create(&map).await.expect("created").name().to_owned();
    let foreground = DeleteOptions {
        propagation_policy: Some(Propagation::Foreground),
        ..DeleteOptions::default()
    };
    let deletion = maps.delete(&name, &foreground).await.expect("deleted");
    assert!(matches!(deletion, Deletion::Terminating(_)));
    let kept: ConfigMap = server.get("n", &name).expect("kept");
    assert_eq!(
        kept.metadata.finalizers,
        Some(vec!["foregroundDeletion".to_owned()])
    );
    let patch = json!({"metadata": {"finalizers": null}});
    maps.merge(&name, &patch).await.expect("released");
    assert_eq!(server.get::<ConfigMap>("n", &name), None);
}

#[tokio::test]
async fn lists_select_and_page() {
    let server = server();
    for name in ["a", "b", "c"] {
        server.put(&pod(name));
    }
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some("n".to_owned());
    server.put(&namespace);
    let client = server.client();
    assert_eq!(
        client
            .typed::<Namespace>()
            .get("n")
            .await
            .expect("there")
            .name(),
        "n"
    );
    let pods = client.api(&ApiResource::of::<Pod>());
    let first = ListOptions {
        limit: Some(2),
        ..ListOptions::default()
    };
    let page = pods.list(&first).await.expect("listed");
    assert_eq!(
        (page.items.len(), page.remaining, page.revision),
        (2, Some(1), 5)
    );
    let rest = ListOptions {
        continue_token: page.continue_token,
        ..first
    };
    let page = pods.list(&rest).await.expect("listed");
    assert_eq!((page.items.len(), page.continue_token.as_str()), (1, ""));
    let selected = ListOptions {
        labels: "app in (a,b)".to_owned(),
        fields: "metadata.name!=a".to_owned(),
        ..ListOptions::default()
    };
    let typed = client.typed::<Pod>().list(&selected).await.expect("listed");
    assert_eq!(typed.iter().map(Kind::name).collect::<Vec<_>>(), ["b"]);
    let options = DeleteOptions::default();
    let here = pods.in_namespace("n");
    here.delete_collection(&options, &selected)
        .await
        .expect("deleted");
    assert_eq!(server.list::<Pod>().len(), 2);
}

#[tokio::test]
async fn watches_follow_selectors_and_end_as_servers_end_them() {
    let server = server();
    server.put(&pod("a"));
    let pods = server.client().api(&ApiResource::of::<Pod>());
    let options = WatchOptions {
        labels: "app".to_owned(),
        bookmarks: true,
        ..WatchOptions::default()
    };
    let mut events = pods.watch(&options).await.expect("watching");
    let mut seen = vec![show(events.next().await)];
    let mut unlabelled = pod("b");
    unlabelled.metadata.labels = None;
    server.put(&unlabelled);
    server.put(&pod("b"));
    server.put(&pod("b"));
    server.put(&unlabelled);
    server.skip_revisions(3);
    while seen.last().is_some_and(|last| last != "deleted b") {
        seen.push(show(events.next().await));
    }
    server.break_watches();
    while seen.last().is_some_and(|last| last != "end") {
        seen.push(show(events.next().await));
    }
    let expected = [
        "added a",
        "bookmark",
        "added b",
        "modified b",
        "deleted b",
        "bookmark",
        "end",
    ];
    // The first bookmark comes only if the watch was read before the next change.
    seen.retain(|event| event != "bookmark");
    let expected: Vec<_> = expected.into_iter().filter(|e| *e != "bookmark").collect();
    assert_eq!(seen, expected);
    server.compact();
    let old = WatchOptions {
        resource_version: Some(2),
        ..WatchOptions::default()
    };
    assert!(pods.watch(&old).await.err().expect("too old").is_expired());
}

#[tokio::test]
async fn subresources_do_their_work() {
    let server = server();
    server.put(&pod("a"));
    let deployment = json!({"metadata": {"name": "d", "namespace": "n"}, "spec": {
        "replicas": 2, "selector": {}, "template": {},
    }});
    server.put(&Deployment::decode(deployment.to_string().as_bytes()).expect("a deployment"));
    let client = server.client();
    let pods = client.typed::<Pod>().in_namespace("n");
    let binding = Binding {
        target: ObjectReference {
            name: Some("w".to_owned()),
            ..ObjectReference::default()
        },
        ..Binding::default()
    };
    pods.create_subresource("a", "binding", &binding)
        .await
        .expect("bound");
    let bound = server.get::<Pod>("n", "a").expect("there");
    assert_eq!(api::pod::node_name(&bound), "w");
    let twice = pods.create_subresource("a", "binding", &binding).await;
    assert!(twice.expect_err("bound").is_conflict());
    let deployments = client
        .api(&ApiResource::of::<Deployment>())
        .in_namespace("n");
    let scale = deployments
        .get_subresource("d", "scale")
        .await
        .expect("a scale");
    let mut scale = scale.to_object().expect("json");
    scale.map_mut("spec").insert("replicas".into(), 5.into());
    let options = WriteOptions::default();
    let scaled = deployments
        .update_subresource("d", "scale", &scale, &options)
        .await;
    let scaled = scaled.expect("scaled").to_object().expect("json");
    assert_eq!(scaled.at("/spec/replicas"), Some(&json!(5)));
    let replicas = server
        .get::<Deployment>("n", "d")
        .and_then(|d| d.spec?.replicas);
    assert_eq!(replicas, Some(5));
}

#[tokio::test]
async fn every_object_is_shown_page_by_page() {
    let server = server();
    for n in 0..1001 {
        server.put(&pod(&format!("p{n:04}")));
    }
    let pods = server.client().api(&ApiResource::of::<Pod>());
    let mut names = Vec::new();
    let shown = pods.for_each(|pod| names.push(pod.name().to_owned()));
    shown.await.expect("listed");
    let expected: Vec<String> = (0..1001).map(|n| format!("p{n:04}")).collect();
    assert_eq!(names, expected);
    assert_eq!(server.take_requests().len(), 3);
}

#[tokio::test]
async fn faults_come_as_planned_and_say_what_is_known() {
    let server = server();
    let pods = server.client().typed::<Pod>().in_namespace("n");
    let refusal = StatusError::too_many_requests("slow down", 1);
    server.disturb(Verb::Create, "pods", Effect::Refuse(refusal));
    server.disturb(Verb::Create, "pods", Effect::Unreachable);
    server.disturb(Verb::Create, "pods", Effect::LoseAnswer);
    let mut found = Vec::new();
    for _ in 0..3 {
        let error = pods.create(&pod("a")).await.expect_err("disturbed");
        found.push((error.outcome_unknown(), server.list::<Pod>().len()));
    }
    assert_eq!(found, [(false, 0), (false, 0), (true, 1)]);
}

#[tokio::test]
async fn requests_carry_their_trace_and_dry_runs_leave_nothing() {
    let server = server();
    let trace = TraceId::from_bits(7);
    let pods = server
        .client()
        .with_trace(trace)
        .api(&ApiResource::of::<Pod>());
    let options = WriteOptions {
        dry_run: true,
        ..WriteOptions::default()
    };
    let (pods, pod) = (pods.in_namespace("n"), pod("a").encode());
    pods.create(&pod, &options).await.expect("accepted");
    let requests = server.take_requests();
    let seen: Vec<_> = requests.iter().map(|r| (r.trace, r.uri.as_str())).collect();
    assert_eq!(seen, [(trace, "/api/v1/namespaces/n/pods?dryRun=All")]);
    assert!(server.list::<Pod>().is_empty());
    let strategic = PatchKind::Strategic;
    let refused = pods
        .patch("a", strategic, &Value::Null, &PatchOptions::default())
        .await;
    assert_eq!(
        refused
            .expect_err("merge only")
            .status()
            .map(StatusError::code),
        Some(415)
    );
}
