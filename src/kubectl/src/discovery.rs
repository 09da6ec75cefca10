//! Which resources the server has, and by which words they are known.

use anyhow::{Result, bail};
use client::{ApiResource, Client};
use http::Method;
use serde::Deserialize;

use crate::session::exchange;

const AGGREGATED: &str = "application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList";

/// Everything that is served, in the server's order: groups by priority, the preferred version
/// of each first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Discovery {
    pub resources: Vec<Found>,
}

/// One served resource.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub resource: ApiResource,
    pub singular: String,
    pub short_names: Vec<String>,
    pub categories: Vec<String>,
    pub verbs: Vec<String>,
    /// Whether its version is the group's first that has it.
    pub preferred: bool,
}

impl Found {
    /// `apps/v1`, `v1`.
    pub(crate) fn group_version(&self) -> String {
        let ApiResource { group, version, .. } = &self.resource;
        if group.is_empty() {
            version.to_string()
        } else {
            format!("{group}/{version}")
        }
    }

    /// `deployment.apps`, `pod`: how results and mixed tables name it.
    pub(crate) fn display_name(&self) -> String {
        let kind = self.resource.kind.to_lowercase();
        if self.resource.group.is_empty() {
            kind
        } else {
            format!("{kind}.{}", self.resource.group)
        }
    }

    pub(crate) fn allows(&self, verb: &str) -> bool {
        self.verbs.iter().any(|v| v == verb)
    }

    fn is_called(&self, name: &str) -> bool {
        self.resource.plural == name
            || self.singular == name
            || self.resource.kind.to_lowercase() == name
            || self.short_names.iter().any(|short| short == name)
    }
}

#[derive(Deserialize)]
struct GroupList {
    #[serde(default)]
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: GroupName,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Default, Deserialize)]
struct GroupName {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    resource: String,
    response_kind: Option<ResponseKind>,
    scope: String,
    #[serde(default)]
    singular_resource: String,
    #[serde(default)]
    short_names: Vec<String>,
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
}

#[derive(Deserialize)]
struct ResponseKind {
    kind: String,
}

impl Discovery {
    /// Asks the server.
    ///
    /// # Errors
    /// As the server refuses, or when its answer is no aggregated discovery.
    pub(crate) async fn ask(client: &Client) -> Result<Self> {
        let mut discovery = Self::default();
        for path in ["/api", "/apis"] {
            let (_, answer) = exchange(client, Method::GET, path, AGGREGATED, None).await?;
            let groups: GroupList = serde_json::from_value(answer)?;
            groups
                .items
                .into_iter()
                .for_each(|group| discovery.add(group));
        }
        Ok(discovery)
    }

    fn add(&mut self, group: Group) {
        for version in group.versions {
            for entry in version.resources {
                let Some(kind) = entry.response_kind else {
                    continue;
                };
                let preferred = !self.resources.iter().any(|found| {
                    found.resource.group == group.metadata.name
                        && found.resource.plural == entry.resource
                });
                self.resources.push(Found {
                    resource: ApiResource {
                        group: group.metadata.name.clone().into(),
                        version: version.version.clone().into(),
                        plural: entry.resource.into(),
                        kind: kind.kind.into(),
                        namespaced: entry.scope == "Namespaced",
                    },
                    singular: entry.singular_resource,
                    short_names: entry.short_names,
                    categories: entry.categories,
                    verbs: entry.verbs,
                    preferred,
                });
            }
        }
    }

    /// The resource of a word: `pods`, `po`, `Pod`, `deployments.apps`, `deployments.v1.apps`.
    ///
    /// # Errors
    /// `the server doesn't have a resource type "x"`.
    pub(crate) fn find(&self, word: &str) -> Result<&Found> {
        let lower = word.to_lowercase();
        let (name, rest) = lower.split_once('.').unwrap_or((&lower, ""));
        let (version, group) = rest.split_once('.').unwrap_or((rest, ""));
        let fits = |found: &&Found| {
            let resource = &found.resource;
            found.is_called(name)
                && (rest.is_empty()
                    || resource.group == rest
                    || (resource.version == version && resource.group == group))
        };
        match self.resources.iter().find(fits) {
            Some(found) => Ok(found),
            None => bail!("the server doesn't have a resource type {word:?}"),
        }
    }

    /// The resources of a category that can be listed; none for a word that is no category.
    pub(crate) fn category(&self, word: &str) -> Vec<&Found> {
        let in_category = |found: &&Found| {
            found.preferred && found.allows("list") && found.categories.iter().any(|c| c == word)
        };
        self.resources.iter().filter(in_category).collect()
    }

    /// The resource of an object's kind.
    pub(crate) fn of_kind(&self, api_version: &str, kind: &str) -> Option<&Found> {
        self.resources
            .iter()
            .find(|found| found.group_version() == api_version && found.resource.kind == kind)
    }
}
