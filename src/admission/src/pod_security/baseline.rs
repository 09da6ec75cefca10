//! The checks of the level baseline: no known way out of a container.

use serde_json::Value;

use super::checks::{Violation, distinct, quote, quoted, setters, violation};
use super::subject::{Subject, name};

const APP_ARMOR_ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";
const SECCOMP_ANNOTATION: &str = "container.seccomp.security.alpha.kubernetes.io/";
const POD_SECCOMP_ANNOTATION: &str = "seccomp.security.alpha.kubernetes.io/pod";

const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Sysctls of the pod's own namespaces, and the minor version that first allowed each.
const SYSCTLS: [(&str, u32); 12] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
];

/// A text of a security context's part.
fn text<'a>(part: &'a Value, pointer: &str) -> Option<&'a str> {
    part.pointer(pointer).and_then(Value::as_str)
}

pub(super) fn app_armor(subject: &Subject<'_>) -> Option<Violation> {
    let bad =
        |kind: Option<&str>| kind.is_some_and(|k| !["RuntimeDefault", "Localhost"].contains(&k));
    let kind = |container| text(container, "/securityContext/appArmorProfile/type");
    let of_pod = subject.at("/securityContext/appArmorProfile/type");
    let of_pod = of_pod
        .and_then(Value::as_str)
        .filter(|kind| bad(Some(kind)));
    let containers = subject.named(|container| bad(kind(container)));
    let kinds = subject
        .containers()
        .filter_map(kind)
        .filter(|k| bad(Some(k)));
    let kinds = distinct(kinds.chain(of_pod));
    let mut annotations: Vec<String> = subject
        .annotations()
        .filter(|(key, _)| key.starts_with(APP_ARMOR_ANNOTATION))
        .filter(|(_, value)| {
            !["", "runtime/default"].contains(value) && !value.starts_with("localhost/")
        })
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    annotations.sort();
    let mut who: Vec<String> = setters(of_pod.is_some(), &containers).into_iter().collect();
    match annotations.len() {
        0 => {}
        1 => who.push("annotation".to_owned()),
        _ => who.push("annotations".to_owned()),
    }
    let values: Vec<&str> = kinds
        .into_iter()
        .chain(annotations.iter().map(String::as_str))
        .collect();
    let reason = match values.len() {
        0 => return None,
        1 => "forbidden AppArmor profile",
        _ => "forbidden AppArmor profiles",
    };
    let (who, values) = (who.join(" and "), quote(&values));
    Some(violation(
        reason,
        format!("{who} must not set AppArmor profile type to {values}"),
    ))
}

/// The capabilities that a container adds, but for the allowed.
pub(super) fn added<'a>(container: &'a Value, allowed: &[&str]) -> Vec<&'a str> {
    let added = container.pointer("/securityContext/capabilities/add");
    let added = added.and_then(Value::as_array).into_iter().flatten();
    let added = added.filter_map(Value::as_str);
    added.filter(|one| !allowed.contains(one)).collect()
}

/// `container "a" must not include "X" in securityContext.capabilities.add`.
pub(super) fn adders(subject: &Subject<'_>, allowed: &[&str]) -> Option<String> {
    let containers = subject.named(|container| !added(container, allowed).is_empty());
    let all = subject.containers().flat_map(|c| added(c, allowed));
    let all = distinct(all);
    (!all.is_empty()).then(|| {
        let (who, what) = (quoted("container", &containers), quote(&all));
        format!("{who} must not include {what} in securityContext.capabilities.add")
    })
}

pub(super) fn capabilities(subject: &Subject<'_>) -> Option<Violation> {
    Some(violation(
        "non-default capabilities",
        adders(subject, &CAPABILITIES)?,
    ))
}

pub(super) fn host_namespaces(subject: &Subject<'_>) -> Option<Violation> {
    let shared = ["hostNetwork", "hostPID", "hostIPC"];
    let shared = shared.iter().filter(|field| subject.is_true(field));
    let shared: Vec<_> = shared.map(|field| format!("{field}=true")).collect();
    (!shared.is_empty()).then(|| violation("host namespaces", shared.join(", ")))
}

