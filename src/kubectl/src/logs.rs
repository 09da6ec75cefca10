//! `kubectl logs`.

use anyhow::{Result, bail};
use apimachinery::LabelSelector;
use client::{ClientError, Query};
use futures::StreamExt;
use jiff::Unit;
use serde_json::Value;

use crate::duration;
use crate::flags::{Flag, Parsed, switch, value};
use crate::session::{JSON, Session};
use crate::target::{Target, targets};

pub(crate) const FLAGS: &[Flag] = &[
    switch("follow", "Go on as lines are written").short('f'),
    value("container", "Of this container").short('c'),
    switch("all-containers", "Of all containers"),
    value("tail", "At most this many of the last lines; -1 for all").default("-1"),
    value("since", "Not older than this, such as 5s, 2m or 3h"),
    value("since-time", "Not older than this time (RFC3339)"),
    switch("timestamps", "Each line with its time"),
    switch("previous", "Of the container's previous run").short('p'),
    value("limit-bytes", "At most this many bytes"),
    value("selector", "Of all pods with these labels").short('l'),
    switch("prefix", "Each line with its pod and container"),
];

const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

pub(crate) async fn run(session: &mut Session, parsed: &Parsed) -> Result<()> {
    let pods = pods(session, parsed).await?;
    let query = query(parsed)?;
    let mut sources = Vec::new();
    for pod in &pods {
        for container in containers(session, parsed, pod)? {
            sources.push((pod, container));
        }
    }
    if parsed.is_true("follow") && sources.len() > 1 {
        bail!("rk3s kubectl follows one container at a time; choose one with -c");
    }
    for (pod, container) in sources {
        let name = text(pod, "/metadata/name");
        let gvr = apimachinery::GroupVersionResource::new("", "v1", "pods");
        let uri = client::path(&gvr, text(pod, "/metadata/namespace"), &[name, "log"]);
        let of_container = Query::default().with("container", &container);
        let rest = query.as_str().replacen('?', "&", 1);
        let uri = format!("{uri}{}{rest}", of_container.as_str());
        let prefix = if parsed.is_true("prefix") {
            format!("[pod/{name}/{container}] ")
        } else {
            String::new()
        };
        stream(session, &uri, &prefix).await?;
    }
    Ok(())
}

fn query(parsed: &Parsed) -> Result<Query> {
    let flag = |name: &str| if parsed.is_true(name) { "true" } else { "" };
    let mut query = Query::default()
        .with("follow", flag("follow"))
        .with("previous", flag("previous"))
        .with("timestamps", flag("timestamps"))
        .with("sinceTime", parsed.text("since-time"));
    let since = parsed.text("since");
    if !since.is_empty() {
        let since = duration::of_flag("since", since)?;
        if !since.is_zero() {
            // The server counts whole seconds, and tells what it thinks of less than one.
            let seconds = since.round(Unit::Second)?.as_secs();
            query = query.with("sinceSeconds", &seconds.to_string());
        }
    }
    let selected = parsed.is_given("selector") && !parsed.is_given("tail");
    let tail = if selected {
        Some(10)
    } else {
        parsed.number("tail")?
    };
    let natural = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    Ok(query
        .with_number("tailLines", natural(tail))
        .with_number("limitBytes", natural(parsed.number("limit-bytes")?)))
}

/// The pods asked for, of a workload the one that is most worth reading.
async fn pods(session: &mut Session, parsed: &Parsed) -> Result<Vec<Value>> {
    let namespace = session.namespace.clone();
    let selector = parsed.text("selector");
    if !selector.is_empty() {
        if !parsed.args.is_empty() {
            bail!("only a selector (-l) or a POD name is allowed");
        }
        let pods = list(session, &namespace, selector).await?;
        if pods.is_empty() {
            session.warn(&format!("No resources found in {namespace} namespace."));
        }
        return Ok(pods);
    }
    let target = match parsed.args.as_slice() {
        [one] if one.contains('/') => {
            let mut found = targets(session.discovery().await?, std::slice::from_ref(one))?;
            found.remove(0)
        }
        [name] | [name, _] => Target {
            found: session.discovery().await?.find("pods")?.clone(),
            names: vec![name.clone()],
        },
        _ => bail!(
            "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a \
             required argument for the logs command\nSee 'kubectl logs -h' for help and examples"
        ),
    };
    let resource = &target.found.resource;
    let name = target.names.first().map_or("", String::as_str);
    let object = session
        .get(&client::path(&resource.gvr(), &namespace, &[name]))
        .await
        .map_err(|error| as_logs_says(error, &namespace))?;
    if resource.plural == "pods" {
        return Ok(vec![object]);
    }
    let selector = object.pointer("/spec/selector");
    let Some(selector) = selector.filter(|selector| selector.is_object()) else {
        bail!(
            "cannot get the logs from {}: it has no pods",
            target.found.group_version()
        );
    };
    let selector = match LabelSelector::from_value(Some(selector)) {
        Ok(parsed)
            if selector.get("matchLabels").is_some()
                || selector.get("matchExpressions").is_some() =>
        {
            parsed.to_string()
        }
        // Services and replication controllers select by a plain map.
        _ => LabelSelector::from_map(Some(selector)).to_string(),
    };
    let mut pods = list(session, &namespace, &selector).await?;
    pods.sort_by_key(rank);
    if pods.is_empty() {
        bail!("timed out waiting for the condition");
    }
    if pods.len() > 1 {
        let chosen = text(&pods[0], "/metadata/name");
        session.warn(&format!("Found {} pods, using pod/{chosen}", pods.len()));
    }
    pods.truncate(1);
    Ok(pods)
}

