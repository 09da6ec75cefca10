//! Requests that nobody should send, and the Status of each, whole.

use std::fmt::Write;

use expect_test::expect_file;
use serde_json::Value;

use crate::conversations::mask;
use crate::world::{Said, World, fixture};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const OPERATIONS: &str = "application/json-patch+json";

struct Bad {
    what: &'static str,
    method: &'static str,
    uri: String,
    media: &'static str,
    accept: &'static str,
    body: Vec<u8>,
}

fn bad(what: &'static str, method: &'static str, uri: &str) -> Bad {
    Bad {
        what,
        method,
        uri: uri.to_owned(),
        media: JSON,
        accept: "",
        body: Vec::new(),
    }
}

impl Bad {
    fn with(self, body: impl Into<Vec<u8>>) -> Self {
        Self {
            body: body.into(),
            ..self
        }
    }

    fn as_(self, media: &'static str) -> Self {
        Self { media, ..self }
    }

    fn accepting(self, accept: &'static str) -> Self {
        Self { accept, ..self }
    }
}

/// Bodies of creates.
fn bodies() -> Vec<Bad> {
    let create = |what, body: &str| bad(what, "POST", MAPS).with(body);
    let strict = format!("{MAPS}?fieldValidation=Strict");
    let long = |n| {
        format!(
            "{{\"metadata\":{{\"name\":\"a\"}},\"data\":{{\"k\":\"{}\"}}}}",
            "x".repeat(n)
        )
    };
    let deep = format!(
        "{{\"metadata\":{}{}}}",
        "{\"a\":".repeat(10_000) + "1",
        "}".repeat(10_000)
    );
    vec![
        create("an empty body", ""),
        create("more than 3 MiB", &long(3 * 1024 * 1024)),
        create("nesting of 10,000", &deep),
        create("half a document", "{\"metadata\": {"),
        create("two documents", "{} {}"),
        create("a list", "[]"),
        create("a text", "\"x\""),
        create("null", "null"),
        create(
            "NaN",
            "{\"metadata\": {\"name\": \"a\", \"generation\": NaN}}",
        ),
        create(
            "2^64",
            "{\"metadata\": {\"name\": \"a\", \"generation\": 18446744073709551616}}",
        ),
        create(
            "a fraction",
            "{\"metadata\": {\"name\": \"a\", \"generation\": 1.5}}",
        ),
        bad("invalid UTF-8", "POST", MAPS).with(b"{\"metadata\": {\"name\": \"a\xff\"}}".to_vec()),
        create(
            "a lone surrogate",
            "{\"metadata\": {\"name\": \"a\\ud800\"}}",
        ),
        bad("duplicate keys", "POST", &strict)
            .with("{\"metadata\": {\"name\": \"a\"}, \"data\": {\"k\": \"1\", \"k\": \"2\"}}"),
        bad("unknown fields", "POST", &strict)
            .with("{\"metadata\": {\"name\": \"a\"}, \"date\": {}}"),
        create("a name in upper case", "{\"metadata\": {\"name\": \"A\"}}"),
        create(
            "a name that is too long",
            &format!("{{\"metadata\": {{\"name\": \"{}\"}}}}", "a".repeat(254)),
        ),
        create(
            "a name that leads out",
            "{\"metadata\": {\"name\": \"../../b\"}}",
        ),
        create("no name", "{}"),
        bad(
            "no such namespace",
            "POST",
            "/api/v1/namespaces/none/configmaps",
        )
        .with("{\"metadata\": {\"name\": \"a\"}}"),
        bad("text as JSON's type", "POST", MAPS)
            .as_("text/plain")
            .with("x"),
        bad("a form", "POST", MAPS)
            .as_("application/x-www-form-urlencoded")
            .with("a=b"),
        bad("broken YAML", "POST", MAPS)
            .as_("application/yaml")
            .with("a: [b"),
        bad("broken protobuf", "POST", MAPS)
            .as_("application/vnd.kubernetes.protobuf")
            .with("k8s"),
        bad("an answer nobody writes", "POST", MAPS)
            .accepting("text/html")
            .with("{\"metadata\": {\"name\": \"html\"}}"),
        bad(
            "was not created all the same",
            "GET",
            &format!("{MAPS}/html"),
        ),
    ]
}

