//! The table beside what upstream serves.

use std::collections::{BTreeMap, BTreeSet};

use resources::{RESOURCES, Resource, Scope, Subresource, Verb};
use serde_json::{Value, json};

/// Every resource of v1.35 that is on by default, as its discovery documents say.
const UPSTREAM: &str = include_str!("../data/api-resources.json");

const READ_AND_WRITE: [&str; 3] = ["get", "patch", "update"];

/// A resource of one version, in the form of the document.
fn entry(row: &Resource, version: &str) -> Value {
    let mut verbs: Vec<&str> = row.verbs.iter().map(|verb| verb.as_str()).collect();
    verbs.sort_unstable();
    let subresources = row.subresources.iter();
    let subresources: BTreeMap<&str, Value> = subresources
        .map(|subresource| (subresource.name(), below(row, subresource)))
        .collect();
    json!({
        "group": row.group, "version": version, "kind": row.kind, "resource": row.plural,
        "singularResource": row.singular,
        "scope": if row.scope == Scope::Cluster { "Cluster" } else { "Namespaced" },
        "shortNames": row.short_names, "categories": row.categories, "verbs": verbs,
        "storageVersion": storage(row), "subresources": subresources,
    })
}

fn storage(row: &Resource) -> Value {
    if row.answer.is_some() {
        return Value::Null;
    }
    let gvk = match row.stored_as {
        Some(kind) => kind.clone(),
        None => row.gvk(),
    };
    gvk.group_version().to_string().into()
}

fn below(row: &Resource, subresource: &Subresource) -> Value {
    let names = |verbs: &[Verb]| -> Vec<&str> {
        let mut verbs: Vec<&str> = verbs.iter().map(|verb| verb.as_str()).collect();
        verbs.sort_unstable();
        verbs
    };
    let own = |kind: &str| json!({"group": "", "version": "", "kind": kind});
    let (verbs, kind) = match subresource {
        Subresource::Status => (READ_AND_WRITE.to_vec(), own(row.kind)),
        Subresource::Scale { .. } => (
            READ_AND_WRITE.to_vec(),
            json!({"group": "autoscaling", "version": "v1", "kind": "Scale"}),
        ),
        Subresource::View { verbs, .. } => (names(verbs), own(row.kind)),
        Subresource::Create { kind, .. } => {
            let is_own = *kind.group == *row.group && kind.version == "v1";
            let foreign = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
            (
                vec!["create"],
                if is_own { own(&kind.kind) } else { foreign },
            )
        }
        // What discovery says of a log is that it is the pod's.
        Subresource::Connect {
            name: "log", verbs, ..
        } => (names(verbs), own(row.kind)),
        Subresource::Connect { kind, verbs, .. } => (names(verbs), own(&kind.kind)),
    };
    json!({"verbs": verbs, "kind": kind})
}

/// Where the table is not upstream's, and why. Each must be true, or it has to go.
const DIFFERENCES: &[(&str, &str)] = &[
    ("pods attach missing", "no streams into containers yet"),
    (
        "pods ephemeralcontainers missing",
        "the kubelet cannot add containers to a pod yet",
    ),
    ("pods exec missing", "no streams into containers yet"),
    ("pods portforward missing", "no streams into pods yet"),
    ("pods proxy missing", "no proxy to pods yet"),
    (
        "pods resize missing",
        "the kubelet cannot resize containers yet",
    ),
    ("nodes proxy missing", "no proxy to nodes yet"),
    ("services proxy missing", "no proxy to Services yet"),
    (
        "volumeattributesclasses.storage.k8s.io storageVersion",
        "nothing was ever stored as v1beta1 here, and v1 is what is served",
    ),
];

#[test]
fn the_table_is_upstreams() {
    let upstream: Vec<Value> = serde_json::from_str(UPSTREAM).expect("JSON");
    let key = |entry: &Value| -> String {
        let part = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
        format!("{}/{}/{}", part("group"), part("version"), part("resource"))
    };
    let rows = RESOURCES.iter();
    let ours: Vec<Value> = rows
        .flat_map(|row| row.versions.iter().map(|version| entry(row, version.name)))
        .collect();
    let names = |entries: &[Value]| -> Vec<String> { entries.iter().map(key).collect() };
    assert_eq!(
        names(&ours),
        names(&upstream),
        "nothing is missing, nothing is there beside, and all is in discovery order"
    );
    let mut found = BTreeSet::new();
    for (ours, theirs) in ours.iter().zip(&upstream) {
        compare(ours, theirs, &mut found);
    }
    let known: BTreeSet<String> = DIFFERENCES
        .iter()
        .map(|(what, _)| (*what).to_owned())
        .collect();
    assert_eq!(found, known, "differences are argued one by one");
}

fn compare(ours: &Value, theirs: &Value, found: &mut BTreeSet<String>) {
    let mut name = ours["resource"].as_str().expect("a name").to_owned();
    if let Some(group) = ours["group"].as_str().filter(|group| !group.is_empty()) {
        name = format!("{name}.{group}");
    }
    for (field, theirs) in theirs.as_object().expect("an object") {
        if field == "subresources" {
            compare_below(&name, &ours[field], theirs, found);
        } else if &ours[field] != theirs {
            found.insert(format!("{name} {field}"));
        }
    }
}

fn compare_below(name: &str, ours: &Value, theirs: &Value, found: &mut BTreeSet<String>) {
    let (ours, theirs) = (ours.as_object(), theirs.as_object());
    let (ours, theirs) = (ours.expect("an object"), theirs.expect("an object"));
    for subresource in ours.keys().chain(theirs.keys()) {
        let what = match (ours.get(subresource), theirs.get(subresource)) {
            (Some(ours), Some(theirs)) if ours == theirs => continue,
            (Some(_), Some(_)) => "differs",
            (Some(_), None) => "is ours alone",
            (None, _) => "missing",
        };
        found.insert(format!("{name} {subresource} {what}"));
    }
}
