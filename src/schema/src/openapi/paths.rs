//! Which paths a resource has, and the operations on each.

use super::operations::{
    Operation, across_namespaces, connects, on_collection, on_item, on_stream, on_subresource, tag,
};
use super::{ServedResource, ServedSubresource};

/// A path, its parameters (`name`, `namespace`, `path`) and its operations.
#[derive(Debug)]
pub(super) struct PathItem {
    pub path: String,
    /// `apps_v1`: of the group version that serves it, which need not be that of its kinds.
    pub tag: String,
    pub parameters: Vec<&'static str>,
    pub operations: Vec<Operation>,
}

/// All paths of a resource; those without an operation are left out.
pub(super) fn of(resource: &ServedResource) -> Vec<PathItem> {
    let (root, plural) = (resource.root(), &resource.plural);
    let tag = || tag(&resource.group_version());
    let mut out = Vec::new();
    let mut parameters = Vec::new();
    let mut collection = format!("{root}/{plural}");
    if resource.namespaced {
        out.push(PathItem {
            path: collection,
            tag: tag(),
            parameters: Vec::new(),
            operations: Vec::from_iter(across_namespaces(resource)),
        });
        parameters.push("namespace");
        collection = format!("{root}/namespaces/{{namespace}}/{plural}");
    }
    let item = if resource.gvk.kind == "Namespace" && resource.gvk.group.is_empty() {
        format!("{root}/namespaces/{{name}}")
    } else {
        format!("{collection}/{{name}}")
    };
    let below = |name: &'static str| [&[name], parameters.as_slice()].concat();
    out.push(PathItem {
        path: collection,
        tag: tag(),
        parameters: parameters.clone(),
        operations: on_collection(resource),
    });
    out.push(PathItem {
        path: item.clone(),
        tag: tag(),
        parameters: below("name"),
        operations: on_item(resource),
    });
    for sub in &resource.subresources {
        out.extend(subresource(resource, sub, &item, &below("name")));
    }
    out.retain(|item| !item.operations.is_empty());
    out
}

fn subresource(
    resource: &ServedResource,
    sub: &ServedSubresource,
    item: &str,
    parameters: &[&'static str],
) -> Vec<PathItem> {
    let path = format!("{item}/{}", sub.name);
    let at = |path, parameters: &[&'static str], operations| PathItem {
        path,
        tag: tag(&resource.group_version()),
        parameters: parameters.to_vec(),
        operations,
    };
    if !connects(sub) {
        return vec![at(path, parameters, on_subresource(resource, sub))];
    }
    let mut out = vec![at(
        path.clone(),
        parameters,
        on_stream(resource, sub, false),
    )];
    if sub.name == "proxy" {
        let parameters = [parameters, &["path"]].concat();
        let path = format!("{path}/{{path}}");
        out.push(at(path, &parameters, on_stream(resource, sub, true)));
    }
    out
}
