//! Discovery, made from the table: which groups, versions and resources are served.

use std::collections::BTreeMap;

use apimachinery::GroupVersionKind;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use resources::{Resource, Subresource, Verb};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::verbs::scale::SCALE;

/// `(group, version)` in discovery order, the core group first.
fn group_versions() -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    for row in resources::served() {
        for version in row.versions {
            if !found.contains(&(row.group, version.name)) {
                found.push((row.group, version.name));
            }
        }
    }
    found
}

fn groups() -> Vec<&'static str> {
    let mut groups: Vec<_> = group_versions()
        .into_iter()
        .map(|(group, _)| group)
        .collect();
    groups.dedup();
    groups
}

fn versions_of(group: &str) -> Vec<&'static str> {
    let of_group = group_versions().into_iter().filter(|(g, _)| *g == group);
    of_group.map(|(_, version)| version).collect()
}

fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

fn rows<'a>(group: &'a str, version: &'a str) -> impl Iterator<Item = &'static Resource> + 'a {
    resources::served().filter(move |row| {
        row.group == group && row.versions.iter().any(|served| served.name == version)
    })
}

/// The paths of all groups and versions.
pub fn paths() -> impl Iterator<Item = String> {
    group_versions().into_iter().flat_map(|(group, version)| {
        if group.is_empty() {
            vec![format!("/api/{version}")]
        } else {
            vec![format!("/apis/{group}"), format!("/apis/{group}/{version}")]
        }
    })
}

/// `/api`.
pub fn api_versions() -> Value {
    json!({"kind": "APIVersions", "versions": versions_of(""), "serverAddressByClientCIDRs": []})
}

/// `/apis`.
pub fn api_group_list() -> Value {
    let named = groups().into_iter().filter(|group| !group.is_empty());
    json!({
        "kind": "APIGroupList", "apiVersion": "v1",
        "groups": named.map(group_entry).collect::<Vec<_>>(),
    })
}

/// `/apis/<group>`; `None` for a group that is not served.
pub fn api_group(group: &str) -> Option<Value> {
    if group.is_empty() || !groups().contains(&group) {
        return None;
    }
    let mut entry = group_entry(group);
    entry["kind"] = "APIGroup".into();
    entry["apiVersion"] = "v1".into();
    Some(entry)
}

fn group_entry(group: &str) -> Value {
    let versions: Vec<Value> = versions_of(group)
        .into_iter()
        .map(|version| json!({"groupVersion": group_version(group, version), "version": version}))
        .collect();
    json!({"name": group, "preferredVersion": versions.first(), "versions": versions})
}

/// `/api/v1`, `/apis/<group>/<version>`; `None` for a version that is not served.
pub fn api_resource_list(group: &str, version: &str) -> Option<Value> {
    let mut entries: Vec<(String, Value)> = Vec::new();
    let (group, version) = group_versions()
        .into_iter()
        .find(|served| *served == (group, version))?;
    for row in rows(group, version) {
        entries.push((row.plural.to_owned(), resource_entry(row)));
        for subresource in row.subresources {
            let name = format!("{}/{}", row.plural, subresource.name());
            let entry = subresource_entry(row, version, subresource, &name);
            entries.push((name, entry));
        }
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    let resources: Vec<Value> = entries.into_iter().map(|(_, entry)| entry).collect();
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": group_version(group, version), "resources": resources,
    }))
}

fn verb_names(verbs: &[Verb]) -> Vec<&'static str> {
    verbs.iter().map(|verb| verb.as_str()).collect()
}

fn resource_entry(row: &Resource) -> Value {
    let mut entry = json!({
        "name": row.plural, "singularName": row.singular, "namespaced": row.namespaced(),
        "kind": row.kind, "verbs": verb_names(row.verbs),
    });
    if row.answer.is_none() {
        entry["storageVersionHash"] = storage_hash(row).into();
    }
    if !row.short_names.is_empty() {
        entry["shortNames"] = row.short_names.into();
    }
    if !row.categories.is_empty() {
        entry["categories"] = row.categories.into();
    }
    entry
}