pub(super) fn host_path_volumes(subject: &Subject<'_>) -> Option<Violation> {
    let bad = subject.volumes().filter(|v| v["hostPath"].is_object());
    let bad: Vec<_> = bad.map(name).collect();
    (!bad.is_empty()).then(|| violation("hostPath volumes", quoted("volume", &bad)))
}

pub(super) fn host_ports(subject: &Subject<'_>) -> Option<Violation> {
    let ports = |container: &Value| -> Vec<String> {
        let ports = container["ports"].as_array().into_iter().flatten();
        let ports = ports.filter_map(|port| port["hostPort"].as_i64());
        ports
            .filter(|port| *port != 0)
            .map(|p| p.to_string())
            .collect()
    };
    let containers = subject.named(|container| !ports(container).is_empty());
    let all: Vec<String> = subject.containers().flat_map(ports).collect();
    let all = distinct(all.iter().map(String::as_str));
    (!all.is_empty()).then(|| {
        let who = quoted("container", &containers);
        let uses = if containers.len() == 1 { "uses" } else { "use" };
        let s = if all.len() == 1 { "" } else { "s" };
        violation(
            "hostPort",
            format!("{who} {uses} hostPort{s} {}", all.join(", ")),
        )
    })
}

/// Where a container's probes and hooks go, if not to the pod itself.
fn hosts(container: &Value) -> Vec<&str> {
    let handlers = [
        "/livenessProbe",
        "/readinessProbe",
        "/startupProbe",
        "/lifecycle/postStart",
        "/lifecycle/preStop",
    ];
    let handlers = handlers.iter().filter_map(|at| container.pointer(at));
    let hosts = handlers.flat_map(|handler| {
        ["/httpGet/host", "/tcpSocket/host"].map(|pointer| text(handler, pointer))
    });
    hosts.flatten().filter(|host| !host.is_empty()).collect()
}

pub(super) fn host_probes(subject: &Subject<'_>) -> Option<Violation> {
    let containers = distinct(subject.named(|container| !hosts(container).is_empty()));
    let all = distinct(subject.containers().flat_map(hosts));
    (!all.is_empty()).then(|| {
        let who = quoted("container", &containers);
        let uses = if containers.len() == 1 { "uses" } else { "use" };
        let what = quoted("probe or lifecycle host", &all);
        violation("probe or lifecycle host", format!("{who} {uses} {what}"))
    })
}

pub(super) fn privileged(subject: &Subject<'_>) -> Option<Violation> {
    let bad = subject.named(|c| c["securityContext"]["privileged"] == true);
    (!bad.is_empty()).then(|| {
        let who = quoted("container", &bad);
        violation(
            "privileged",
            format!("{who} must not set securityContext.privileged=true"),
        )
    })
}

pub(super) fn proc_mount(subject: &Subject<'_>) -> Option<Violation> {
    let mount = |container| {
        text(container, "/securityContext/procMount").filter(|mount| *mount != "Default")
    };
    let bad = subject.named(|container| mount(container).is_some());
    (!bad.is_empty()).then(|| {
        let mounts = quote(&distinct(subject.containers().filter_map(mount)));
        let who = quoted("container", &bad);
        let detail = format!("{who} must not set securityContext.procMount to {mounts}");
        violation("procMount", detail)
    })
}

pub(super) fn proc_mount_without_own_users(subject: &Subject<'_>) -> Option<Violation> {
    proc_mount(subject).filter(|_| !subject.has_own_users())
}

pub(super) fn se_linux(subject: &Subject<'_>) -> Option<Violation> {
    se_linux_of(
        subject,
        &["", "container_t", "container_init_t", "container_kvm_t"],
    )
}

pub(super) fn se_linux_with_engine(subject: &Subject<'_>) -> Option<Violation> {
    let types = [
        "",
        "container_t",
        "container_init_t",
        "container_kvm_t",
        "container_engine_t",
    ];
    se_linux_of(subject, &types)
}

