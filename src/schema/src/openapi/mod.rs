//! The OpenAPI documents: what the served resources and the facts say, in three encodings.
//!
//! Entry point: [`Documents`]. A document is built when it is first asked for, part by part,
//! and only its compressed bytes are kept.

mod definitions;
mod descriptions;
mod discovery;
mod document;
mod gnostic;
mod operations;
mod parameters;
mod paths;
mod protobuf;
mod render;

pub use document::{Document, Documents};

use apimachinery::{GroupVersion, GroupVersionKind};

/// A served resource, as discovery knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServedResource {
    pub gvk: GroupVersionKind,
    /// `deployments`.
    pub plural: String,
    pub namespaced: bool,
    /// Discovery's verbs: `create`, `delete`, `deletecollection`, `get`, `list`, `patch`,
    /// `update`, `watch`.
    pub verbs: Vec<String>,
    /// Whether a deletion answers with the object instead of a Status.
    pub returns_deleted: bool,
    pub subresources: Vec<ServedSubresource>,
}

/// A subresource: `status`, `scale`, `exec`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServedSubresource {
    pub name: String,
    /// What it reads and writes: `autoscaling/v1, Kind=Scale`. Kinds that end in `Options` are
    /// connected to, not read.
    pub gvk: GroupVersionKind,
    pub verbs: Vec<String>,
}

impl ServedResource {
    fn group_version(&self) -> GroupVersion {
        self.gvk.group_version()
    }

    fn serves(&self, verb: &str) -> bool {
        self.verbs.iter().any(|served| served == verb)
    }

    /// `/api/v1`, `/apis/apps/v1`.
    fn root(&self) -> String {
        format!("/{}", group_version_path(&self.group_version()))
    }
}

/// `api/v1`, `apis/apps/v1`: how the index of version 3 names a group version.
#[must_use]
pub fn group_version_path(version: &GroupVersion) -> String {
    let prefix = if version.group.is_empty() {
        "api"
    } else {
        "apis"
    };
    format!("{prefix}/{version}")
}

/// Which OpenAPI is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    V2,
    V3,
}

impl Dialect {
    fn reference(self, name: &str) -> String {
        match self {
            Self::V2 => format!("#/definitions/{name}"),
            Self::V3 => format!("#/components/schemas/{name}"),
        }
    }
}

#[cfg(test)]
mod tests;