/// Eight bytes of a SHA-256 that change with the stored version, in base64, as upstream's.
fn storage_hash(row: &Resource) -> String {
    let stored = row.stored_as.cloned().unwrap_or_else(|| row.gvk());
    let text = format!("{}/{}/{}", stored.group, stored.version, stored.kind);
    STANDARD.encode(&Sha256::digest(text)[..8])
}

/// What a subresource takes and gives, and its verbs.
pub struct SubresourceFacts {
    pub kind: GroupVersionKind,
    pub verbs: Vec<&'static str>,
}

/// Reads them from the row.
pub fn subresource_facts(
    row: &Resource,
    version: &'static str,
    subresource: &Subresource,
) -> SubresourceFacts {
    let own = || GroupVersionKind::new(row.group, version, row.kind);
    let read_write = vec!["get", "patch", "update"];
    let (kind, verbs) = match subresource {
        Subresource::Status => (own(), read_write),
        Subresource::View { verbs, .. } => (own(), verb_names(verbs)),
        Subresource::Scale { .. } => (SCALE, read_write),
        Subresource::Create { kind, .. } => (kind.clone(), vec!["create"]),
        Subresource::Connect { verbs, .. } => (own(), verb_names(verbs)),
    };
    SubresourceFacts { kind, verbs }
}

fn subresource_entry(
    row: &Resource,
    version: &'static str,
    subresource: &Subresource,
    name: &str,
) -> Value {
    let SubresourceFacts { kind, verbs } = subresource_facts(row, version, subresource);
    let mut entry = json!({
        "name": name, "singularName": "", "namespaced": row.namespaced(), "kind": kind.kind,
        "verbs": verbs,
    });
    if (kind.group.as_ref(), kind.version.as_ref()) != (row.group, version) {
        entry["group"] = kind.group.into();
        entry["version"] = kind.version.into();
    }
    entry
}

/// Aggregated discovery: `/api` (the core group) or `/apis` (all others), in `v2` or `v2beta1`.
pub fn aggregated(core: bool, discovery_version: &str) -> Value {
    let mut by_group: BTreeMap<usize, (&str, Vec<Value>)> = BTreeMap::new();
    for (position, group) in groups().into_iter().enumerate() {
        if group.is_empty() != core {
            continue;
        }
        let versions = versions_of(group)
            .into_iter()
            .map(|v| aggregated_version(group, v));
        by_group.insert(position, (group, versions.collect()));
    }
    let items: Vec<Value> = by_group
        .into_values()
        .map(|(group, versions)| {
            let metadata = if group.is_empty() {
                json!({"creationTimestamp": null})
            } else {
                json!({"name": group, "creationTimestamp": null})
            };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{discovery_version}"),
        "metadata": {}, "items": items,
    })
}

fn aggregated_version(group: &str, version: &'static str) -> Value {
    let mut rows: Vec<_> = rows(group, version).collect();
    rows.sort_by_key(|row| row.plural);
    let resources: Vec<Value> = rows
        .into_iter()
        .map(|row| aggregated_row(row, version))
        .collect();
    json!({"version": version, "freshness": "Current", "resources": resources})
}

fn aggregated_row(row: &Resource, version: &'static str) -> Value {
    let mut subresources: Vec<&Subresource> = row.subresources.iter().collect();
    subresources.sort_by_key(|s| s.name());
    let subresources: Vec<Value> = subresources
        .into_iter()
        .map(|subresource| {
            let SubresourceFacts { kind, verbs } = subresource_facts(row, version, subresource);
            json!({
                "subresource": subresource.name(), "verbs": verbs,
                "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
            })
        })
        .collect();
    let scope = if row.namespaced() {
        "Namespaced"
    } else {
        "Cluster"
    };
    let mut entry = json!({
        "resource": row.plural, "singularResource": row.singular, "scope": scope,
        "responseKind": {"group": row.group, "version": version, "kind": row.kind},
        "verbs": verb_names(row.verbs),
    });
    for (key, list) in [
        ("shortNames", row.short_names),
        ("categories", row.categories),
    ] {
        if !list.is_empty() {
            entry[key] = list.into();
        }
    }
    if !subresources.is_empty() {
        entry["subresources"] = subresources.into();
    }
    entry
}
