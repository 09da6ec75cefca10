//! What can be asked of a request beyond its path.

use std::time::Duration;

use serde::Serialize;

use crate::resource::Query;

/// How a list relates to the revision it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionMatch {
    Exact,
    NotOlderThan,
}

impl VersionMatch {
    fn text(self) -> &'static str {
        match self {
            Self::Exact => "Exact",
            Self::NotOlderThan => "NotOlderThan",
        }
    }
}

/// Options of a list, and which objects a deletecollection is about.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// A label selector's text; empty selects all.
    pub labels: String,
    /// A field selector's text; empty selects all.
    pub fields: String,
    /// At most this many objects; the rest by `continue_token`.
    pub limit: Option<u32>,
    /// From the page before; empty on the first.
    pub continue_token: String,
    pub resource_version: Option<u64>,
    pub resource_version_match: Option<VersionMatch>,
}

impl ListOptions {
    pub(crate) fn query(&self) -> Query {
        Query::default()
            .with("labelSelector", &self.labels)
            .with("fieldSelector", &self.fields)
            .with_number("limit", self.limit.map(u64::from))
            .with("continue", &self.continue_token)
            .with_number("resourceVersion", self.resource_version)
            .with(
                "resourceVersionMatch",
                self.resource_version_match.map_or("", VersionMatch::text),
            )
    }
}

/// Options of a watch.
#[derive(Clone, Debug, Default)]
pub struct WatchOptions {
    pub labels: String,
    pub fields: String,
    /// Changes after this revision; without it, first the current state as additions.
    pub resource_version: Option<u64>,
    /// Whether the server shall send its progress.
    pub bookmarks: bool,
    /// When the server ends the watch; its own choice when absent.
    pub timeout: Option<Duration>,
    /// The current state as additions, then a bookmark, then changes. Asks for bookmarks.
    pub send_initial_events: bool,
}

impl WatchOptions {
    pub(crate) fn query(&self) -> Query {
        let initial = self.send_initial_events;
        Query::default()
            .with_flag("watch", true)
            .with("labelSelector", &self.labels)
            .with("fieldSelector", &self.fields)
            .with_number("resourceVersion", self.resource_version)
            .with_flag("allowWatchBookmarks", self.bookmarks || initial)
            .with_number("timeoutSeconds", self.timeout.map(|t| t.as_secs()))
            .with_flag("sendInitialEvents", initial)
            .with(
                "resourceVersionMatch",
                if initial { "NotOlderThan" } else { "" },
            )
    }
}

/// Options of a create or an update.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Who shall own the fields; the user agent's first word when empty.
    pub field_manager: String,
    /// Goes all the way but the commit.
    pub dry_run: bool,
    /// `Strict`, `Warn`, `Ignore`; the server's choice when empty.
    pub field_validation: String,
}

impl WriteOptions {
    pub(crate) fn query(&self) -> Query {
        Query::default()
            .with("fieldManager", &self.field_manager)
            .with("dryRun", dry_run(self.dry_run))
            .with("fieldValidation", &self.field_validation)
    }
}

/// How a patch's body is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Merge, with lists merged by their keys; built-in kinds only.
    Strategic,
    /// Server-side apply; needs a field manager.
    Apply,
}

impl PatchKind {
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json-patch+json",
            Self::Merge => "application/merge-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
            Self::Apply => "application/apply-patch+yaml",
        }
    }
}

/// Options of a patch.
#[derive(Clone, Debug, Default)]
pub struct PatchOptions {
    pub field_manager: String,
    /// Takes fields over from other managers; apply only.
    pub force: bool,
    pub dry_run: bool,
    pub field_validation: String,
    /// `status`, `scale`, `resize`, …; empty for the object itself.
    pub subresource: String,
}

impl PatchOptions {
    /// For a subresource, all else as it is by default.
    #[must_use]
    pub fn subresource(name: &str) -> Self {
        Self {
            subresource: name.to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn query(&self) -> Query {
        Query::default()
            .with("fieldManager", &self.field_manager)
            .with_flag("force", self.force)
            .with("dryRun", dry_run(self.dry_run))
            .with("fieldValidation", &self.field_validation)
    }
}

/// What becomes of an object's dependents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Propagation {
    /// They stay.
    Orphan,
    /// They are deleted after the object.
    Background,
    /// They are deleted before the object.
    Foreground,
}

/// A deletion goes ahead only if these still hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preconditions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
}

/// Options of a delete, sent as its body.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteOptions {
    /// Seconds until a pod is killed; its own when absent, at once when zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_period_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preconditions: Option<Preconditions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagation_policy: Option<Propagation>,
    #[serde(rename = "dryRun", skip_serializing_if = "not", serialize_with = "all")]
    pub dry_run: bool,
}

impl DeleteOptions {
    /// Only the object with this UID, not a later one of the same name.
    #[must_use]
    pub fn of_uid(uid: &str) -> Self {
        Self::of_version(uid, None)
    }

    /// As [`DeleteOptions::of_uid`], and only while nobody has changed it since this version.
    #[must_use]
    pub fn of_version(uid: &str, resource_version: Option<&str>) -> Self {
        Self {
            preconditions: Some(Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: resource_version.map(str::to_owned),
            }),
            ..Self::default()
        }
    }
}

fn dry_run(set: bool) -> &'static str {
    if set { "All" } else { "" }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn not(flag: &bool) -> bool {
    !flag
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn all<S: serde::Serializer>(_set: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(["All"])
}
