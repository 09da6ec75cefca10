//! YAML as kubectl and the API server read and print it: the rules of Go's `sigs.k8s.io/yaml`,
//! on the events of libyaml-safer.
//!
//! Entry points: [`decode`], [`decode_all`] and [`encode`]. What YAML 1.1 calls `yes`, `0777` or
//! `1_000` is a boolean, 511 and 1000; keys become texts; the last of two equal keys counts.

mod build;
mod compose;
mod emit;
mod number;
mod order;
mod resolve;
mod split;
mod tag;

use serde_json::Value;

pub use emit::encode;

/// Deeper documents are refused; JSON's parser has the same limit.
const MAX_DEPTH: usize = 127;

/// One document as JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// `Null` for an empty document.
    pub value: Value,
    /// What a strict reader says of keys that came twice: one text for all of them, in Go's
    /// words (`yaml: unmarshal errors:\n  line 3: key "a" already set in map`), or none.
    pub duplicates: Vec<String>,
}

/// Why a text is no YAML, or no JSON. The texts are Go's, with the line where Go tells one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// The text's form: `line 2: mapping values are not allowed in this context`.
    #[error("yaml: {0}")]
    Yaml(String),
    /// A key that JSON cannot hold: `unsupported map key of type: …`.
    #[error("{0}")]
    Key(String),
    /// A number that JSON cannot hold.
    #[error("json: unsupported value: {0}")]
    Number(&'static str),
    /// What follows a document's separator is neither blank nor a comment.
    #[error("invalid Yaml document separator: {0}")]
    Separator(String),
}

/// The first document of a text, which may be JSON.
///
/// # Errors
/// See [`YamlError`].
pub fn decode(text: &str) -> Result<Document, YamlError> {
    if split::looks_like_json(text)
        && let Ok(value) = serde_json::from_str(text)
    {
        // JSON that Go's YAML parser refuses, such as surrogate pairs, has no duplicates to tell.
        let duplicates = decode_yaml(text).map_or_else(|_| Vec::new(), |d| d.duplicates);
        return Ok(Document { value, duplicates });
    }
    decode_yaml(text)
}

/// All documents of a text but the empty ones. Lines in errors count from the start of their
/// document, as kubectl's do.
///
/// # Errors
/// The first error of any document.
pub fn decode_all(text: &str) -> Result<Vec<Document>, YamlError> {
    let mut documents = Vec::new();
    for chunk in split::documents(text)? {
        match split::json_stream(&chunk) {
            Some(values) => documents.extend(values.into_iter().map(|value| Document {
                value,
                duplicates: Vec::new(),
            })),
            None => documents.push(decode_yaml(&chunk)?),
        }
    }
    documents.retain(|document| !document.value.is_null());
    Ok(documents)
}

fn decode_yaml(text: &str) -> Result<Document, YamlError> {
    match compose::compose(text)? {
        Some(tree) => build::build(&tree),
        None => Ok(Document::default()),
    }
}

#[cfg(test)]
mod tests;