fn se_linux_of(subject: &Subject<'_>, types: &[&str]) -> Option<Violation> {
    let options = |container| Value::pointer(container, "/securityContext/seLinuxOptions");
    let set = |options: &Value, field: &str| options[field].as_str().is_some_and(|t| !t.is_empty());
    let kind = |options: &'_ Value| options["type"].as_str().unwrap_or_default().to_owned();
    let bad = |options: &Value| {
        !types.contains(&kind(options).as_str()) || set(options, "user") || set(options, "role")
    };
    let of_pod = subject
        .at("/securityContext/seLinuxOptions")
        .filter(|o| bad(o));
    let containers = subject.named(|container| options(container).is_some_and(bad));
    let who = setters(of_pod.is_some(), &containers)?;
    let all = subject.containers().filter_map(options).filter(|o| bad(o));
    let all: Vec<&Value> = all.chain(of_pod).collect();
    let kinds: Vec<String> = all.iter().map(|options| kind(options)).collect();
    let kinds = kinds.iter().map(String::as_str);
    let kinds = distinct(kinds.filter(|kind| !types.contains(kind)));
    let mut faults = Vec::new();
    if !kinds.is_empty() {
        faults.push(quoted("type", &kinds));
    }
    for field in ["user", "role"] {
        if all.iter().any(|options| set(options, field)) {
            faults.push(format!("{field} may not be set"));
        }
    }
    let faults = faults.join("; ");
    let detail = format!("{who} set forbidden securityContext.seLinuxOptions: {faults}");
    Some(violation("seLinuxOptions", detail))
}

/// Before there was a field for it.
pub(super) fn seccomp_annotations(subject: &Subject<'_>) -> Option<Violation> {
    let ours = |key: &str| key == POD_SECCOMP_ANNOTATION || key.starts_with(SECCOMP_ANNOTATION);
    let bad = subject
        .annotations()
        .filter(|(key, value)| ours(key) && *value == "unconfined");
    let mut bad: Vec<_> = bad.map(|(key, value)| format!("{key}={value:?}")).collect();
    bad.sort();
    (!bad.is_empty()).then(|| violation("seccompProfile", bad.join(", ")))
}

pub(super) fn seccomp(subject: &Subject<'_>) -> Option<Violation> {
    let bad = |kind: &str| !["RuntimeDefault", "Localhost"].contains(&kind);
    let kind = |container| {
        text(container, "/securityContext/seccompProfile/type").filter(|kind| bad(kind))
    };
    let of_pod = subject.at("/securityContext/seccompProfile/type");
    let of_pod = of_pod.and_then(Value::as_str).filter(|kind| bad(kind));
    let containers = subject.named(|container| kind(container).is_some());
    let who = setters(of_pod.is_some(), &containers)?;
    let kinds = quote(&distinct(
        subject.containers().filter_map(kind).chain(of_pod),
    ));
    let detail = format!("{who} must not set securityContext.seccompProfile.type to {kinds}");
    Some(violation("seccompProfile", detail))
}

/// As of a minor version.
pub(super) fn sysctls(subject: &Subject<'_>, minor: u32) -> Option<Violation> {
    let allowed = |name: &str| {
        SYSCTLS
            .iter()
            .any(|(one, since)| *one == name && *since <= minor)
    };
    let set = subject
        .at("/securityContext/sysctls")
        .and_then(Value::as_array);
    let set = set.into_iter().flatten().map(name);
    let bad: Vec<_> = set.filter(|name| !allowed(name)).collect();
    let reason = match bad.len() {
        0 => return None,
        1 => "forbidden sysctl",
        _ => "forbidden sysctls",
    };
    Some(violation(reason, bad.join(", ")))
}

pub(super) fn windows_host_process(subject: &Subject<'_>) -> Option<Violation> {
    let of_pod = subject.at("/securityContext/windowsOptions/hostProcess") == Some(&true.into());
    let bad = subject.named(|c| c["securityContext"]["windowsOptions"]["hostProcess"] == true);
    let who = setters(of_pod, &bad)?;
    let detail = format!("{who} must not set securityContext.windowsOptions.hostProcess=true");
    Some(violation("hostProcess", detail))
}
