//! Where a resource lives on the server.

use std::borrow::Cow;
use std::fmt::Write;

use apimachinery::{GroupVersion, GroupVersionKind, GroupVersionResource};

/// What a client must know of a kind to talk about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiResource {
    pub group: Cow<'static, str>,
    pub version: Cow<'static, str>,
    pub plural: Cow<'static, str>,
    pub kind: Cow<'static, str>,
    pub namespaced: bool,
}

impl ApiResource {
    /// Of a kind with a typed view.
    #[must_use]
    pub fn of<K: api::Kind>() -> Self {
        Self {
            group: Cow::Borrowed(K::GROUP),
            version: Cow::Borrowed(K::VERSION),
            plural: K::GVR.resource,
            kind: Cow::Borrowed(K::KIND),
            namespaced: K::NAMESPACED,
        }
    }

    #[must_use]
    pub fn gvk(&self) -> GroupVersionKind {
        self.group_version().kind(self.kind.clone())
    }

    #[must_use]
    pub fn gvr(&self) -> GroupVersionResource {
        GroupVersionResource {
            group: self.group.clone(),
            version: self.version.clone(),
            resource: self.plural.clone(),
        }
    }

    fn group_version(&self) -> GroupVersion {
        GroupVersion {
            group: self.group.clone(),
            version: self.version.clone(),
        }
    }
}

/// The path of a collection, an object or a subresource. An empty namespace stands for all, or
/// for a cluster-scoped resource.
#[must_use]
pub fn path(resource: &GroupVersionResource, namespace: &str, tail: &[&str]) -> String {
    let mut path = String::with_capacity(64);
    if resource.group.is_empty() {
        path.push_str("/api");
    } else {
        path.push_str("/apis");
        push_segment(&mut path, &resource.group);
    }
    push_segment(&mut path, &resource.version);
    if !namespace.is_empty() {
        path.push_str("/namespaces");
        push_segment(&mut path, namespace);
    }
    push_segment(&mut path, &resource.resource);
    for segment in tail {
        push_segment(&mut path, segment);
    }
    path
}

fn push_segment(path: &mut String, segment: &str) {
    path.push('/');
    push_encoded(path, segment);
}

/// Parameters of a request's query; empty values are left out.
#[derive(Debug, Default)]
pub struct Query(String);

impl Query {
    /// Adds a parameter, unless its value is empty.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.0.push(if self.0.is_empty() { '?' } else { '&' });
            self.0.push_str(name);
            self.0.push('=');
            push_encoded(&mut self.0, value);
        }
        self
    }

    /// Adds a number, when given.
    #[must_use]
    pub fn with_number(self, name: &str, value: Option<u64>) -> Self {
        match value {
            None => self,
            Some(number) => self.with(name, &number.to_string()),
        }
    }

    /// Adds `name=true` when set.
    #[must_use]
    pub fn with_flag(self, name: &str, set: bool) -> Self {
        self.with(name, if set { "true" } else { "" })
    }

    /// As it stands behind a path: empty, or beginning with a question mark.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters.
fn push_encoded(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_encoded() {
        let pods = GroupVersionResource::new("", "v1", "pods");
        let roles = GroupVersionResource::new("rbac.authorization.k8s.io", "v1", "clusterroles");
        assert_eq!(path(&pods, "", &[]), "/api/v1/pods");
        assert_eq!(
            path(&pods, "n", &["a", "log"]),
            "/api/v1/namespaces/n/pods/a/log"
        );
        assert_eq!(
            path(&roles, "", &["system:node"]),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode"
        );
        assert_eq!(
            path(&pods, "../x", &["/"]),
            "/api/v1/namespaces/..%2Fx/pods/%2F"
        );
        let query = Query::default()
            .with("labelSelector", "a in (b,c)")
            .with("fieldSelector", "")
            .with_number("limit", Some(1))
            .with_flag("watch", true);
        assert_eq!(
            query.as_str(),
            "?labelSelector=a%20in%20%28b%2Cc%29&limit=1&watch=true"
        );
    }
}
