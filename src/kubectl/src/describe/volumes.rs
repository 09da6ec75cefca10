//! A pod's volumes.

use serde_json::Value;

use super::lines::{Lines, items, pairs, plain, text};

pub(super) fn volumes(volumes: &Value, indent: &str, lines: &mut Lines) {
    let volumes = volumes.as_array().map(Vec::as_slice).unwrap_or_default();
    if volumes.is_empty() {
        lines.line(0, &format!("{indent}Volumes:\t<none>"));
        return;
    }
    lines.line(0, &format!("{indent}Volumes:"));
    let name_indent = if indent.is_empty() { "" } else { " " };
    for volume in volumes {
        lines.line(1, &format!("{name_indent}{}:", text(volume, "name")));
        one(volume, lines);
    }
}

fn one(volume: &Value, lines: &mut Lines) {
    let mut sources = volume.as_object().into_iter().flatten();
    let Some((kind, source)) = sources.find(|(key, _)| *key != "name") else {
        lines.line(2, "<unknown>");
        return;
    };
    let flag = |field: &str| (source[field] == true).to_string();
    let (what, fields): (&str, Vec<(&str, String)>) = match kind.as_str() {
        "emptyDir" => (
            "EmptyDir (a temporary directory that shares a pod's lifetime)",
            vec![
                ("Medium", text(source, "medium").to_owned()),
                ("SizeLimit", or(&plain(&source["sizeLimit"]), "<unset>")),
            ],
        ),
        "hostPath" => (
            "HostPath (bare host directory volume)",
            vec![
                ("Path", text(source, "path").to_owned()),
                ("HostPathType", or_null(&source["type"])),
            ],
        ),
        "secret" => (
            "Secret (a volume populated by a Secret)",
            vec![
                ("SecretName", text(source, "secretName").to_owned()),
                ("Optional", flag("optional")),
            ],
        ),
        "configMap" => (
            "ConfigMap (a volume populated by a ConfigMap)",
            vec![
                ("Name", text(source, "name").to_owned()),
                ("Optional", flag("optional")),
            ],
        ),
        "persistentVolumeClaim" => (
            "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
            vec![
                ("ClaimName", text(source, "claimName").to_owned()),
                ("ReadOnly", flag("readOnly")),
            ],
        ),
        "csi" => (
            "CSI (a Container Storage Interface (CSI) volume source)",
            vec![
                ("Driver", text(source, "driver").to_owned()),
                ("FSType", text(source, "fsType").to_owned()),
                ("ReadOnly", flag("readOnly")),
                ("VolumeAttributes", attributes(&source["volumeAttributes"])),
            ],
        ),
        "image" => (
            "Image (a container image or OCI artifact)",
            vec![
                ("Reference", text(source, "reference").to_owned()),
                ("PullPolicy", text(source, "pullPolicy").to_owned()),
            ],
        ),
        "projected" => (
            "Projected (a volume that contains injected data from multiple sources)",
            items(source, "sources").flat_map(projected).collect(),
        ),
        "downwardAPI" => {
            return downward(source, lines);
        }
        _ => ("<unknown>", Vec::new()),
    };
    lines.field(2, "Type", what);
    fields
        .iter()
        .for_each(|(label, value)| lines.field(2, label, value));
}

fn or(text: &str, instead: &str) -> String {
    if text.is_empty() {
        instead.to_owned()
    } else {
        text.to_owned()
    }
}

/// A pointer in Go: empty is not the same as absent.
fn or_null(value: &Value) -> String {
    value.as_str().unwrap_or("<none>").to_owned()
}

fn attributes(map: &Value) -> String {
    let pairs: Vec<String> = pairs(map)
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    or(&pairs.join(","), "<none>")
}

fn projected(source: &Value) -> Vec<(&'static str, String)> {
    if let Some(token) = source.get("serviceAccountToken") {
        return vec![("TokenExpirationSeconds", plain(&token["expirationSeconds"]))];
    }
    let named = |label, source: &Value| {
        let optional = source["optional"] == true;
        vec![
            (label, text(source, "name").to_owned()),
            ("Optional", optional.to_string()),
        ]
    };
    if let Some(map) = source.get("configMap") {
        return named("ConfigMapName", map);
    }
    if let Some(secret) = source.get("secret") {
        return named("SecretName", secret);
    }
    if source.get("downwardAPI").is_some() {
        return vec![("DownwardAPI", "true".into())];
    }
    Vec::new()
}

fn downward(source: &Value, lines: &mut Lines) {
    lines.field(
        2,
        "Type",
        "DownwardAPI (a volume populated by information about the pod)",
    );
    lines.line(2, "Items:");
    for item in items(source, "items") {
        let path = text(item, "path");
        if item["fieldRef"].is_object() {
            lines.line(
                3,
                &format!("{} -> {path}", text(item, "fieldRef.fieldPath")),
            );
        }
        if item["resourceFieldRef"].is_object() {
            lines.line(
                3,
                &format!("{} -> {path}", text(item, "resourceFieldRef.resource")),
            );
        }
    }
}