/// Patches of an object that exists.
fn patches() -> Vec<Bad> {
    let one = format!("{MAPS}/there");
    let patch = |what, media, body: &str| bad(what, "PATCH", &one).as_(media).with(body);
    let many = vec!["{\"op\":\"test\",\"path\":\"/data/k\",\"value\":\"v\"}"; 10_001].join(",");
    vec![
        patch("a merge patch that does not parse", MERGE, "{"),
        patch("a merge patch that is a text", MERGE, "\"x\""),
        patch("a strategic patch that is a list", STRATEGIC, "[]"),
        patch(
            "an unknown directive",
            STRATEGIC,
            "{\"data\": {\"$patch\": \"turn\"}}",
        ),
        patch(
            "an order that is none",
            STRATEGIC,
            "{\"metadata\": {\"$setElementOrder/finalizers\": \"x\"}}",
        ),
        patch(
            "a list of lists",
            STRATEGIC,
            "{\"metadata\": {\"ownerReferences\": [[]]}}",
        ),
        patch(
            "an item without its merge key",
            STRATEGIC,
            "{\"metadata\": {\"ownerReferences\": [{\"name\": \"x\"}]}}",
        ),
        patch("operations that are none", OPERATIONS, "{}"),
        patch(
            "an operation that is none",
            OPERATIONS,
            "[{\"op\": \"turn\", \"path\": \"/data\"}]",
        ),
        patch(
            "a path to nowhere",
            OPERATIONS,
            "[{\"op\": \"remove\", \"path\": \"/data/none\"}]",
        ),
        patch(
            "a path without a slash",
            OPERATIONS,
            "[{\"op\": \"add\", \"path\": \"data\", \"value\": 1}]",
        ),
        patch(
            "a failed test",
            OPERATIONS,
            "[{\"op\": \"test\", \"path\": \"/data/k\", \"value\": \"w\"}]",
        ),
        patch("too many operations", OPERATIONS, &format!("[{many}]")),
        patch("JSON as a patch", JSON, "{}"),
        patch(
            "a stale version",
            MERGE,
            "{\"metadata\": {\"resourceVersion\": \"1\"}}",
        ),
        patch(
            "a version that is none",
            MERGE,
            "{\"metadata\": {\"resourceVersion\": \"x\"}}",
        ),
        patch("another name", MERGE, "{\"metadata\": {\"name\": \"b\"}}"),
        patch("another uid", MERGE, "{\"metadata\": {\"uid\": \"b\"}}"),
        patch("a value of another type", MERGE, "{\"data\": 7}"),
        bad("a patch of nothing", "PATCH", &format!("{MAPS}/none"))
            .as_(MERGE)
            .with("{}"),
        bad("a stale update", "PUT", &one)
            .with("{\"metadata\": {\"name\": \"there\", \"resourceVersion\": \"1\"}}"),
    ]
}

