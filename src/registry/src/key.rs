//! Storage keys: `/registry/<prefix>/<namespace>/<name>`, without the namespace for
//! cluster-scoped kinds.

use resources::Resource;

use crate::Target;

/// An object's key. Names and namespaces are validated before: they hold no slash.
pub fn of(row: &Resource, target: Target<'_>) -> String {
    let mut key = below(row, Some(target.namespace));
    key.push_str(target.name);
    key
}

/// The prefix of a kind's objects, of one namespace or of all.
pub fn below(row: &Resource, namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) if row.namespaced() && !namespace.is_empty() => {
            format!("/registry/{}/{namespace}/", row.prefix)
        }
        _ => format!("/registry/{}/", row.prefix),
    }
}

/// The key of something that a hook allocates: `/allocated/<what>/<which>`.
pub fn allocated(what: &str, which: &str) -> String {
    format!("/allocated/{what}/{which}")
}
