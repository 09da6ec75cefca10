//! What can be done with a resource, before either dialect renders it.

use apimachinery::{GroupVersion, GroupVersionKind};

use super::parameters::{
    DELETE, DELETE_COLLECTION, GET, LIST, PATCH, Parameter, WRITE, of_options,
};
use super::{ServedResource, ServedSubresource};

/// What a request carries or an answer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// Nothing that a schema tells.
    None,
    /// Bytes of no known form: logs, proxied answers.
    Text,
    Kind(GroupVersionKind),
    ListOf(GroupVersionKind),
    /// A definition of `meta/v1`.
    Meta(&'static str),
    /// What `/version` says.
    Version,
    /// A text of this media type, published for whoever reads it.
    Published(&'static str),
}

/// One method on one path.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub method: &'static str,
    /// `x-kubernetes-action`; empty where there is no resource.
    pub action: &'static str,
    pub id: String,
    pub description: String,
    pub query: &'static [Parameter],
    pub body: Payload,
    pub answer: Payload,
    /// Success codes; 401 is always there.
    pub codes: &'static [u16],
    /// `x-kubernetes-group-version-kind`; none where there is no resource.
    pub gvk: Option<GroupVersionKind>,
}

/// `ListAppsV1NamespacedDeployment` without its verb, and the words around it.
struct Names<'r> {
    resource: &'r ServedResource,
    base: String,
    scope: &'static str,
}

impl<'r> Names<'r> {
    fn new(resource: &'r ServedResource) -> Self {
        let scope = if resource.namespaced {
            "Namespaced"
        } else {
            ""
        };
        let base = camel_group_version(&resource.group_version());
        Self {
            resource,
            base,
            scope,
        }
    }

    fn id(&self, verb: &str, middle: &str) -> String {
        let kind = &self.resource.gvk.kind;
        format!("{verb}{}{middle}{}{kind}", self.base, self.scope)
    }
}

/// `AppsV1`, `RbacAuthorizationV1`, `ComExampleStableV1`.
pub(super) fn camel_group_version(version: &GroupVersion) -> String {
    camel_group(&version.group) + &upper_first(&version.version)
}

/// `Core`, `RbacAuthorization`, `ComExampleStable`.
pub(super) fn camel_group(group: &str) -> String {
    let parts: Vec<&str> = match group.strip_suffix(".k8s.io") {
        _ if group.is_empty() => vec!["core"],
        Some(own) => own.split('.').collect(),
        None => group.rsplit('.').collect(),
    };
    parts.into_iter().map(upper_first).collect()
}

