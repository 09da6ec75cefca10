//! Warnings about pod specs: valid, but not what was meant.

use std::collections::{BTreeMap, BTreeSet};

use apimachinery::{Object, Quantity};

use crate::at::At;
use crate::meta;

const LABELS: [(&str, &str); 6] = [
    (
        "beta.kubernetes.io/arch",
        "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
    ),
    (
        "beta.kubernetes.io/os",
        "deprecated since v1.14; use \"kubernetes.io/os\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
    ),
    (
        "beta.kubernetes.io/instance-type",
        "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead",
    ),
    (
        "node-role.kubernetes.io/master",
        "use \"node-role.kubernetes.io/control-plane\" instead",
    ),
];

const VOLUMES: [(&str, &str); 9] = [
    (
        "photonPersistentDisk",
        "deprecated in v1.11, non-functional in v1.16+",
    ),
    (
        "gitRepo",
        "deprecated in v1.11, and disabled by default in v1.33+",
    ),
    ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

const NULL_SELECTOR: &str = "a null labelSelector results in matching no pod";

/// About a name that ends up in host names. `what` says how.
pub(crate) fn name_warnings(object: &Object, what: &str) -> Vec<String> {
    match meta::dns_label(object.name()) {
        Ok(()) => Vec::new(),
        Err(details) => vec![format!(
            "metadata.name: this is used in {what}, which can result in surprising behavior; a DNS label is recommended: [{}]",
            details.lines().collect::<Vec<_>>().join(" ")
        )],
    }
}

/// About the metadata and the spec of a pod or a template.
pub(crate) fn pod_warnings(metadata: &At<'_>, spec: &At<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    for (key, label) in spec.child("nodeSelector").entries() {
        if let Some((_, text)) = LABELS.iter().find(|(name, _)| *name == key) {
            warnings.push(format!("{}: {text}", label.path));
        }
    }
    affinity(spec, &mut warnings);
    for constraint in spec.child("topologySpreadConstraints").items() {
        null_selector(&constraint.child("labelSelector"), &mut warnings);
    }
    for volume in spec.child("volumes").items() {
        for (field, text) in VOLUMES {
            let at = volume.child(field);
            if at.is_present() {
                warnings.push(format!("{}: {text}", at.path));
            }
        }
    }
    duplicates(spec, &mut warnings);
    annotations(metadata, &mut warnings);
    let mut ports = Ports::default();
    for list in ["initContainers", "containers"] {
        for container in spec.child(list).items() {
            container_warnings(&container, &mut warnings);
            ports.see(&container, &mut warnings);
        }
    }
    let grace = spec.child("terminationGracePeriodSeconds");
    if grace.int().is_some_and(|seconds| seconds < 0) {
        warnings.push(format!(
            "{}: must be >= 0; negative values are invalid and will be treated as 1",
            grace.path
        ));
    }
    warnings
}

fn null_selector(selector: &At<'_>, warnings: &mut Vec<String>) {
    if !selector.is_present() {
        warnings.push(format!("{}: {NULL_SELECTOR}", selector.path));
    }
}

fn affinity(spec: &At<'_>, warnings: &mut Vec<String>) {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    let affinity = spec.child("affinity");
    let nodes = affinity.child("nodeAffinity");
    let required = nodes.child(REQUIRED).child("nodeSelectorTerms");
    let preferred = nodes.child(PREFERRED);
    let terms = required.items().chain(
        preferred
            .items()
            .map(|weighted| weighted.child("preference")),
    );
    for expression in terms.flat_map(|term| term.child("matchExpressions").items()) {
        let key = expression.child("key");
        if let Some((name, text)) = LABELS.iter().find(|(name, _)| *name == key.text()) {
            warnings.push(format!("{}: {name} is {text}", key.path));
        }
    }
    for field in ["podAffinity", "podAntiAffinity"] {
        let pods = affinity.child(field);
        for term in pods.child(REQUIRED).items() {
            null_selector(&term.child("labelSelector"), warnings);
        }
        for weighted in pods.child(PREFERRED).items() {
            let selector = weighted.child("podAffinityTerm").child("labelSelector");
            null_selector(&selector, warnings);
        }
    }
}