/// Lines of requests.
fn lines() -> Vec<Bad> {
    let list = |what, query: &str| bad(what, "GET", &format!("{MAPS}?{query}"));
    let create = |what, query: &str| {
        bad(what, "POST", &format!("{MAPS}?{query}")).with("{\"metadata\": {\"name\": \"a\"}}")
    };
    let delete = |what, query: &str| bad(what, "DELETE", &format!("{MAPS}/there?{query}"));
    vec![
        list("a timeout in words", "watch=1&timeoutSeconds=abc"),
        list("a list's timeout in words", "timeoutSeconds=abc"),
        list("a limit in words", "limit=x"),
        list("a version in words", "resourceVersion=x"),
        list("a version to come", "resourceVersion=99999"),
        list("a selector that does not parse", "labelSelector=a%20b%20c"),
        list("a selector of a bad key", "labelSelector=%2Fa%3Db"),
        list(
            "a field that cannot be selected",
            "fieldSelector=data.k%3Dv",
        ),
        list("a field selector that does not parse", "fieldSelector=a"),
        list("a token of somebody else", "continue=mine"),
        list("a match without a version", "resourceVersionMatch=Exact"),
        list("a deadline that is none", "timeout=abc"),
        list("a table of something else", "includeObject=All")
            .accepting("application/json;as=Table;v=v1;g=meta.k8s.io"),
        list("a watch in YAML", "watch=1").accepting("application/yaml"),
        create("a dry run of some", "dryRun=foo"),
        create("a validation of some kind", "fieldValidation=foo"),
        create("a manager that does not print", "fieldManager=%01"),
        create(
            "a manager that is too long",
            &format!("fieldManager={}", "m".repeat(129)),
        ),
        bad(
            "a forced patch",
            "PATCH",
            &format!("{MAPS}/there?force=false"),
        )
        .as_("application/merge-patch+json")
        .with("{}"),
        delete("a propagation of some kind", "propagationPolicy=Foo"),
        delete(
            "two propagations",
            "propagationPolicy=Orphan&orphanDependents=true",
        ),
        delete("a grace in words", "gracePeriodSeconds=soon"),
        bad("a path that is none", "GET", "/nothing"),
        bad("a group that is none", "GET", "/apis/nothing.example/v1"),
        bad("a version that is none", "GET", "/api/v2/namespaces"),
        bad("a kind that is none", "GET", "/api/v1/nothings"),
        bad(
            "a subresource that is none",
            "GET",
            &format!("{MAPS}/there/nothing"),
        ),
        bad(
            "more than a subresource",
            "GET",
            "/api/v1/namespaces/default/status/extra/more",
        ),
        bad(
            "more than a log",
            "GET",
            "/api/v1/namespaces/default/pods/there/log/more",
        ),
        bad(
            "more than a scale",
            "GET",
            "/apis/apps/v1/namespaces/default/deployments/there/scale/more",
        ),
        bad(
            "more than a binding",
            "POST",
            "/api/v1/namespaces/default/pods/there/binding/more",
        ),
        list("a version with a sign", "resourceVersion=%2B5"),
        list(
            "a version out of range",
            "resourceVersion=99999999999999999999",
        ),
        list(
            "a token of a version to come",
            // {"v":1,"rv":99999,"after":""}
            "continue=eyJ2IjoxLCJydiI6OTk5OTksImFmdGVyIjoiIn0",
        ),
        bad(
            "a namespace for nodes",
            "GET",
            "/api/v1/namespaces/default/nodes",
        ),
        bad("a method that is none", "BREW", MAPS),
        bad("a method too many", "PUT", MAPS),
        bad("a name that leads out", "GET", &format!("{MAPS}/..%2Fb")),
        bad("an escape that is none", "GET", "/api/v1/namespaces/%zz"),
    ]
}

async fn golden(world: &World, requests: Vec<Bad>) -> String {
    let mut text = String::new();
    for Bad {
        what,
        method,
        uri,
        media,
        accept,
        body,
    } in requests
    {
        let mut said = Said::bytes(media, body);
        if !accept.is_empty() {
            said.headers.push(("Accept".to_owned(), accept.to_owned()));
        }
        let answer = world.ask(method, &uri, &said).await;
        let code = answer.code.as_u16();
        // A 500 is upstream's for some patches; the golden file says for which.
        assert!(
            (400..500).contains(&code) || [500, 504].contains(&code),
            "{what}: {answer:?}"
        );
        let status: Value = answer.json();
        assert_eq!(status["kind"], "Status", "{what}");
        let shown = serde_json::to_string_pretty(&status).expect("JSON prints");
        writeln!(text, "{what}: {code}\n{shown}\n").expect("a string grows");
    }
    mask(&text)
}

#[tokio::test]
async fn a_panic_ends_its_own_request_alone() {
    let world = World::new().await;
    let mut pod = fixture(resources::by_kind("", "Pod").expect("a row"));
    pod["spec"]["nodeName"] = "panics".into();
    let all = "/api/v1/namespaces/default/pods";
    world.create(all, &pod).await;
    let log = format!("{all}/web/log?container=side");
    let answer = world.expect(500, "GET", &log, &Said::nothing()).await;
    let expected = "This request caused apiserver to panic. Look in the logs for details.\n";
    assert_eq!(answer.body, expected);
    world.get(&format!("{all}/web")).await;
}

#[tokio::test]
async fn every_bad_request_has_its_status() {
    let world = World::new().await;
    let owner = serde_json::json!({"apiVersion": "v1", "kind": "Pod", "name": "o", "uid": "u"});
    let there = serde_json::json!({
        "metadata": {"name": "there", "ownerReferences": [owner]}, "data": {"k": "v"},
    });
    world.create(MAPS, &there).await;
    let text = golden(&world, bodies()).await;
    expect_file!["../golden/api/bad-bodies.txt"].assert_eq(&text);
    let text = golden(&world, patches()).await;
    expect_file!["../golden/api/bad-patches.txt"].assert_eq(&text);
    let text = golden(&world, lines()).await;
    expect_file!["../golden/api/bad-lines.txt"].assert_eq(&text);
}
