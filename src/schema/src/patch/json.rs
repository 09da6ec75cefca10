//! JSON patch, RFC 6902, as Go's `evanphx/json-patch` applies it: indices may be negative, and
//! `test` for null holds where there is nothing.

use serde::Deserialize;
use serde_json::Value;

use super::PatchError;

/// More operations are refused.
pub const MAX_OPERATIONS: usize = 10_000;

/// `copy` may add this many bytes of JSON in all: the size of the largest request.
pub const MAX_COPIED: usize = 3 * 1024 * 1024;

/// A patch that could nest the document deeper is refused: walking it would exhaust the stack.
pub const MAX_DEPTH: usize = 256;

/// Why a patch could not be applied. The texts are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonPatchError {
    /// Not a list of operations; the client's request is bad.
    #[error("{0}")]
    Syntax(String),
    /// More than [`MAX_OPERATIONS`]; the request is too large.
    #[error("The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {0}")]
    TooMany(usize),
    /// The document has no such place, or a test failed; the patch is unprocessable.
    #[error("{0}")]
    Refused(String),
}

#[derive(Deserialize)]
struct Operation {
    #[serde(default)]
    op: String,
    path: Option<String>,
    from: Option<String>,
    #[serde(default)]
    value: Value,
}

/// Applies a JSON patch. After an error the document is half patched: drop it.
///
/// # Errors
/// See [`JsonPatchError`].
pub fn json(document: &mut Value, patch: &[u8]) -> Result<(), PatchError> {
    let operations = read_operations(patch).map_err(JsonPatchError::Syntax)?;
    if operations.len() > MAX_OPERATIONS {
        return Err(JsonPatchError::TooMany(operations.len()).into());
    }
    let mut bounds = Bounds {
        copied: 0,
        depth: depth(document),
    };
    for operation in operations {
        apply(document, operation, &mut bounds).map_err(JsonPatchError::Refused)?;
    }
    Ok(())
}

fn read_operations(patch: &[u8]) -> Result<Vec<Operation>, String> {
    let wrong = |form, ty| format!("json: cannot unmarshal {form} into Go value of type {ty}");
    let patch: Value =
        serde_json::from_slice(patch).map_err(|error| crate::decode::go_syntax(&error, patch))?;
    let Value::Array(operations) = patch else {
        return Err(wrong(form(&patch), "jsonpatch.Patch"));
    };
    let operation = |value: Value| {
        let form = form(&value);
        serde_json::from_value(value).map_err(|_| wrong(form, "jsonpatch.Operation"))
    };
    operations.into_iter().map(operation).collect()
}

/// A value's form as Go names it.
fn form(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What a patch may use up.
struct Bounds {
    /// Bytes that `copy` has added.
    copied: usize,
    /// The document is at most this deep. Kept as a bound, because to measure after every
    /// operation would be slow.
    depth: usize,
}

impl Bounds {
    /// Makes room for a value of this depth at a path.
    fn nest(&mut self, path: &str, depth: usize) -> Result<(), String> {
        self.depth = self.depth.max(path.matches('/').count() + depth);
        if self.depth > MAX_DEPTH {
            return Err("exceeded max depth".into());
        }
        Ok(())
    }

    /// How deep a value at this path can be.
    fn below(&self, path: &str) -> usize {
        self.depth.saturating_sub(path.matches('/').count())
    }

    fn copy(&mut self, value: &Value) -> Result<(), String> {
        self.copied += value.to_string().len();
        if self.copied <= MAX_COPIED {
            return Ok(());
        }
        let copied = self.copied;
        Err(format!(
            "Unable to complete the copy, the accumulated size increase of copy is {copied}, \
             exceeding the limit {MAX_COPIED}"
        ))
    }
}

/// How many objects and lists stand around the deepest value.
fn depth(value: &Value) -> usize {
    let below = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(map) => map.values().map(depth).max(),
        _ => return 0,
    };
    1 + below.unwrap_or(0)
}

fn apply(document: &mut Value, operation: Operation, bounds: &mut Bounds) -> Result<(), String> {
    let Operation {
        op,
        path,
        from,
        value,
    } = operation;
    let path = path.ok_or("unable to decode operation path: missing value")?;
    let from = || from.ok_or("unable to decode operation from: missing value");
    match op.as_str() {
        "add" => {
            bounds.nest(&path, depth(&value))?;
            add(document, &path, value, "add")
        }
        "remove" => remove(document, &path).map(drop),
        "replace" => {
            bounds.nest(&path, depth(&value))?;
            replace(document, &path, value)
        }
        "move" => {
            let from = from()?;
            read(document, &from, "move")?;
            let value = remove(document, &from)?;
            bounds.nest(&path, bounds.below(&from))?;
            add(document, &path, value, "move")
        }
        "copy" => {
            let from = from()?;
            let value = read(document, &from, "copy")?.clone();
            bounds.copy(&value)?;
            bounds.nest(&path, bounds.below(&from))?;
            add(document, &path, value, "copy")
        }
        "test" => test(document, &path, &value),
        other => Err(format!("Unexpected kind: {other}")),
    }
}

