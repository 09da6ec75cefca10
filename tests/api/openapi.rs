//! `/openapi/v2` compared with the document that upstream publishes, path by path and definition
//! by definition, for all that the table serves.
//!
//! `tests/data/openapi/swagger-v1.35.json.gz` holds that document without its descriptions:
//! `jq -cS 'walk(if type == "object" and (.description | type) == "string" then del(.description) else . end)'`.

use std::collections::BTreeSet;
use std::io::Read;

use flate2::read::GzDecoder;
use regex::Regex;
use resources::Resource;
use serde_json::{Map, Value};

use crate::world::{Answer, Said, World};

/// Where the documents differ (a line of [`differences`]), and why that is right.
const ARGUED: &[(&str, &str)] = &[
    (
        r#"/(produces|consumes)/"application/(vnd\.kubernetes\.protobuf|cbor)"#,
        "answers are JSON and YAML; CBOR is alpha, and the reference was made with every gate on",
    ),
    (
        r#"/patch/consumes/"application/apply-patch\+(yaml|cbor)"#,
        "server-side apply is answered 415 until it comes",
    ),
    (r"^- paths//logs/", "the node's logs, off unless asked for"),
    (
        r"^\+ definitions/io\.k8s\.apimachinery\.pkg\.apis\.meta\.v1\.WatchEvent:",
        "clients decode watches by it; upstream's paths of /watch/ refer to it",
    ),
];

fn reference() -> Value {
    let packed = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/openapi/swagger-v1.35.json.gz"
    );
    let packed = std::fs::read(packed).expect("the reference is there");
    let mut text = String::new();
    GzDecoder::new(packed.as_slice())
        .read_to_string(&mut text)
        .expect("the reference is whole");
    serde_json::from_str(&text).expect("the reference is JSON")
}

/// Whether a path of the reference belongs to what the table serves. Paths of `/watch/` do not:
/// they are deprecated since 1.11 in favour of `?watch=true`.
fn served(path: &str) -> bool {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (group, version, below) = match segments.as_slice() {
        ["api", version, below @ ..] => ("", *version, below),
        ["apis", group] => return resources::served().any(|row| row.group == *group),
        ["apis", group, version, below @ ..] => (*group, *version, below),
        _ => return true,
    };
    let below = below
        .strip_prefix(&["namespaces", "{namespace}"])
        .unwrap_or(below);
    let serves = |row: &Resource| {
        row.group == group
            && row.versions.iter().any(|known| known.name == version)
            && below.first().is_none_or(|plural| *plural == row.plural)
            && below
                .get(2)
                .is_none_or(|name| row.subresource(name).is_some())
    };
    resources::served().any(serves)
}

/// The names of all definitions that a value refers to, and that those refer to.
fn reachable(from: &Value, document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => open.extend(map.values()),
            Value::Array(list) => open.extend(list),
            Value::String(text) => {
                if let Some(name) = text.strip_prefix("#/definitions/")
                    && found.insert(name.to_owned())
                {
                    open.push(&document["definitions"][name]);
                }
            }
            _ => {}
        }
    }
    found
}

/// A document in a form where only the order of maps is left to chance: parameters in place, by
/// name, and lists of words as sets. Texts for people are left out.
fn comparable(value: &Value, document: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let entries = map
                .iter()
                .filter(|(key, value)| !(*key == "description" && value.is_string()));
            let entry = |(key, value): (&String, &Value)| {
                let value = match (key.as_str(), value) {
                    ("parameters", Value::Array(list)) => parameters(list, document),
                    _ => comparable(value, document),
                };
                (key.clone(), value)
            };
            Value::Object(entries.map(entry).collect())
        }
        Value::Array(list) if list.iter().all(Value::is_string) => {
            let words = list.iter().map(|word| (word.to_string(), Value::Null));
            Value::Object(words.collect())
        }
        Value::Array(list) => list.iter().map(|item| comparable(item, document)).collect(),
        plain => plain.clone(),
    }
}

fn parameters(list: &[Value], document: &Value) -> Value {
    let named = list.iter().map(|parameter| {
        let reference = parameter["$ref"].as_str().unwrap_or_default();
        let resolved = match reference.strip_prefix("#/parameters/") {
            Some(name) => &document["parameters"][name],
            None => parameter,
        };
        let name = format!("{} {}", resolved["in"], resolved["name"]).replace('"', "");
        (name, comparable(resolved, document))
    });
    Value::Object(named.collect())
}

