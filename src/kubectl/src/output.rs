//! Objects in the formats of `-o`.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::discovery::Found;

/// `-o`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A table, or the command's own words.
    Plain,
    Wide,
    Yaml,
    Json,
    Name,
}

impl Format {
    /// # Errors
    /// For a format that is not there.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        match text {
            "" => Ok(Self::Plain),
            "wide" => Ok(Self::Wide),
            "yaml" => Ok(Self::Yaml),
            "json" => Ok(Self::Json),
            "name" => Ok(Self::Name),
            other => bail!(
                "unable to match a printer suitable for the output format {other:?}, allowed \
                 formats are: json,name,wide,yaml"
            ),
        }
    }

    pub(crate) fn is_table(self) -> bool {
        matches!(self, Self::Plain | Self::Wide)
    }

    /// An object as YAML or JSON.
    pub(crate) fn object(self, value: &Value) -> String {
        match self {
            Self::Yaml => schema::yaml::encode(value),
            _ => json_text(value),
        }
    }
}

/// `pod/web`, `deployment.apps/web`.
pub(crate) fn name(found: &Found, object: &Value) -> String {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    format!("{}/{name}", found.display_name())
}

/// Several objects as one.
pub(crate) fn list(items: Vec<Value>) -> Value {
    json!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}})
}

/// Takes away what only machines read.
pub(crate) fn without_managed_fields(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

/// JSON with four blanks a level and a line end, with Go's escapes.
fn json_text(value: &Value) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    serde::Serialize::serialize(value, &mut serializer).expect("a value always prints");
    let text = String::from_utf8(out).expect("JSON is UTF-8");
    go_escapes(&text) + "\n"
}

/// Compact JSON as Go writes it.
pub(crate) fn compact(value: &Value) -> String {
    go_escapes(&value.to_string())
}

/// Go escapes what HTML and JavaScript would read otherwise; these stand only in strings.
fn go_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(char)));
            }
            _ => out.push(char),
        }
    }
    out
}
