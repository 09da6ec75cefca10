//! Pod templates and containers.

mod env;
mod probe;

use apimachinery::LabelSelector;
use serde_json::Value;

use super::lines::{Lines, at, date, items, number, or_none, pairs, text};
use super::volumes::volumes;

/// The template of a workload.
pub(super) fn template(template: &Value, lines: &mut Lines) {
    lines.line(0, "Pod Template:");
    lines.labels("  Labels", at(template, "metadata.labels"));
    if pairs(at(template, "metadata.annotations")).next().is_some() {
        lines.annotations("  Annotations", at(template, "metadata.annotations"));
    }
    lines.some(
        1,
        "Service Account",
        text(template, "spec.serviceAccountName"),
    );
    for (label, field) in [
        ("Init Containers", "initContainers"),
        ("Containers", "containers"),
    ] {
        let all: Vec<&Value> = items(template, &format!("spec.{field}")).collect();
        if all.is_empty() && label != "Containers" {
            continue;
        }
        let described = Containers {
            label,
            containers: &all,
            statuses: None,
            pod: None,
            indent: "  ",
        };
        containers(&described, lines);
    }
    volumes(at(template, "spec.volumes"), "  ", lines);
    topology(at(template, "spec.topologySpreadConstraints"), "  ", lines);
    lines.some(
        1,
        "Priority Class Name",
        text(template, "spec.priorityClassName"),
    );
    lines.labels("  Node-Selectors", at(template, "spec.nodeSelector"));
    tolerations("  Tolerations", at(template, "spec.tolerations"), lines);
}

/// Some containers under a label.
pub(super) struct Containers<'v> {
    pub label: &'v str,
    pub containers: &'v [&'v Value],
    /// Of a pod; a template's containers have none.
    pub statuses: Option<Vec<&'v Value>>,
    /// Whose fields environment variables refer to.
    pub pod: Option<&'v Value>,
    pub indent: &'v str,
}

pub(super) fn containers(described: &Containers<'_>, lines: &mut Lines) {
    let Containers { label, indent, .. } = described;
    if described.containers.is_empty() {
        lines.line(0, &format!("{indent}{label}: <none>"));
        return;
    }
    lines.line(0, &format!("{indent}{label}:"));
    for container in described.containers {
        let name = text(container, "name");
        let mut statuses = described.statuses.iter().flatten();
        let status = statuses.find(|status| text(status, "name") == name);
        let name_indent = if indent.is_empty() { "" } else { " " };
        lines.line(1, &format!("{name_indent}{name}:"));
        basics(container, status.copied(), lines);
        words("Command", &container["command"], lines);
        words("Args", &container["args"], lines);
        if let Some(status) = status {
            run(status, lines);
        }
        for (label, list) in [("Limits", "limits"), ("Requests", "requests")] {
            quantities(label, &container["resources"][list], lines);
        }
        for (label, field) in [
            ("Liveness", "livenessProbe"),
            ("Readiness", "readinessProbe"),
            ("Startup", "startupProbe"),
        ] {
            if container[field].is_object() {
                lines.field(2, label, &probe::probe(&container[field]));
            }
        }
        env::environment(container, described.pod, lines);
        mounts(container, lines);
    }
}

fn basics(container: &Value, status: Option<&Value>, lines: &mut Lines) {
    if let Some(status) = status {
        lines.field(2, "Container ID", text(status, "containerID"));
    }
    lines.field(2, "Image", text(container, "image"));
    if let Some(status) = status {
        lines.field(2, "Image ID", text(status, "imageID"));
    }
    let port = |port: &Value| {
        let (number, protocol) = (number(port, "containerPort"), text(port, "protocol"));
        match text(port, "name") {
            "" => format!("{number}/{protocol}"),
            name => format!("{number}/{protocol} ({name})"),
        }
    };
    let host = |port: &Value| format!("{}/{}", number(port, "hostPort"), text(port, "protocol"));
    let ports: Vec<String> = items(container, "ports").map(port).collect();
    let hosts: Vec<String> = items(container, "ports").map(host).collect();
    let plural = if ports.len() > 1 { "s" } else { "" };
    lines.field(2, &format!("Port{plural}"), or_none(&ports.join(", ")));
    lines.field(2, &format!("Host Port{plural}"), or_none(&hosts.join(", ")));
    let profile = at(container, "securityContext.seccompProfile");
    lines.some(2, "SeccompProfile", text(profile, "type"));
    lines.some(3, "LocalhostProfile", text(profile, "localhostProfile"));
}

fn words(label: &str, words: &Value, lines: &mut Lines) {
    let words = words.as_array().map(Vec::as_slice).unwrap_or_default();
    if words.is_empty() {
        return;
    }
    lines.line(2, &format!("{label}:"));
    for word in words.iter().filter_map(Value::as_str) {
        word.split('\n').for_each(|line| lines.line(3, line));
    }
}