/// Running and ready first.
fn rank(pod: &Value) -> (bool, bool, String) {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    let ready = conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    let running = text(pod, "/status/phase") == "Running";
    (
        !running,
        !ready,
        text(pod, "/metadata/creationTimestamp").to_owned(),
    )
}

async fn list(
    session: &Session,
    namespace: &str,
    selector: &str,
) -> Result<Vec<Value>, ClientError> {
    let gvr = apimachinery::GroupVersionResource::new("", "v1", "pods");
    let query = Query::default()
        .with("labelSelector", selector)
        .with("limit", "500");
    let uri = client::path(&gvr, namespace, &[]) + query.as_str();
    let mut listed = crate::get::fetch(session, &uri, JSON, "items").await?;
    match listed["items"].take() {
        Value::Array(pods) => Ok(pods),
        _ => Ok(Vec::new()),
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn names<'v>(pod: &'v Value, field: &str) -> Vec<&'v str> {
    let containers = pod["spec"][field].as_array().into_iter().flatten();
    containers
        .filter_map(|container| container["name"].as_str())
        .collect()
}

/// The containers to read: the one asked for, all, or the default one.
fn containers(session: &mut Session, parsed: &Parsed, pod: &Value) -> Result<Vec<String>> {
    let (init, main) = (names(pod, "initContainers"), names(pod, "containers"));
    let ephemeral = names(pod, "ephemeralContainers");
    if parsed.is_true("all-containers") {
        let all = init.iter().chain(&main).chain(&ephemeral);
        return Ok(all.map(|name| (*name).to_owned()).collect());
    }
    let asked = match parsed.args.as_slice() {
        [_, container] => container.as_str(),
        _ => parsed.text("container"),
    };
    if !asked.is_empty() {
        if init
            .iter()
            .chain(&main)
            .chain(&ephemeral)
            .any(|name| *name == asked)
        {
            return Ok(vec![asked.to_owned()]);
        }
        let name = text(pod, "/metadata/name");
        bail!("container {asked} is not valid for pod {name}");
    }
    let default = pod["metadata"]["annotations"][DEFAULT_CONTAINER]
        .as_str()
        .unwrap_or_default();
    if main.contains(&default) {
        return Ok(vec![default.to_owned()]);
    }
    let Some(first) = main.first() else {
        bail!("no container in pod {}", text(pod, "/metadata/name"));
    };
    if main.len() + init.len() + ephemeral.len() > 1 {
        let marked = |names: &[&str], mark: &str| -> Vec<String> {
            names.iter().map(|name| format!("{name}{mark}")).collect()
        };
        let all = [
            marked(&main, ""),
            marked(&ephemeral, " (ephem)"),
            marked(&init, " (init)"),
        ];
        let all = all.concat().join(", ");
        session.warn(&format!("Defaulted container {first:?} out of: {all}"));
    }
    Ok(vec![(*first).to_owned()])
}

async fn stream(session: &mut Session, uri: &str, prefix: &str) -> Result<()> {
    let mut body = session.client()?.get_stream(uri).await?;
    let mut at_start = true;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(ClientError::from)?;
        if prefix.is_empty() {
            session.out.write_all(&chunk)?;
        } else {
            for line in chunk.split_inclusive(|byte| *byte == b'\n') {
                if at_start {
                    session.out.write_all(prefix.as_bytes())?;
                }
                session.out.write_all(line)?;
                at_start = line.ends_with(b"\n");
            }
        }
        session.out.flush()?;
    }
    Ok(())
}

/// A missing object, in the words that `logs` alone uses.
fn as_logs_says(error: ClientError, namespace: &str) -> anyhow::Error {
    if error.is_not_found() {
        return anyhow::anyhow!(
            "error from server (NotFound): {} in namespace {namespace:?}",
            error
                .status()
                .map_or_else(|| error.to_string(), ToString::to_string)
        );
    }
    error.into()
}
