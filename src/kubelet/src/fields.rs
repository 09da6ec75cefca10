//! `fieldRef`: what a pod may read of itself.

use std::collections::BTreeMap;

use crate::env::PodFacts;

/// The value at a field path, or `None` for a path that is not supported.
pub fn read(path: &str, facts: &PodFacts<'_>) -> Option<String> {
    let metadata = &facts.pod.metadata;
    let spec = facts.pod.spec.as_ref();
    if let Some((map, key)) = subscript(path) {
        let map = match map {
            "metadata.labels" => metadata.labels.as_ref(),
            "metadata.annotations" => metadata.annotations.as_ref(),
            _ => return None,
        };
        return Some(
            map.and_then(|map| map.get(key))
                .cloned()
                .unwrap_or_default(),
        );
    }
    let value = match path {
        "metadata.name" => metadata.name.clone(),
        "metadata.namespace" => metadata.namespace.clone(),
        "metadata.uid" => metadata.uid.clone(),
        "metadata.labels" => Some(format_map(metadata.labels.as_ref())),
        "metadata.annotations" => Some(format_map(metadata.annotations.as_ref())),
        "spec.nodeName" => spec.and_then(|spec| spec.node_name.clone()),
        "spec.serviceAccountName" => spec.and_then(|spec| spec.service_account_name.clone()),
        "status.hostIP" | "status.hostIPs" => Some(facts.host_ip.to_owned()),
        "status.podIP" => facts.pod_ips.first().cloned(),
        "status.podIPs" => Some(facts.pod_ips.join(",")),
        _ => return None,
    };
    Some(value.unwrap_or_default())
}

/// `metadata.labels['app']` as map and key.
fn subscript(path: &str) -> Option<(&str, &str)> {
    let (map, key) = path.split_once("['")?;
    Some((map, key.strip_suffix("']")?))
}

/// `key="escaped value"`, one a line, sorted.
fn format_map(map: Option<&BTreeMap<String, String>>) -> String {
    let lines = map
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={value:?}"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::{Kind, Pod};

    #[test]
    fn fields_read_as_upstream() {
        let pod =
            br#"{"metadata": {"name": "p", "namespace": "n", "labels": {"b": "2", "a": "x\"y"}},
                       "spec": {"containers": [], "nodeName": "node"}}"#;
        let pod = Pod::decode(pod).expect("a pod");
        let facts = PodFacts {
            pod: &pod,
            pod_ips: &["10.42.0.5".to_owned()],
            host_ip: "192.0.2.1",
            allocatable: &BTreeMap::new(),
        };
        let rows = [
            ("metadata.name", Some("p")),
            ("metadata.labels", Some("a=\"x\\\"y\"\nb=\"2\"")),
            ("metadata.labels['b']", Some("2")),
            ("metadata.labels['absent']", Some("")),
            ("spec.nodeName", Some("node")),
            ("status.podIP", Some("10.42.0.5")),
            ("status.hostIP", Some("192.0.2.1")),
            ("spec.containers", None),
        ];
        for (path, expected) in rows {
            assert_eq!(read(path, &facts).as_deref(), expected, "{path}");
        }
    }
}