/// The container that a path points into, and the last part of the path.
fn container<'v>(document: &'v mut Value, path: &str) -> Option<(&'v mut Value, String)> {
    let mut parts = path.split('/').map(unescape);
    // What stands before the first slash is not looked at, as in Go.
    parts.next();
    let mut parts: Vec<String> = parts.collect();
    let last = parts.pop()?;
    let mut at = document;
    for part in parts {
        at = child(at, &part).ok()?;
    }
    (at.is_object() || at.is_array()).then_some((at, last))
}

fn unescape(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

fn child<'v>(value: &'v mut Value, key: &str) -> Result<&'v mut Value, String> {
    match value {
        Value::Object(map) => map
            .get_mut(key)
            .ok_or_else(|| format!("unable to get nonexistent key: {key}: missing value")),
        Value::Array(items) => {
            let at = index(key, items.len())?;
            Ok(&mut items[at])
        }
        _ => Err("missing value".into()),
    }
}

/// An index below `length`; negative ones count from the end.
fn index(key: &str, length: usize) -> Result<usize, String> {
    let wrong = || format!("Unable to access invalid index: {key}: invalid index referenced");
    let number: i64 = key
        .parse()
        .map_err(|_| format!("value was not a proper array index: '{key}'"))?;
    let length_signed = i64::try_from(length).map_err(|_| wrong())?;
    let number = if number < 0 {
        number + length_signed
    } else {
        number
    };
    usize::try_from(number)
        .ok()
        .filter(|at| *at < length)
        .ok_or_else(wrong)
}

fn add(document: &mut Value, path: &str, value: Value, operation: &str) -> Result<(), String> {
    let missing = || {
        format!(
            "{operation} operation does not apply: doc is missing path: {path:?}: missing value"
        )
    };
    let wrong = |why| format!("error in {operation} for path: '{path}': {why}");
    let (container, key) = container(document, path).ok_or_else(missing)?;
    match container {
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let at = index(&key, items.len() + 1).map_err(wrong)?;
            items.insert(at, value);
        }
        _ => return Err(missing()),
    }
    Ok(())
}

/// Takes a value out.
fn remove(document: &mut Value, path: &str) -> Result<Value, String> {
    let missing =
        || format!("remove operation does not apply: doc is missing path: {path:?}: missing value");
    let wrong = |why| format!("error in remove for path: '{path}': {why}");
    let (container, key) = container(document, path).ok_or_else(missing)?;
    match container {
        Value::Object(map) => map.remove(&key).ok_or_else(|| {
            wrong(format!(
                "Unable to remove nonexistent key: {key}: missing value"
            ))
        }),
        Value::Array(items) => {
            let at = index(&key, items.len()).map_err(wrong)?;
            Ok(items.remove(at))
        }
        _ => Err(missing()),
    }
}

fn replace(document: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        if !value.is_object() && !value.is_array() {
            return Err("replace operation value must be object or array".into());
        }
        *document = value;
        return Ok(());
    }
    let missing = |what| {
        format!("replace operation does not apply: doc is missing {what}: {path}: missing value")
    };
    let (container, key) = container(document, path).ok_or_else(|| missing("path"))?;
    *child(container, &key).map_err(|_| missing("key"))? = value;
    Ok(())
}

fn read<'v>(document: &'v mut Value, from: &str, operation: &str) -> Result<&'v Value, String> {
    let missing = || {
        format!(
            "{operation} operation does not apply: doc is missing from path: {from}: missing value"
        )
    };
    let (container, key) = container(document, from).ok_or_else(missing)?;
    child(container, &key)
        .map(|value| &*value)
        .map_err(|why| format!("error in {operation} for path: '{from}': {why}"))
}

fn test(document: &mut Value, path: &str, expected: &Value) -> Result<(), String> {
    let failed = || format!("testing value {path} failed: test failed");
    if path.is_empty() {
        return (document == expected).then_some(()).ok_or_else(failed);
    }
    let missing =
        || format!("test operation does not apply: is missing path: {path}: missing value");
    let (container, key) = container(document, path).ok_or_else(missing)?;
    let actual = match container {
        Value::Object(map) => map.get(&key).unwrap_or(&Value::Null),
        other => {
            child(other, &key).map_err(|why| format!("error in test for path: '{path}': {why}"))?
        }
    };
    (actual == expected).then_some(()).ok_or_else(failed)
}

#[cfg(test)]
mod tests;
