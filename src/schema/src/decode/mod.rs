//! From a request's bytes to an [`Object`] that holds only what its type knows, in one pass.
//!
//! Entry points: [`decode`] for JSON text, [`decode_value`] for what YAML or a patch gave.

mod head;
mod run;
mod scalar;
mod syntax;
mod time;

use std::fmt;

use apimachinery::Object;
use serde::de::DeserializeSeed;
use serde_json::{Map, Value};

use crate::facts::TypeRef;
use crate::walk;
use run::{Node, Run};

/// `fieldValidation` of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validation {
    /// Unknown and duplicate fields are dropped in silence.
    Ignore,
    /// They are dropped, and each is a warning.
    #[default]
    Warn,
    /// They refuse the request.
    Strict,
}

/// Levels of objects and lists that an object may have, since it must be read back: parsing
/// stops there. Upstream's bound is 10,000, for stacks that grow.
pub const MAX_DEPTH: usize = 127;

/// Something a strict decoder refuses. Displayed in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StrictError {
    /// The path of a field that the type does not have: `spec.containers[0].foo`.
    Unknown(String),
    /// The path of a field that came twice; the last one counted.
    Duplicate(String),
    /// A text of another decoder, as it is: YAML's `key "x" already set in map`.
    Other(String),
}

/// An object pruned to its type, with canonical quantities and times and without nulls.
#[derive(Debug, PartialEq)]
pub struct Decoded {
    pub object: Object,
    /// What was dropped, in the order of the text; empty under [`Validation::Ignore`].
    pub strict: Vec<StrictError>,
}

/// Why a body is no object of its type. The texts are Go's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON: `invalid character 'x' looking for beginning of value`.
    #[error("{0}")]
    Syntax(String),
    /// JSON of another form: `json: cannot unmarshal string into Go struct field …`.
    #[error("{0}")]
    Mismatch(String),
    /// Unknown or duplicate fields under [`Validation::Strict`].
    #[error("strict decoding error: {}", join(.0))]
    Strict(Vec<StrictError>),
}

impl Validation {
    /// From the query parameter; an empty one is the default. `None` for any other word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "Warn" => Some(Self::Warn),
            "Ignore" => Some(Self::Ignore),
            "Strict" => Some(Self::Strict),
            _ => None,
        }
    }
}

/// The errors in one line, as they follow `strict decoding error: `.
#[must_use]
pub fn join(errors: &[StrictError]) -> String {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

impl fmt::Display for StrictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(path) => write!(f, "unknown field {path:?}"),
            Self::Duplicate(path) => write!(f, "duplicate field {path:?}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// Decodes JSON text.
///
/// Nulls count as absent, unknown fields are dropped, names are case-sensitive. At most 127
/// levels deep.
///
/// # Errors
/// See [`DecodeError`]; a syntax error anywhere wins over a mismatch, a mismatch over strictness.
pub fn decode(
    bytes: &[u8],
    ty: TypeRef<'_>,
    validation: Validation,
) -> Result<Decoded, DecodeError> {
    let (text, mut mended) = (syntax::text(bytes), String::new());
    let read = |text: &str| {
        let mut source = serde_json::Deserializer::from_str(text);
        let mut run = Run::new(validation != Validation::Ignore);
        let value = Node::root(&mut run, ty).deserialize(&mut source)?;
        source.end().map(|()| (value, run))
    };
    let (value, mut run) = syntax::parse(&text, &mut mended, read)?;
    run.quote(&text);
    finish(value, run, validation)
}

/// Decodes a JSON value, pruning it as [`decode`] does. `strict` holds what an earlier decoder
/// found, such as YAML's duplicate keys; it comes first.
///
/// # Errors
/// As [`decode`], without syntax errors; a value deeper than [`MAX_DEPTH`] is a mismatch.
pub fn decode_value(
    value: Value,
    ty: TypeRef<'_>,
    validation: Validation,
    strict: Vec<StrictError>,
) -> Result<Decoded, DecodeError> {
    if walk::deeper_than(&value, MAX_DEPTH) {
        return Err(DecodeError::Mismatch("exceeded max depth".into()));
    }
    let mut run = Run::new(validation != Validation::Ignore);
    for error in strict {
        run.refuse(error);
    }
    let value = Node::root(&mut run, ty)
        .deserialize(value)
        .map_err(|error| DecodeError::Mismatch(error.to_string()))?;
    finish(value, run, validation)
}

/// A JSON object of whatever fields, such as a merge patch; `null` is an empty one.
///
/// # Errors
/// In Go's words, as [`decode`].
pub fn map(bytes: &[u8]) -> Result<Map<String, Value>, DecodeError> {
    let (text, mut mended) = (syntax::text(bytes), String::new());
    let value: Value = syntax::parse(&text, &mut mended, serde_json::from_str)?;
    let found = match value {
        Value::Object(map) => return Ok(map),
        Value::Null => return Ok(Map::new()),
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
    };
    Err(DecodeError::Mismatch(format!(
        "json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
    )))
}

/// A JSON error in Go's words, for bodies that are no objects, such as JSON patches.
pub(crate) fn go_syntax(error: &serde_json::Error, bytes: &[u8]) -> String {
    syntax::error(error, bytes).to_string()
}

fn finish(value: Value, run: Run<'_>, validation: Validation) -> Result<Decoded, DecodeError> {
    let (strict, mismatch) = run.into_findings();
    if let Some(text) = mismatch {
        return Err(DecodeError::Mismatch(text));
    }
    if validation == Validation::Strict && !strict.is_empty() {
        return Err(DecodeError::Strict(strict));
    }
    // A top-level `null` decodes into Go's zero struct.
    let object = Object::from_value(value).unwrap_or_default();
    Ok(Decoded { object, strict })
}

/// `apiVersion` and `kind` of a body, each empty when absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeMeta {
    pub api_version: String,
    pub kind: String,
}

/// Reads only what a body says it is.
///
/// # Errors
/// `couldn't get version/kind; json parse error: …` when the body is not JSON, or either field
/// is not a text.
pub fn type_meta(bytes: &[u8]) -> Result<TypeMeta, DecodeError> {
    let prefix = "couldn't get version/kind; json parse error: ";
    let (text, mut mended) = (syntax::text(bytes), String::new());
    syntax::parse(&text, &mut mended, head::read)
        .and_then(|head| head)
        .map_err(|error| DecodeError::Syntax(format!("{prefix}{error}")))
}

#[cfg(test)]
mod tests;
