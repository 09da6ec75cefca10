//! Lines of a description, with tabs between cells.

use apimachinery::time;
use serde_json::Value;

pub(super) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Longer annotations get lines of their own.
const MAX_ANNOTATION: usize = 140;

/// The text so far.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub text: String,
}

impl Lines {
    /// A line, two blanks in for each level.
    pub(super) fn line(&mut self, level: usize, text: &str) {
        self.text.push_str(&"  ".repeat(level));
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// `Label:<tab>value`.
    pub(super) fn field(&mut self, level: usize, label: &str, value: &str) {
        self.line(level, &format!("{label}:\t{value}"));
    }

    /// A field that is left out when empty.
    pub(super) fn some(&mut self, level: usize, label: &str, value: &str) {
        if !value.is_empty() {
            self.field(level, label, value);
        }
    }

    /// A field with one value a line.
    pub(super) fn values(&mut self, title: &str, values: &[String]) {
        if values.is_empty() {
            self.field(0, title, "<none>");
        }
        for (at, value) in values.iter().enumerate() {
            let start = if at == 0 {
                format!("{title}:")
            } else {
                String::new()
            };
            self.line(0, &format!("{start}\t{value}"));
        }
    }

    /// `k=v` a line.
    pub(super) fn labels(&mut self, title: &str, labels: &Value) {
        let pairs = pairs(labels).map(|(key, value)| format!("{key}={value}"));
        self.values(title, &pairs.collect::<Vec<_>>());
    }

    pub(super) fn annotations(&mut self, title: &str, annotations: &Value) {
        let mut values = Vec::new();
        for (key, value) in pairs(annotations).filter(|(key, _)| *key != LAST_APPLIED) {
            let value = value.strip_suffix('\n').unwrap_or(value);
            if value.len() + key.len() + 2 <= MAX_ANNOTATION && !value.contains('\n') {
                values.push(format!("{key}: {value}"));
                continue;
            }
            values.push(format!("{key}:"));
            values.extend(
                value
                    .split('\n')
                    .map(|line| format!("  {}", shortened(line))),
            );
        }
        self.values(title, &values);
    }
}

fn shortened(line: &str) -> String {
    let most = MAX_ANNOTATION - 2;
    if line.len() <= most {
        return line.to_owned();
    }
    let end = (0..=most).rev().find(|at| line.is_char_boundary(*at));
    format!("{}...", &line[..end.unwrap_or(0)])
}

/// The entries of a map of texts, by key.
pub(super) fn pairs(map: &Value) -> impl Iterator<Item = (&str, &str)> {
    let entries = map.as_object().into_iter().flatten();
    entries.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
}

/// The text at a path such as `spec.nodeName`; empty when there is none.
pub(super) fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    at(value, path).as_str().unwrap_or_default()
}

pub(super) fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(value, |value, field| &value[field])
}

pub(super) fn number(value: &Value, path: &str) -> i64 {
    at(value, path).as_i64().unwrap_or(0)
}

pub(super) fn items<'v>(value: &'v Value, path: &str) -> impl Iterator<Item = &'v Value> {
    at(value, path).as_array().into_iter().flatten()
}

/// A plain value as Go's `%v` prints it.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

pub(super) fn or_none(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}

/// `Mon, 02 Jan 2006 15:04:05 +0000`.
pub(super) fn date(text: &str) -> String {
    match time::parse(text) {
        Some(time) => {
            let zoned = time.to_zoned(jiff::tz::TimeZone::system());
            zoned.strftime("%a, %d %b %Y %H:%M:%S %z").to_string()
        }
        None => "<unset>".into(),
    }
}
