//! Whole commands against a server of fixtures; `testdata/*.txt` is what a real kubectl prints
//! for the same answers.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use base::Clock;
use bytes::Bytes;
use client::{ByteStream, Client, Transport, TransportError};
use expect_test::{expect, expect_file};
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use http::{Method, Request, Response};
use serde_json::{Value, json};

use crate::commands::{self, Asked};
use crate::session::Session;

/// Answers from the fixtures and notes every write.
#[derive(Clone)]
struct Fixtures {
    objects: Value,
    tables: Value,
    writes: Arc<Mutex<Vec<String>>>,
}

impl Fixtures {
    fn new() -> Self {
        let parse = |text| serde_json::from_str(text).expect("JSON");
        Self {
            objects: parse(include_str!("../testdata/objects.json")),
            tables: parse(include_str!("../testdata/tables.json")),
            writes: Arc::default(),
        }
    }

    fn answer(&self, request: &Request<Bytes>) -> (u16, Value) {
        let uri = request.uri();
        let accept = request
            .headers()
            .get("accept")
            .map_or("", |v| v.to_str().expect("ASCII"));
        match uri.path() {
            "/api" => return (200, discovery(true)),
            "/apis" => return (200, discovery(false)),
            "/version" => return (200, json!({"gitVersion": "v1.35.0"})),
            _ => {}
        }
        let segments: Vec<&str> = uri.path().split('/').skip(1).collect();
        let rest = &segments[if segments[0] == "api" { 2 } else { 3 }..];
        let rest = if rest[0] == "namespaces" && rest.len() > 2 {
            &rest[2..]
        } else {
            rest
        };
        if request.method() != Method::GET {
            let body = String::from_utf8_lossy(request.body());
            let line = format!("{} {uri} {body}", request.method());
            self.writes.lock().expect("no panic").push(line);
        }
        let all = self.objects[rest[0]]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let Some(name) = rest.get(1) else {
            return match *request.method() {
                Method::POST => (201, serde_json::from_slice(request.body()).expect("JSON")),
                _ if accept.contains("as=Table") => (200, self.tables[rest[0]].clone()),
                _ => (
                    200,
                    json!({"metadata": {"resourceVersion": "9"}, "items": all}),
                ),
            };
        };
        let Some(object) = all
            .into_iter()
            .find(|object| object["metadata"]["name"] == **name)
        else {
            return (
                404,
                json!({
                    "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound",
                    "message": format!("{} {name:?} not found", rest[0]), "code": 404,
                }),
            );
        };
        if request.method() == Method::DELETE {
            return (
                200,
                json!({
                    "kind": "Status", "apiVersion": "v1", "status": "Success", "details": {"uid": "u"},
                }),
            );
        }
        if !accept.contains("as=Table") {
            return (200, object);
        }
        let mut table = self.tables[rest[0]].clone();
        let rows = table["rows"].as_array_mut().expect("rows");
        rows.retain(|row| row["object"]["metadata"]["name"] == **name);
        (200, table)
    }
}

impl Fixtures {
    /// A watch that sees the first pod change and go.
    fn events(&self, request: &Request<Bytes>) -> String {
        let accept = request
            .headers()
            .get("accept")
            .map_or("", |v| v.to_str().expect("ASCII"));
        let object = if accept.contains("as=Table") {
            let mut table = self.tables["pods"].clone();
            table["columnDefinitions"] = json!(null);
            table["rows"] = json!([table["rows"][0]]);
            table["rows"][0]["cells"][2] = "Terminating with a long word".into();
            table
        } else {
            self.objects["pods"][0].clone()
        };
        let event = |kind: &str| json!({"type": kind, "object": object}).to_string() + "\n";
        format!("{}{}", event("MODIFIED"), event("DELETED"))
    }
}