/// What the container does now and did before.
fn run(status: &Value, lines: &mut Lines) {
    state("State", &status["state"], lines);
    if status["lastState"]["terminated"].is_object() {
        state("Last State", &status["lastState"], lines);
    }
    let ready = if status["ready"] == true {
        "True"
    } else {
        "False"
    };
    lines.field(2, "Ready", ready);
    lines.field(
        2,
        "Restart Count",
        &number(status, "restartCount").to_string(),
    );
}

fn state(label: &str, state: &Value, lines: &mut Lines) {
    if state["running"].is_object() {
        lines.field(2, label, "Running");
        lines.field(3, "Started", &date(text(state, "running.startedAt")));
    } else if state["terminated"].is_object() {
        let ended = &state["terminated"];
        lines.field(2, label, "Terminated");
        lines.some(3, "Reason", text(ended, "reason"));
        lines.some(3, "Message", text(ended, "message"));
        lines.field(3, "Exit Code", &number(ended, "exitCode").to_string());
        if number(ended, "signal") > 0 {
            lines.field(3, "Signal", &number(ended, "signal").to_string());
        }
        lines.field(3, "Started", &date(text(ended, "startedAt")));
        lines.field(3, "Finished", &date(text(ended, "finishedAt")));
    } else {
        lines.field(2, label, "Waiting");
        lines.some(3, "Reason", text(state, "waiting.reason"));
    }
}

fn quantities(label: &str, list: &Value, lines: &mut Lines) {
    let mut quantities = pairs(list).peekable();
    if quantities.peek().is_some() {
        lines.line(2, &format!("{label}:"));
        quantities.for_each(|(name, quantity)| lines.field(3, name, quantity));
    }
}

fn mounts(container: &Value, lines: &mut Lines) {
    let mut mounts: Vec<&Value> = items(container, "volumeMounts").collect();
    mounts.sort_by_key(|mount| text(mount, "mountPath"));
    let none = if mounts.is_empty() { "\t<none>" } else { "" };
    lines.line(2, &format!("Mounts:{none}"));
    for mount in mounts {
        let mut flags = if mount["readOnly"] == true {
            "ro"
        } else {
            "rw"
        }
        .to_owned();
        if !text(mount, "subPath").is_empty() {
            flags.push_str(&format!(",path={:?}", text(mount, "subPath")));
        }
        let (path, name) = (text(mount, "mountPath"), text(mount, "name"));
        lines.line(3, &format!("{path} from {name} ({flags})"));
    }
    let devices: Vec<&Value> = items(container, "volumeDevices").collect();
    if !devices.is_empty() {
        lines.line(2, "Devices:");
        for device in devices {
            let (path, name) = (text(device, "devicePath"), text(device, "name"));
            lines.line(3, &format!("{path} from {name}"));
        }
    }
}

pub(super) fn tolerations(title: &str, tolerations: &Value, lines: &mut Lines) {
    let mut all: Vec<&Value> = tolerations.as_array().into_iter().flatten().collect();
    all.sort_by_key(|toleration| text(toleration, "key"));
    let show = |toleration: &&Value| {
        let mut shown = text(toleration, "key").to_owned();
        for (mark, field) in [('=', "value"), (':', "effect")] {
            let value = text(toleration, field);
            if !value.is_empty() {
                shown.push(mark);
                shown.push_str(value);
            }
        }
        if text(toleration, "operator") == "Exists" && text(toleration, "value").is_empty() {
            shown.push_str(if shown.is_empty() {
                "op=Exists"
            } else {
                " op=Exists"
            });
        }
        if let Some(seconds) = toleration["tolerationSeconds"].as_i64() {
            shown.push_str(&format!(" for {seconds}s"));
        }
        shown
    };
    lines.values(title, &all.iter().map(show).collect::<Vec<_>>());
}

pub(super) fn topology(constraints: &Value, indent: &str, lines: &mut Lines) {
    let Some(constraints) = constraints.as_array().filter(|all| !all.is_empty()) else {
        return;
    };
    let mut sorted: Vec<&Value> = constraints.iter().collect();
    sorted.sort_by_key(|constraint| text(constraint, "topologyKey"));
    let show = |constraint: &&Value| {
        let selector = LabelSelector::from_value(Some(&constraint["labelSelector"]));
        let selector = selector.map_or_else(|_| String::new(), |selector| selector.to_string());
        format!(
            "{}:{} when max skew {} is exceeded for selector {selector}",
            text(constraint, "topologyKey"),
            text(constraint, "whenUnsatisfiable"),
            number(constraint, "maxSkew"),
        )
    };
    let shown: Vec<String> = sorted.iter().map(show).collect();
    lines.values(&format!("{indent}Topology Spread Constraints"), &shown);
}
