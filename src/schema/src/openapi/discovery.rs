//! The paths that tell what is served, and the few that belong to no group.

use std::collections::BTreeSet;

use apimachinery::GroupVersion;

use super::operations::{Operation, Payload, camel_group, camel_group_version, group_tag, tag};
use super::paths::PathItem;
use super::{ServedResource, group_version_path};

/// A path together with the name of its version 3 document (`apis/apps`).
pub(super) type Placed = (String, PathItem);

/// All of them, for what is served.
pub(super) fn of(resources: &[ServedResource]) -> Vec<Placed> {
    let versions: BTreeSet<GroupVersion> = resources.iter().map(|r| r.group_version()).collect();
    let groups: BTreeSet<&str> = versions.iter().map(|v| v.group.as_ref()).collect();
    let mut out: Vec<Placed> = versions.iter().map(resource_list).collect();
    if groups.contains("") {
        let id = "getCoreAPIVersions".to_owned();
        out.push(item("api", id, "core".into(), API_VERSIONS));
    }
    out.push(item("apis", "getAPIVersions".into(), "apis".into(), GROUPS));
    let named = groups.iter().filter(|group| !group.is_empty());
    out.extend(named.map(|group| {
        let id = format!("get{}APIGroup", camel_group(group));
        item(&format!("apis/{group}"), id, group_tag(group), GROUP)
    }));
    let tag = "version".to_owned();
    out.push(item("version", "getCodeVersion".into(), tag, VERSION));
    let id = "getServiceAccountIssuerOpenIDConfiguration".to_owned();
    let document = ".well-known/openid-configuration";
    out.push(item(document, id, "WellKnown".into(), ISSUER));
    let id = "getServiceAccountIssuerOpenIDKeyset".to_owned();
    out.push(item("openid/v1/jwks", id, "openid".into(), ISSUER_KEYS));
    out
}

/// What a path tells, and which definition of `apimachinery` it is.
type Told = (&'static str, Payload);

const API_VERSIONS: Told = ("get available API versions", Payload::Meta("APIVersions"));
const GROUPS: Told = ("get available API versions", Payload::Meta("APIGroupList"));
const GROUP: Told = ("get information of a group", Payload::Meta("APIGroup"));
const RESOURCES: Told = ("get available resources", Payload::Meta("APIResourceList"));
const VERSION: Told = (
    "get the version information for this server",
    Payload::Version,
);
const ISSUER: Told = (
    "get service account issuer OpenID configuration, also known as the 'OIDC discovery doc'",
    Payload::Published("application/json"),
);
const ISSUER_KEYS: Told = (
    "get service account issuer OpenID JSON Web Key Set (contains public token verification keys)",
    Payload::Published("application/jwk-set+json"),
);

fn resource_list(version: &GroupVersion) -> Placed {
    let id = format!("get{}APIResources", camel_group_version(version));
    item(&group_version_path(version), id, tag(version), RESOURCES)
}

fn item(document: &str, id: String, tag: String, (description, answer): Told) -> Placed {
    let item = PathItem {
        path: format!("/{document}/"),
        tag,
        parameters: Vec::new(),
        operations: vec![Operation {
            method: "get",
            action: "",
            id,
            description: description.to_owned(),
            query: &[],
            body: Payload::None,
            answer,
            codes: &[200],
            gvk: None,
        }],
    };
    (document.to_owned(), item)
}