fn discovery(core: bool) -> Value {
    let entry = |name: &str, kind: &str, namespaced: bool, short: &str, category: &str| {
        json!({
            "resource": name, "responseKind": {"group": "", "version": "", "kind": kind},
            "scope": if namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": kind.to_lowercase(), "shortNames": [short],
            "verbs": ["create", "delete", "get", "list", "patch", "watch"],
            "categories": if category.is_empty() { vec![] } else { vec![category] },
        })
    };
    if core {
        return json!({"items": [{"metadata": {}, "versions": [{"version": "v1", "resources": [
            entry("configmaps", "ConfigMap", true, "cm", ""),
            entry("events", "Event", true, "ev", ""),
            entry("nodes", "Node", false, "no", ""),
            entry("pods", "Pod", true, "po", "all"),
            entry("services", "Service", true, "svc", "all"),
        ]}]}]});
    }
    json!({"items": [{"metadata": {"name": "apps"}, "versions": [{"version": "v1", "resources": [
        entry("deployments", "Deployment", true, "deploy", "all"),
        entry("replicasets", "ReplicaSet", true, "rs", "all"),
    ]}]}]})
}

impl Transport for Fixtures {
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> BoxFuture<'_, Result<Response<ByteStream>, TransportError>> {
        let (code, body) = self.answer(&request);
        let body = match request.uri() {
            uri if uri.path().ends_with("/log") => format!("one {uri}\ntwo\n"),
            uri if uri
                .query()
                .is_some_and(|query| query.contains("watch=true")) =>
            {
                self.events(&request)
            }
            _ => body.to_string(),
        };
        // Cut anywhere, as a network does.
        let chunks: Vec<_> = body
            .as_bytes()
            .chunks(100)
            .map(Bytes::copy_from_slice)
            .collect();
        let body = stream::iter(chunks.into_iter().map(Ok)).boxed();
        let mut response = Response::builder().status(code).body(body).expect("a code");
        if request.method() == Method::POST {
            let warning = "299 - \"unknown field \\\"spec.x\\\"\""
                .parse()
                .expect("ASCII");
            response.headers_mut().insert("warning", warning);
        }
        Box::pin(std::future::ready(Ok(response)))
    }
}

#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a command prints, both streams on one screen.
async fn kubectl(fixtures: &Fixtures, line: &str) -> String {
    let screen = Screen::default();
    let client = Client::new(Arc::new(fixtures.clone()));
    let mut session = Session::new(
        Some(client),
        Box::new(screen.clone()),
        Box::new(screen.clone()),
    );
    let now = "2026-11-21T05:50:00Z".parse().expect("a time");
    session.clock = Clock::manual(now).0;
    let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let Ok(Asked::Run(invocation)) = commands::read(&args) else {
        panic!("{line}: no command");
    };
    if let Err(error) = (invocation.run)(&mut session, &invocation.parsed).await {
        let text = crate::report::text(&error, "127.0.0.1:6443");
        if !text.is_empty() {
            session.warn(&text);
        }
    }
    let bytes = screen.0.lock().expect("no panic").clone();
    String::from_utf8(bytes).expect("UTF-8")
}

#[tokio::test]
async fn prints_what_kubectl_prints() {
    let fixtures = Fixtures::new();
    let rows = [
        ("describe-pod", "describe pod web-1"),
        ("describe-bare", "describe pod bare"),
        ("describe-deployment", "describe deployment web"),
        ("describe-replicaset", "describe rs web-abc"),
        ("describe-node", "describe node node1"),
        ("get-all", "get all"),
        ("get-pods", "get pods"),
        ("get-wide", "get po,deploy -o wide"),
        ("get-labels", "get pods -A --show-labels -L app"),
        ("get-names", "get pods -o name"),
        ("get-no-headers", "get pod/web-1 svc/web --no-headers"),
        ("get-yaml", "get cm cm -o yaml"),
        ("get-json", "get cm cm -o json"),
        ("get-list", "get cm,svc -o yaml"),
        ("get-none", "get events"),
        ("get-missing", "get pods nope web-1"),
        ("get-unknown", "get foos"),
        ("get-everything", "get events -A"),
    ];
    for (file, line) in rows {
        let printed = kubectl(&fixtures, line).await;
        expect_file![format!(
            "{}/testdata/{file}.txt",
            env!("CARGO_MANIFEST_DIR")
        )]
        .assert_eq(&printed);
    }
}