fn upper_first(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// `apps_v1`, `rbacAuthorization_v1`.
pub(super) fn tag(version: &GroupVersion) -> String {
    format!("{}_{}", group_tag(&version.group), version.version)
}

/// `apps`, `rbacAuthorization`.
pub(super) fn group_tag(group: &str) -> String {
    let camel = camel_group(group);
    let mut chars = camel.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

/// The operation that lists a namespaced resource across namespaces.
pub(super) fn across_namespaces(resource: &ServedResource) -> Option<Operation> {
    let mut operation = list(resource)?;
    let base = camel_group_version(&resource.group_version());
    operation.id = format!("list{base}{}ForAllNamespaces", resource.gvk.kind);
    Some(operation)
}

fn list(resource: &ServedResource) -> Option<Operation> {
    let gvk = &resource.gvk;
    resource.serves("list").then(|| Operation {
        method: "get",
        action: "list",
        id: Names::new(resource).id("list", ""),
        description: format!("list or watch objects of kind {}", gvk.kind),
        query: LIST,
        body: Payload::None,
        answer: Payload::ListOf(gvk.clone()),
        codes: &[200],
        gvk: Some(gvk.clone()),
    })
}

/// The operations on the resource's collection.
pub(super) fn on_collection(resource: &ServedResource) -> Vec<Operation> {
    let (gvk, names) = (&resource.gvk, Names::new(resource));
    let mut out = Vec::from_iter(list(resource));
    if resource.serves("create") {
        let id = names.id("create", "");
        out.push(create(gvk, id, format!("create a {}", gvk.kind)));
    }
    if resource.serves("deletecollection") {
        out.push(Operation {
            method: "delete",
            action: "deletecollection",
            id: names.id("delete", "Collection"),
            description: format!("delete collection of {}", gvk.kind),
            query: DELETE_COLLECTION,
            body: Payload::Meta("DeleteOptions"),
            answer: Payload::Meta("Status"),
            codes: &[200],
            gvk: Some(gvk.clone()),
        });
    }
    out
}

fn create(gvk: &GroupVersionKind, id: String, description: String) -> Operation {
    Operation {
        method: "post",
        action: "post",
        id,
        description,
        query: WRITE,
        body: Payload::Kind(gvk.clone()),
        answer: Payload::Kind(gvk.clone()),
        codes: &[200, 201, 202],
        gvk: Some(gvk.clone()),
    }
}

fn get(gvk: &GroupVersionKind, id: String, description: String) -> Operation {
    Operation {
        method: "get",
        action: "get",
        query: GET,
        body: Payload::None,
        codes: &[200],
        ..create(gvk, id, description)
    }
}

fn put(gvk: &GroupVersionKind, id: String, description: String) -> Operation {
    Operation {
        method: "put",
        action: "put",
        codes: &[200, 201],
        ..create(gvk, id, description)
    }
}

fn patch(gvk: &GroupVersionKind, id: String, description: String) -> Operation {
    Operation {
        method: "patch",
        action: "patch",
        query: PATCH,
        body: Payload::Meta("Patch"),
        codes: &[200, 201],
        ..create(gvk, id, description)
    }
}

/// The operations on one object.
pub(super) fn on_item(resource: &ServedResource) -> Vec<Operation> {
    let (gvk, names) = (&resource.gvk, Names::new(resource));
    let (kind, id) = (&gvk.kind, |verb| names.id(verb, ""));
    let mut out = Vec::new();
    if resource.serves("get") {
        out.push(get(gvk, id("read"), format!("read the specified {kind}")));
    }
    if resource.serves("update") {
        let description = format!("replace the specified {kind}");
        out.push(put(gvk, id("replace"), description));
    }
    if resource.serves("patch") {
        let description = format!("partially update the specified {kind}");
        out.push(patch(gvk, id("patch"), description));
    }
    if resource.serves("delete") {
        out.push(Operation {
            method: "delete",
            action: "delete",
            query: DELETE,
            body: Payload::Meta("DeleteOptions"),
            answer: if resource.returns_deleted {
                Payload::Kind(gvk.clone())
            } else {
                Payload::Meta("Status")
            },
            codes: &[200, 202],
            ..create(gvk, id("delete"), format!("delete a {kind}"))
        });
    }
    out
}

/// The operations on a subresource.
pub(super) fn on_subresource(resource: &ServedResource, sub: &ServedSubresource) -> Vec<Operation> {
    let names = Names::new(resource);
    let (name, kind, gvk) = (&sub.name, &resource.gvk.kind, &sub.gvk);
    let id = |verb: &str| format!("{}{}", names.id(verb, ""), upper_first(name));
    let about = |what: &str| format!("{what} {name} of the specified {kind}");
    let operation = |verb: &String| match verb.as_str() {
        "get" if name == "log" => Some(Operation {
            query: of_options("PodLogOptions"),
            answer: Payload::Text,
            ..get(gvk, id("read"), about("read"))
        }),
        "get" => Some(get(gvk, id("read"), about("read"))),
        "update" => Some(put(gvk, id("replace"), about("replace"))),
        "patch" => Some(patch(gvk, id("patch"), about("partially update"))),
        "create" => {
            let description = format!("create {name} of a {kind}");
            Some(create(gvk, id("create"), description))
        }
        _ => None,
    };
    sub.verbs.iter().filter_map(operation).collect()
}

/// Whether a subresource is a stream to connect to.
pub(super) fn connects(sub: &ServedSubresource) -> bool {
    sub.gvk.kind.ends_with("Options")
}

/// The methods that reach a stream: a proxy passes all on.
pub(super) fn on_stream(
    resource: &ServedResource,
    sub: &ServedSubresource,
    with_path: bool,
) -> Vec<Operation> {
    let names = Names::new(resource);
    let methods: &[&'static str] = if sub.name == "proxy" {
        &["delete", "get", "head", "options", "patch", "post", "put"]
    } else {
        &["get", "post"]
    };
    let (name, kind) = (&sub.name, &resource.gvk.kind);
    let suffix = if with_path { "WithPath" } else { "" };
    let operation = |method: &&'static str| {
        let id = names.id("connect", &upper_first(method));
        let upper = method.to_ascii_uppercase();
        Operation {
            method,
            action: "connect",
            id: format!("{id}{}{suffix}", upper_first(name)),
            description: format!("connect {upper} requests to {name} of {kind}"),
            query: of_options(&sub.gvk.kind),
            body: Payload::None,
            answer: Payload::Text,
            codes: &[200],
            gvk: Some(sub.gvk.clone()),
        }
    };
    methods.iter().map(operation).collect()
}
