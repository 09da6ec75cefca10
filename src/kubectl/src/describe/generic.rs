//! Any other kind: its fields by name.

use serde_json::{Map, Value};

use super::lines::{LAST_APPLIED, Lines, at, plain, text};

pub(super) fn describe(object: &Value, lines: &mut Lines) {
    lines.field(0, "Name", text(object, "metadata.name"));
    lines.field(0, "Namespace", text(object, "metadata.namespace"));
    lines.labels("Labels", at(object, "metadata.labels"));
    lines.annotations("Annotations", at(object, "metadata.annotations"));
    let mut rest = object.as_object().cloned().unwrap_or_default();
    if let Some(metadata) = rest.get_mut("metadata").and_then(Value::as_object_mut) {
        for shown in [
            "name",
            "namespace",
            "labels",
            "annotations",
            "managedFields",
        ] {
            metadata.remove(shown);
        }
    }
    rest.remove(LAST_APPLIED);
    map(&rest, 0, lines);
}

fn map(map: &Map<String, Value>, level: usize, lines: &mut Lines) {
    let mut fields: Vec<(String, &Value)> =
        map.iter().map(|(key, value)| (label(key), value)).collect();
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    for (label, value) in fields {
        match value {
            Value::Object(below) => {
                lines.line(level, &format!("{label}:"));
                self::map(below, level + 1, lines);
            }
            Value::Array(items) => {
                lines.line(level, &format!("{label}:"));
                items
                    .iter()
                    .for_each(|item| self::item(item, level + 1, lines));
            }
            other => lines.field(level, &label, &shown(other)),
        }
    }
}

fn item(item: &Value, level: usize, lines: &mut Lines) {
    match item {
        Value::Object(below) => map(below, level, lines),
        Value::Array(items) => items
            .iter()
            .for_each(|item| self::item(item, level + 1, lines)),
        other => lines.line(level, &shown(other)),
    }
}

fn shown(value: &Value) -> String {
    if value.is_null() {
        "<nil>".into()
    } else {
        plain(value)
    }
}

/// `restartPolicy` becomes `Restart Policy`, `apiVersion` becomes `API Version`. Keys that are
/// no field names stay as they are.
fn label(key: &str) -> String {
    if key.contains(['.', '/', '-']) {
        return key.to_owned();
    }
    let chars: Vec<char> = key.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (at, char) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after = chars.get(at + 1);
        let begins = char.is_uppercase()
            && (before.is_some_and(|c| !c.is_uppercase())
                || after.is_some_and(|c| c.is_lowercase()));
        match words.last_mut() {
            Some(word) if !begins => word.push(*char),
            _ => words.push(char.to_string()),
        }
    }
    let title = |word: &String| match word.to_uppercase().as_str() {
        upper @ ("API" | "URL" | "UID") => upper.to_owned(),
        _ => {
            let mut chars = word.chars();
            let first = chars.next().map(|first| first.to_uppercase().to_string());
            first.unwrap_or_default() + chars.as_str()
        }
    };
    words.iter().map(title).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn labels_are_titles() {
        let rows = [
            ("apiVersion", "API Version"),
            ("restartPolicy", "Restart Policy"),
            ("uid", "UID"),
            ("clusterIPs", "Cluster I Ps"),
            ("kind", "Kind"),
            ("app.kubernetes.io/name", "app.kubernetes.io/name"),
        ];
        for (key, title) in rows {
            assert_eq!(label(key), title);
        }
    }
}