const MANIFEST: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: cm
data:
  k: other
---
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata:
    name: fresh
  spec: {replicas: 1}
";

/// A command with a manifest: what it prints, then what it writes.
async fn written(line: &str) -> String {
    let fixtures = Fixtures::new();
    let directory = tempfile::tempdir().expect("fresh directory");
    let path = directory.path().join("m.yaml");
    std::fs::write(&path, MANIFEST).expect("written");
    let path = path.display().to_string();
    let printed = kubectl(&fixtures, &line.replace("FILE", &path)).await;
    let writes = fixtures.writes.lock().expect("no panic").join("\n");
    format!("{printed}---\n{writes}\n").replace(&path, "FILE")
}

#[tokio::test]
async fn apply_creates_and_patches() {
    expect![[r#"
        Warning: resource configmaps/cm is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.
        configmap/cm configured
        Warning: unknown field "spec.x"
        deployment.apps/fresh created
        ---
        PATCH /api/v1/namespaces/default/configmaps/cm?fieldManager=kubectl-client-side-apply&fieldValidation=Strict {"data":{"k":"other"},"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"apiVersion\":\"v1\",\"data\":{\"k\":\"other\"},\"kind\":\"ConfigMap\",\"metadata\":{\"annotations\":{},\"name\":\"cm\",\"namespace\":\"default\"}}\n"}}}
        POST /apis/apps/v1/namespaces/default/deployments?fieldManager=kubectl-client-side-apply&fieldValidation=Strict {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"annotations\":{},\"name\":\"fresh\",\"namespace\":\"default\"},\"spec\":{\"replicas\":1}}\n"},"name":"fresh","namespace":"default"},"spec":{"replicas":1}}
    "#]].assert_eq(&written("apply -f FILE").await);
}

