//! The query parameters of each kind of operation.

/// A query parameter's name and type.
pub(super) type Parameter = (&'static str, &'static str);

pub(super) const DRY_RUN: Parameter = ("dryRun", "string");
pub(super) const FIELD_VALIDATION: Parameter = ("fieldValidation", "string");
const FIELD_MANAGER: Parameter = ("fieldManager", "string");
const PRETTY: Parameter = ("pretty", "string");

pub(super) const GET: &[Parameter] = &[PRETTY];
pub(super) const LIST: &[Parameter] = &[
    ("allowWatchBookmarks", "boolean"),
    ("continue", "string"),
    ("fieldSelector", "string"),
    ("labelSelector", "string"),
    ("limit", "integer"),
    PRETTY,
    ("resourceVersion", "string"),
    ("resourceVersionMatch", "string"),
    ("sendInitialEvents", "boolean"),
    ("timeoutSeconds", "integer"),
    ("watch", "boolean"),
];
pub(super) const WRITE: &[Parameter] = &[DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION, PRETTY];
pub(super) const PATCH: &[Parameter] = &[
    DRY_RUN,
    FIELD_MANAGER,
    FIELD_VALIDATION,
    ("force", "boolean"),
    PRETTY,
];
pub(super) const DELETE: &[Parameter] = &[
    DRY_RUN,
    ("gracePeriodSeconds", "integer"),
    UNREADABLE,
    ("orphanDependents", "boolean"),
    PRETTY,
    ("propagationPolicy", "string"),
];
pub(super) const DELETE_COLLECTION: &[Parameter] = &[
    ("continue", "string"),
    DRY_RUN,
    ("fieldSelector", "string"),
    ("gracePeriodSeconds", "integer"),
    UNREADABLE,
    ("labelSelector", "string"),
    ("limit", "integer"),
    ("orphanDependents", "boolean"),
    PRETTY,
    ("propagationPolicy", "string"),
    ("resourceVersion", "string"),
    ("resourceVersionMatch", "string"),
    ("sendInitialEvents", "boolean"),
    ("timeoutSeconds", "integer"),
];
const UNREADABLE: Parameter = (
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "boolean",
);

const LOG: &[Parameter] = &[
    ("container", "string"),
    ("follow", "boolean"),
    ("insecureSkipTLSVerifyBackend", "boolean"),
    ("limitBytes", "integer"),
    PRETTY,
    ("previous", "boolean"),
    ("sinceSeconds", "integer"),
    ("stream", "string"),
    ("tailLines", "integer"),
    ("timestamps", "boolean"),
];
const ATTACH: &[Parameter] = &[
    ("container", "string"),
    ("stderr", "boolean"),
    ("stdin", "boolean"),
    ("stdout", "boolean"),
    ("tty", "boolean"),
];
const EXEC: &[Parameter] = &[
    ("command", "string"),
    ("container", "string"),
    ("stderr", "boolean"),
    ("stdin", "boolean"),
    ("stdout", "boolean"),
    ("tty", "boolean"),
];

/// The parameters that the options of a stream or a log stand for: these are no definitions,
/// so that the facts do not know them.
pub(super) fn of_options(kind: &str) -> &'static [Parameter] {
    match kind {
        "PodLogOptions" => LOG,
        "PodAttachOptions" => ATTACH,
        "PodExecOptions" => EXEC,
        "PodPortForwardOptions" => &[("ports", "integer")],
        _ if kind.ends_with("ProxyOptions") => &[("path", "string")],
        _ => &[],
    }
}