fn duplicates(spec: &At<'_>, warnings: &mut Vec<String>) {
    let mut ips = BTreeSet::new();
    for alias in spec.child("hostAliases").items() {
        let ip = alias.child("ip");
        if !ips.insert(ip.text()) {
            warnings.push(format!("{}: duplicate ip {:?}", ip.path, ip.text()));
        }
    }
    let mut names = BTreeSet::new();
    for secret in spec.child("imagePullSecrets").items() {
        let name = secret.child("name");
        if name.text().is_empty() {
            warnings.push(format!("{}: invalid empty name \"\"", name.path));
        } else if !names.insert(name.text()) {
            warnings.push(format!("{}: duplicate name {:?}", name.path, name.text()));
        }
    }
}

fn annotations(metadata: &At<'_>, warnings: &mut Vec<String>) {
    for (key, annotation) in metadata.child("annotations").entries() {
        let seccomp = key == "seccomp.security.alpha.kubernetes.io/pod"
            || key.starts_with("container.seccomp.security.alpha.kubernetes.io/");
        let text = if seccomp {
            "non-functional in v1.27+; use the \"seccompProfile\" field instead"
        } else if key.starts_with("container.apparmor.security.beta.kubernetes.io/") {
            "deprecated since v1.30; use the \"appArmorProfile\" field instead"
        } else {
            continue;
        };
        warnings.push(format!("{}: {text}", annotation.path));
    }
}

fn container_warnings(container: &At<'_>, warnings: &mut Vec<String>) {
    let resources = container.child("resources");
    for list in ["limits", "requests"] {
        for name in ["memory", "ephemeral-storage"] {
            let list = resources.child(list);
            let Some(text) = list.value.get(name).and_then(|value| value.as_str()) else {
                continue;
            };
            let fraction = text.parse().is_ok_and(|q: Quantity| q.milli() % 1000 != 0);
            if fraction {
                warnings.push(format!(
                    "{}: fractional byte value {text:?} is invalid, must be an integer",
                    list.path.key(name)
                ));
            }
        }
    }
    let mut names = BTreeSet::new();
    for variable in container.child("env").items() {
        let name = variable.child("name").text();
        let value = variable.child("value").text();
        // `PATH=$(PATH):/more` means to build on the earlier one.
        if !names.insert(name) && !value.contains(&format!("$({name})")) {
            warnings.push(format!(
                "{}: hides previous definition of {name:?}, which may be dropped when using apply",
                variable.path
            ));
        }
    }
}

/// Ports seen so far, in all containers.
#[derive(Default)]
struct Ports<'a> {
    names: BTreeMap<&'a str, String>,
    definitions: BTreeMap<(i64, i64, &'a str, &'a str), String>,
}

impl<'a> Ports<'a> {
    fn see(&mut self, container: &At<'a>, warnings: &mut Vec<String>) {
        for port in container.child("ports").items() {
            let path = port.path.to_string();
            let name = port.child("name").text();
            if !name.is_empty() {
                if let Some(first) = self.names.get(name) {
                    warnings.push(format!(
                        "{path}: duplicate port name {name:?} with {first}, services and probes that select ports by name will use {first}"
                    ));
                } else {
                    self.names.insert(name, path.clone());
                }
            }
            let number = |field: &str| port.child(field).int().unwrap_or(0);
            let (protocol, ip) = (port.child("protocol").text(), port.child("hostIP").text());
            let key = (number("containerPort"), number("hostPort"), protocol, ip);
            if let Some(first) = self.definitions.get(&key) {
                warnings.push(format!("{path}: duplicate port definition with {first}"));
            } else {
                self.definitions.insert(key, path);
            }
        }
    }
}
