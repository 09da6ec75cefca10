//! A container's environment.

use serde_json::Value;

use crate::describe::lines::{Lines, items, text};

pub(super) fn environment(container: &Value, pod: Option<&Value>, lines: &mut Lines) {
    let sources: Vec<&Value> = items(container, "envFrom").collect();
    if !sources.is_empty() {
        lines.line(2, "Environment Variables from:");
        sources.iter().for_each(|source| whole(source, lines));
    }
    let variables: Vec<&Value> = items(container, "env").collect();
    let none = if variables.is_empty() { "\t<none>" } else { "" };
    lines.line(2, &format!("Environment:{none}"));
    for variable in variables {
        if variable["valueFrom"].is_object() {
            let name = text(variable, "name");
            let value = from(&variable["valueFrom"], container, pod);
            lines.field(3, name, &value);
            continue;
        }
        let name = format!("{}:", text(variable, "name"));
        for (at, line) in text(variable, "value").split('\n').enumerate() {
            let start = if at == 0 { name.as_str() } else { "" };
            lines.line(3, &format!("{start}\t{line}"));
        }
    }
}

/// All keys of a config map or secret.
fn whole(source: &Value, lines: &mut Lines) {
    let (kind, reference) = match source.get("configMapRef") {
        Some(reference) => ("ConfigMap", reference),
        None => ("Secret", &source["secretRef"]),
    };
    let prefix = match text(source, "prefix") {
        "" => String::new(),
        prefix => format!(" with prefix '{prefix}'"),
    };
    let name = text(reference, "name");
    lines.line(
        3,
        &format!("{name}\t{kind}{prefix}\tOptional: {}", optional(reference)),
    );
}

fn optional(reference: &Value) -> bool {
    reference["optional"] == true
}

fn from(source: &Value, container: &Value, pod: Option<&Value>) -> String {
    let key_of = |reference: &Value, what: &str| {
        let (key, name) = (text(reference, "key"), text(reference, "name"));
        let optional = optional(reference);
        format!("<set to the key '{key}' {what} '{name}'>\tOptional: {optional}")
    };
    if let Some(field) = source.get("fieldRef") {
        let path = text(field, "fieldPath");
        let value = pod.map_or(String::new(), |pod| of_field(pod, path));
        return format!("{value} ({}:{path})", text(field, "apiVersion"));
    }
    if let Some(reference) = source.get("resourceFieldRef") {
        let resource = text(reference, "resource");
        return format!("{} ({resource})", of_resource(container, resource));
    }
    if let Some(reference) = source.get("secretKeyRef") {
        return key_of(reference, "in secret");
    }
    match source.get("configMapKeyRef") {
        Some(reference) => key_of(reference, "of config map"),
        None => String::new(),
    }
}

/// `metadata.name`, `status.podIP`. kubectl resolves no single label or annotation.
fn of_field(pod: &Value, path: &str) -> String {
    text(pod, path).to_owned()
}

/// `limits.cpu` and the like: what the container has, in whole units.
fn of_resource(container: &Value, resource: &str) -> String {
    let Some((list, name)) = resource.split_once('.') else {
        return String::new();
    };
    let quantity = container["resources"][list][name].as_str();
    match quantity.and_then(|text| text.parse::<apimachinery::Quantity>().ok()) {
        Some(quantity) => quantity.units().to_string(),
        None if list == "limits" => "node allocatable".into(),
        None => "0".into(),
    }
}
