//! The checks that the level restricted adds: what hardened pods do of themselves.

use serde_json::Value;

use super::baseline;
use super::checks::{Violation, distinct, quoted, setters, violation};
use super::subject::{Subject, name};

/// Of every version: upstream has let `image` in without making a new one.
const VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// The other sources that have a name in the text.
const OTHER_VOLUMES: [&str; 21] = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "gitRepo",
    "glusterfs",
    "hostPath",
    "iscsi",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
];

pub(super) fn escalation(subject: &Subject<'_>) -> Option<Violation> {
    let bad = subject.named(|c| c["securityContext"]["allowPrivilegeEscalation"] != false);
    (!bad.is_empty()).then(|| {
        let who = quoted("container", &bad);
        let detail = format!("{who} must set securityContext.allowPrivilegeEscalation=false");
        violation("allowPrivilegeEscalation != false", detail)
    })
}

pub(super) fn escalation_on_linux(subject: &Subject<'_>) -> Option<Violation> {
    escalation(subject).filter(|_| !subject.is_windows())
}

pub(super) fn capabilities(subject: &Subject<'_>) -> Option<Violation> {
    let keeping = subject.named(|container| {
        let dropped = container.pointer("/securityContext/capabilities/drop");
        let mut dropped = dropped.and_then(Value::as_array).into_iter().flatten();
        !dropped.any(|one| one == "ALL")
    });
    let keeping = (!keeping.is_empty()).then(|| {
        let who = quoted("container", &keeping);
        format!("{who} must set securityContext.capabilities.drop=[\"ALL\"]")
    });
    let adding = baseline::adders(subject, &["NET_BIND_SERVICE"]);
    let faults: Vec<_> = keeping.into_iter().chain(adding).collect();
    (!faults.is_empty()).then(|| violation("unrestricted capabilities", faults.join("; ")))
}

pub(super) fn capabilities_on_linux(subject: &Subject<'_>) -> Option<Violation> {
    capabilities(subject).filter(|_| !subject.is_windows())
}

pub(super) fn volumes(subject: &Subject<'_>) -> Option<Violation> {
    let has = |volume: &Value, source: &&str| volume.get(*source).is_some_and(|v| !v.is_null());
    let bad: Vec<&Value> = subject
        .volumes()
        .filter(|volume| !VOLUMES.iter().any(|source| has(volume, source)))
        .collect();
    if bad.is_empty() {
        return None;
    }
    let source = |volume: &&Value| {
        let mut others = OTHER_VOLUMES.into_iter();
        others
            .find(|source| has(volume, source))
            .unwrap_or("unknown")
    };
    let sources = distinct(bad.iter().map(source));
    let names: Vec<_> = bad.iter().map(|volume| name(volume)).collect();
    let who = quoted("volume", &names);
    let uses = if names.len() == 1 { "uses" } else { "use" };
    let what = quoted("restricted volume type", &sources);
    Some(violation(
        "restricted volume types",
        format!("{who} {uses} {what}"),
    ))
}

pub(super) fn non_root(subject: &Subject<'_>) -> Option<Violation> {
    let of_pod = subject.at("/securityContext/runAsNonRoot");
    let says = |container: &Value, what: bool| container["securityContext"]["runAsNonRoot"] == what;
    let bad = subject.named(|container| says(container, false));
    let reason = "runAsNonRoot != true";
    if let Some(who) = setters(of_pod == Some(&false.into()), &bad) {
        let detail = format!("{who} must not set securityContext.runAsNonRoot=false");
        return Some(violation(reason, detail));
    }
    let silent = subject.named(|container| !says(container, true));
    (of_pod != Some(&true.into()) && !silent.is_empty()).then(|| {
        let who = quoted("container", &silent);
        let detail = format!("pod or {who} must set securityContext.runAsNonRoot=true");
        violation(reason, detail)
    })
}

pub(super) fn non_root_without_own_users(subject: &Subject<'_>) -> Option<Violation> {
    non_root(subject).filter(|_| !subject.has_own_users())
}

pub(super) fn user(subject: &Subject<'_>) -> Option<Violation> {
    let of_pod = subject.at("/securityContext/runAsUser") == Some(&0.into());
    let bad = subject.named(|container| container["securityContext"]["runAsUser"] == 0);
    let who = setters(of_pod, &bad)?;
    Some(violation(
        "runAsUser=0",
        format!("{who} must not set runAsUser=0"),
    ))
}

pub(super) fn user_without_own_users(subject: &Subject<'_>) -> Option<Violation> {
    user(subject).filter(|_| !subject.has_own_users())
}

pub(super) fn seccomp(subject: &Subject<'_>) -> Option<Violation> {
    if let Some(found) = baseline::seccomp(subject) {
        return Some(found);
    }
    if subject.at("/securityContext/seccompProfile/type").is_some() {
        return None;
    }
    let silent = subject.named(|c| !c["securityContext"]["seccompProfile"].is_object());
    (!silent.is_empty()).then(|| {
        let who = quoted("container", &silent);
        let detail = format!(
            "pod or {who} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \
             \"Localhost\""
        );
        violation("seccompProfile", detail)
    })
}

pub(super) fn seccomp_on_linux(subject: &Subject<'_>) -> Option<Violation> {
    seccomp(subject).filter(|_| !subject.is_windows())
}