#[tokio::test]
async fn create_posts_each_object() {
    expect![[r#"
        Warning: unknown field "spec.x"
        configmap/cm created (server dry run)
        deployment.apps/fresh created (server dry run)
        ---
        POST /api/v1/namespaces/default/configmaps?fieldManager=kubectl-create&fieldValidation=Strict&dryRun=All {"apiVersion":"v1","data":{"k":"other"},"kind":"ConfigMap","metadata":{"name":"cm","namespace":"default"}}
        POST /apis/apps/v1/namespaces/default/deployments?fieldManager=kubectl-create&fieldValidation=Strict&dryRun=All {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"fresh","namespace":"default"},"spec":{"replicas":1}}
    "#]].assert_eq(&written("create -f FILE --dry-run=server").await);
}

#[tokio::test]
async fn delete_tells_each_object() {
    expect![[r#"
        configmap "cm" deleted from default namespace
        Error from server (NotFound): error when deleting "FILE": deployments "fresh" not found
        ---
        DELETE /api/v1/namespaces/default/configmaps/cm {"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Background"}
        DELETE /apis/apps/v1/namespaces/default/deployments/fresh {"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Background"}
    "#]].assert_eq(&written("delete -f FILE --wait=false").await);
    expect![[r#"
        Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.
        pod "web-1" force deleted from default namespace
        pod "bare" force deleted from default namespace
        ---
        DELETE /api/v1/namespaces/default/pods/web-1 {"apiVersion":"v1","gracePeriodSeconds":0,"kind":"DeleteOptions","propagationPolicy":"Background"}
        DELETE /api/v1/namespaces/default/pods/bare {"apiVersion":"v1","gracePeriodSeconds":0,"kind":"DeleteOptions","propagationPolicy":"Background"}
    "#]].assert_eq(&written("delete pods --all --force --wait=false").await);
    expect![[r#"
        node "node1" deleted
        ---
        DELETE /api/v1/nodes/node1 {"apiVersion":"v1","gracePeriodSeconds":1,"kind":"DeleteOptions","propagationPolicy":"Background"}
    "#]].assert_eq(&written("delete node node1 --wait=false --now").await);
    expect![[r#"
        error: resource(s) were provided, but no name was specified
        ---

    "#]]
    .assert_eq(&written("delete pods").await);
}

#[tokio::test]
async fn scale_patches_the_subresource() {
    expect![[r#"
        deployment.apps/web scaled
        Error from server (NotFound): deployments "none" not found
        ---
        PATCH /apis/apps/v1/namespaces/default/deployments/web/scale {"spec":{"replicas":5}}
        PATCH /apis/apps/v1/namespaces/default/deployments/none/scale {"spec":{"replicas":5}}
    "#]]
    .assert_eq(&written("scale --replicas=5 deployment/web deploy/none").await);
}

#[tokio::test]
async fn says_what_server_and_client_are() {
    expect![[r#"
        NAME          SHORTNAMES   APIVERSION   NAMESPACED   KIND         VERBS                                CATEGORIES
        deployments   deploy       apps/v1      true         Deployment   create,delete,get,list,patch,watch   all
        replicasets   rs           apps/v1      true         ReplicaSet   create,delete,get,list,patch,watch   all
        ---

    "#]].assert_eq(&written("api-resources -o wide --api-group=apps").await);
    expect![[r#"
        Client Version: v1.35.0+rk3s-0.1.0
        Server Version: v1.35.0
        ---

    "#]]
    .assert_eq(&written("version").await);
}

#[tokio::test]
async fn watches_widen_columns_as_rows_come() {
    expect![[r#"
        NAME    READY   STATUS             RESTARTS     AGE
        web-1   1/2     ImagePullBackOff   2 (5m ago)   5d
        bare    0/1     Pending            0            5d
        web-1   1/2     Terminating with a long word   2 (5m ago)   5d
        web-1   1/2     Terminating with a long word   2 (5m ago)   5d
        ---

    "#]]
    .assert_eq(&written("get pods -w").await);
    expect![[r#"
        pod/web-1
        pod/bare
        pod/web-1
        pod/web-1
        ---

    "#]]
    .assert_eq(&written("get pods -w -o name").await);
}

#[tokio::test]
async fn delete_waits_until_a_watch_says_gone() {
    expect![[r#"
        pod "web-1" deleted from default namespace
        ---
        DELETE /api/v1/namespaces/default/pods/web-1 {"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Background"}
    "#]].assert_eq(&written("delete pod web-1").await);
}

#[tokio::test]
async fn logs_are_of_the_container_asked_for() {
    expect![[r#"
        Defaulted container "web" out of: web, side, init (init)
        one /api/v1/namespaces/default/pods/web-1/log?container=web&previous=true&sinceSeconds=60&tailLines=5
        two
        ---

    "#]].assert_eq(&written("logs web-1 --tail=5 --since=1m -p").await);
    expect![[r#"
        Found 2 pods, using pod/web-1
        one /api/v1/namespaces/default/pods/web-1/log?container=side&timestamps=true
        two
        ---

    "#]]
    .assert_eq(&written("logs deploy/web -c side --timestamps").await);
    expect![[r#"
        [pod/web-1/init] one /api/v1/namespaces/default/pods/web-1/log?container=init
        [pod/web-1/init] two
        [pod/web-1/web] one /api/v1/namespaces/default/pods/web-1/log?container=web
        [pod/web-1/web] two
        [pod/web-1/side] one /api/v1/namespaces/default/pods/web-1/log?container=side
        [pod/web-1/side] two
        ---

    "#]]
    .assert_eq(&written("logs web-1 --all-containers --prefix").await);
    expect![[r#"
        error: container nope is not valid for pod web-1
        ---

    "#]]
    .assert_eq(&written("logs web-1 -c nope").await);
    expect![[r#"
        error: error from server (NotFound): pods "none" not found in namespace "default"
        ---

    "#]]
    .assert_eq(&written("logs none").await);
}
