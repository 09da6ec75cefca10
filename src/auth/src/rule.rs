//! One rule of a role.

use serde::{Deserialize, Serialize};

use crate::decision::AuthzAttributes;

/// `rules[]` of a Role or ClusterRole, decoded from its own JSON. Every list is a set of
/// alternatives; `*` stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    pub verbs: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_groups: Vec<String>,
    /// `pods`, `pods/log`, `*/scale`, `*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Empty allows every name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    /// Paths; a trailing `*` stands for any rest.
    #[serde(rename = "nonResourceURLs", skip_serializing_if = "Vec::is_empty")]
    pub non_resource_urls: Vec<String>,
}

impl Rule {
    /// Whether the rule grants what is asked for.
    #[must_use]
    pub fn allows(&self, attributes: &AuthzAttributes<'_>) -> bool {
        if !has(&self.verbs, attributes.verb) {
            return false;
        }
        match attributes.path {
            Some(path) => self.names_path(path),
            None => {
                has(&self.api_groups, attributes.group)
                    && self.names_resource(attributes)
                    && self.names_object(attributes.name)
            }
        }
    }

    fn names_resource(&self, attributes: &AuthzAttributes<'_>) -> bool {
        let (resource, subresource) = (attributes.resource, attributes.subresource);
        self.resources.iter().any(|named| {
            if named == "*" {
                return true;
            }
            match named.split_once('/') {
                None => subresource.is_empty() && named == resource,
                Some((main, sub)) => {
                    !subresource.is_empty()
                        && sub == subresource
                        && (main == "*" || main == resource)
                }
            }
        })
    }

    fn names_object(&self, name: &str) -> bool {
        self.resource_names.is_empty() || self.resource_names.iter().any(|named| named == name)
    }

    fn names_path(&self, path: &str) -> bool {
        self.non_resource_urls.iter().any(|named| {
            let open = named.ends_with('*');
            named == path || open && path.starts_with(named.trim_end_matches('*'))
        })
    }
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|item| item == "*" || item == wanted)
}
