//! The table of checks, and how their findings are said.

use std::collections::BTreeSet;

use super::policy::{Level, Versioned};
use super::subject::Subject;
use super::{baseline, restricted};

/// What a check found: `reason (detail)`.
pub(super) struct Violation {
    pub(super) reason: &'static str,
    pub(super) detail: String,
}

type Find = fn(&Subject<'_>) -> Option<Violation>;

/// One check, under upstream's id, as it has become from one minor version to the next.
struct Check {
    id: &'static str,
    /// Of the level below, which this one says better.
    overrides: &'static str,
    versions: &'static [(u32, Find)],
}

const fn check(id: &'static str, versions: &'static [(u32, Find)]) -> Check {
    Check {
        id,
        overrides: "",
        versions,
    }
}

const BASELINE: &[Check] = &[
    check("appArmorProfile", &[(0, baseline::app_armor)]),
    check("capabilities_baseline", &[(0, baseline::capabilities)]),
    check("hostNamespaces", &[(0, baseline::host_namespaces)]),
    check("hostPathVolumes", &[(0, baseline::host_path_volumes)]),
    check("hostPorts", &[(0, baseline::host_ports)]),
    check("hostProbesAndHostLifecycle", &[(34, baseline::host_probes)]),
    check("privileged", &[(0, baseline::privileged)]),
    check(
        "procMount",
        &[
            (0, baseline::proc_mount),
            (35, baseline::proc_mount_without_own_users),
        ],
    ),
    check(
        "seLinuxOptions",
        &[
            (0, baseline::se_linux),
            (31, baseline::se_linux_with_engine),
        ],
    ),
    check(
        "seccompProfile_baseline",
        &[(0, baseline::seccomp_annotations), (19, baseline::seccomp)],
    ),
    check(
        "sysctls",
        &[
            (0, |s| baseline::sysctls(s, 0)),
            (27, |s| baseline::sysctls(s, 27)),
            (29, |s| baseline::sysctls(s, 29)),
            (32, |s| baseline::sysctls(s, 32)),
        ],
    ),
    check("windowsHostProcess", &[(0, baseline::windows_host_process)]),
];

const RESTRICTED: &[Check] = &[
    check(
        "allowPrivilegeEscalation",
        &[
            (8, restricted::escalation),
            (25, restricted::escalation_on_linux),
        ],
    ),
    Check {
        id: "capabilities_restricted",
        overrides: "capabilities_baseline",
        versions: &[
            (22, restricted::capabilities),
            (25, restricted::capabilities_on_linux),
        ],
    },
    Check {
        id: "procMount_restricted",
        overrides: "procMount",
        versions: &[(35, baseline::proc_mount)],
    },
    Check {
        id: "restrictedVolumes",
        overrides: "hostPathVolumes",
        versions: &[(0, restricted::volumes)],
    },
    check(
        "runAsNonRoot",
        &[
            (0, restricted::non_root),
            (35, restricted::non_root_without_own_users),
        ],
    ),
    check(
        "runAsUser",
        &[
            (23, restricted::user),
            (35, restricted::user_without_own_users),
        ],
    ),
    Check {
        id: "seccompProfile_restricted",
        overrides: "seccompProfile_baseline",
        versions: &[
            (19, restricted::seccomp),
            (25, restricted::seccomp_on_linux),
        ],
    },
];

impl Check {
    /// The check as of a minor version.
    fn as_of(&self, minor: Option<u32>) -> Option<Find> {
        let mut versions = self.versions.iter().rev();
        let (_, find) = versions.find(|(since, _)| minor.is_none_or(|minor| *since <= minor))?;
        Some(*find)
    }
}

/// What a level has against a pod, in upstream's order.
pub(super) fn evaluate(policy: Versioned, subject: &Subject<'_>) -> Vec<Violation> {
    let restricted = match policy.level {
        Level::Privileged => return Vec::new(),
        Level::Baseline => &[],
        Level::Restricted => RESTRICTED,
    };
    let mut overridden: BTreeSet<&str> = BTreeSet::new();
    let applies = |check: &&Check| check.as_of(policy.minor).is_some();
    overridden.extend(restricted.iter().filter(applies).map(|c| c.overrides));
    let baseline = BASELINE.iter().filter(|c| !overridden.contains(c.id));
    let checks = baseline.chain(restricted);
    let finds = checks.filter_map(|check| check.as_of(policy.minor));
    finds.filter_map(|find| find(subject)).collect()
}

/// `reason (detail), reason (detail)`.
pub(super) fn details(violations: &[Violation]) -> String {
    let texts: Vec<_> = violations
        .iter()
        .map(|violation| format!("{} ({})", violation.reason, violation.detail))
        .collect();
    texts.join(", ")
}

/// `reason, reason`.
pub(super) fn reasons(violations: &[Violation]) -> String {
    let reasons: Vec<_> = violations
        .iter()
        .map(|violation| violation.reason)
        .collect();
    reasons.join(", ")
}

pub(super) fn violation(reason: &'static str, detail: String) -> Violation {
    Violation { reason, detail }
}

/// `word "a"`, `words "a", "b"`.
pub(super) fn quoted(word: &str, items: &[&str]) -> String {
    let s = if items.len() == 1 { "" } else { "s" };
    format!("{word}{s} {}", quote(items))
}

/// `"a", "b"`, without escaping.
pub(super) fn quote(items: &[&str]) -> String {
    format!("\"{}\"", items.join("\", \""))
}

/// `pod and containers "a", "b"`: who sets something. `None` when nobody does.
pub(super) fn setters(pod: bool, containers: &[&str]) -> Option<String> {
    let pod = pod.then(|| "pod".to_owned());
    let containers = (!containers.is_empty()).then(|| quoted("container", containers));
    let setters: Vec<_> = pod.into_iter().chain(containers).collect();
    (!setters.is_empty()).then(|| setters.join(" and "))
}

/// Each once, sorted.
pub(super) fn distinct<'a>(items: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let set: BTreeSet<_> = items.into_iter().collect();
    set.into_iter().collect()
}
