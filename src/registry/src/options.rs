//! What a client may ask of each verb, decoded.

use apimachinery::{FieldSelector, LabelSelector};

/// `resourceVersionMatch`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VersionMatch {
    #[default]
    Unset,
    NotOlderThan,
    Exact,
}

#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    pub labels: LabelSelector,
    pub fields: FieldSelector,
    /// 0 is no limit.
    pub limit: usize,
    /// The token of the page before.
    pub continue_token: String,
    /// `None` when the client named no version.
    pub resource_version: Option<u64>,
    pub version_match: VersionMatch,
}

#[derive(Clone, Debug, Default)]
pub struct WatchOptions {
    pub labels: LabelSelector,
    pub fields: FieldSelector,
    /// Where to go on from; `None` and 0 name no version.
    pub resource_version: Option<u64>,
    /// Whether the current state comes first, with a bookmark after it that says so. A client
    /// that does not say gets the state when it names no version.
    pub send_initial_events: Option<bool>,
}

#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    pub dry_run: bool,
    pub field_manager: String,
    /// Empty for the main resource.
    pub subresource: &'static str,
}

/// What must still hold for a delete or an update to go ahead.
#[derive(Clone, Debug, Default)]
pub struct Preconditions {
    pub uid: Option<String>,
    pub resource_version: Option<String>,
}

/// `propagationPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    Orphan,
    Background,
    Foreground,
}

#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    pub grace_period_seconds: Option<i64>,
    pub preconditions: Preconditions,
    pub propagation: Option<Propagation>,
    pub dry_run: bool,
    /// The client sent the old `orphanDependents: false`, to which upstream says 202 while the
    /// object stays.
    pub waits_for_dependents: bool,
}