/// `- path: value` for what only upstream has, `+ path: value` for what only we have.
fn differences(at: &str, ours: &Value, theirs: &Value, out: &mut BTreeSet<String>) {
    let (Value::Object(mine), Value::Object(other)) = (ours, theirs) else {
        if ours != theirs {
            out.insert(format!("- {at}: {theirs}"));
            out.insert(format!("+ {at}: {ours}"));
        }
        return;
    };
    let keys: BTreeSet<&String> = mine.keys().chain(other.keys()).collect();
    for key in keys {
        let at = if at.is_empty() {
            key.clone()
        } else {
            format!("{at}/{key}")
        };
        match (mine.get(key), other.get(key)) {
            (Some(mine), Some(other)) => differences(&at, mine, other, out),
            (Some(mine), None) => drop(out.insert(format!("+ {at}: {mine}"))),
            (None, Some(other)) => drop(out.insert(format!("- {at}: {other}"))),
            (None, None) => {}
        }
    }
}

/// The part of upstream's document that the table serves.
fn relevant(whole: &Value) -> Value {
    let paths = whole["paths"].as_object().expect("a map").iter();
    let paths = paths.filter(|(path, _)| served(path));
    let paths: Map<String, Value> = paths.map(|(k, v)| (k.clone(), v.clone())).collect();
    let paths = Value::Object(paths);
    let names = reachable(&comparable(&paths, whole), whole);
    let definition = |name: String| {
        let value = whole["definitions"][&name].clone();
        (name, value)
    };
    let definitions: Map<String, Value> = names.into_iter().map(definition).collect();
    let mut out = whole.clone();
    out["paths"] = paths;
    out["definitions"] = definitions.into();
    out
}

#[tokio::test]
async fn version_2_is_upstreams() {
    let world = World::new().await;
    let ours = world.get("/openapi/v2").await.json();
    let theirs = relevant(&reference());
    let [ours, theirs] = [ours, theirs].map(|document| {
        let mut whole = comparable(&document, &document);
        // They stand in place now.
        whole.as_object_mut().map(|map| map.remove("parameters"));
        whole
    });
    let mut found = BTreeSet::new();
    differences("", &ours, &theirs, &mut found);
    let mut unused: BTreeSet<&str> = ARGUED.iter().map(|(_, why)| *why).collect();
    let argued = ARGUED.iter().map(|(pattern, why)| {
        let pattern = Regex::new(pattern).expect("a pattern");
        (pattern, *why)
    });
    let argued: Vec<(Regex, &str)> = argued.collect();
    let argue = |line: &&String| {
        let reason = argued.iter().find(|(pattern, _)| pattern.is_match(line));
        reason.is_none_or(|(_, why)| {
            unused.remove(why);
            false
        })
    };
    let rest: Vec<&String> = found.iter().filter(argue).collect();
    assert!(rest.is_empty(), "neither mended nor argued: {rest:#?}");
    assert!(
        unused.is_empty(),
        "reasons without a difference: {unused:?}"
    );
}

/// The index's addresses name a content that never changes; without the hash clients ask again.
#[tokio::test]
async fn version_3_is_kept_by_its_hash() {
    let world = World::new().await;
    let index = world.get("/openapi/v3").await.json();
    let address = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str();
    let address = address.expect("an address").to_owned();
    let header = |answer: &Answer, name: &str| {
        let value = answer
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let kept = world.get(&address).await;
    assert_eq!(header(&kept, "cache-control"), "public, immutable");
    assert_eq!(header(&kept, "expires"), "Sun, 10 Jan 2027 12:00:00 GMT");
    let path = "/openapi/v3/apis/apps/v1";
    let said = Said::nothing();
    let moved = world
        .expect(301, "GET", &format!("{path}?hash=old"), &said)
        .await;
    assert_eq!(header(&moved, "location"), address);
    let plain = world.get(path).await;
    assert_eq!(header(&plain, "cache-control"), "no-cache, private");
    assert_eq!(plain.body, kept.body);
    let known = Said {
        headers: vec![("If-None-Match".to_owned(), header(&plain, "etag"))],
        ..Said::nothing()
    };
    let same = world.expect(304, "GET", path, &known).await;
    assert_eq!(same.body.len(), 0);
    let rows = [
        (path, "application/json", 200),
        (path, "application/json;charset=utf-8, */*", 200),
        (
            path,
            "application/com.github.proto-openapi.spec.v3@v1.0+protobuf",
            406,
        ),
        (
            "/openapi/v2",
            "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
            200,
        ),
        (
            "/openapi/v2",
            "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
            200,
        ),
        ("/openapi/v2", "text/plain", 406),
        ("/openapi/v3/apis/nowhere/v1", "*/*", 404),
    ];
    for (path, accept, code) in rows {
        world
            .expect(code, "GET", path, &Said::accepting(accept))
            .await;
    }
}
