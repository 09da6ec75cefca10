//! JSON patch, RFC 6902, as Go's `evanphx/json-patch` applies it: indices may be negative, and
//! `test` for null holds where there is nothing.

use serde_json::{Map, Value};

use super::PatchError;

/// More operations are refused.
pub const MAX_OPERATIONS: usize = 10_000;

/// `copy` may add this many bytes of JSON in all: the size of the largest request.
pub const MAX_COPIED: usize = 3 * 1024 * 1024;

/// A patch that could nest the document deeper is refused: walking it would exhaust the stack.
pub const MAX_DEPTH: usize = 256;

/// Inserting into lists and removing from them may push this many items aside in all. Upstream
/// has no such bound; a patch of the largest size could keep a core busy for minutes.
const MAX_SHIFTED: usize = 50_000_000;

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

/// One operation; a `None` member is absent or no text.
struct Operation {
    op: Option<String>,
    path: Option<String>,
    from: Option<String>,
    value: Value,
}

impl Operation {
    /// Members that no operation has are passed over.
    fn read(mut members: Map<String, Value>) -> Self {
        let mut text = |name: &str| match members.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        Self {
            op: text("op"),
            path: text("path"),
            from: text("from"),
            value: members.remove("value").unwrap_or(Value::Null),
        }
    }
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
        shifted: 0,
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
    let operation = |value: Value| match value {
        Value::Object(members) => Ok(Operation::read(members)),
        Value::Null => Ok(Operation::read(Map::new())),
        other => Err(wrong(form(&other), "jsonpatch.Operation")),
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
    /// List items pushed aside.
    shifted: usize,
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

    fn shift(&mut self, items: usize) -> Result<(), String> {
        self.shifted += items;
        if self.shifted > MAX_SHIFTED {
            return Err("the patch moves too many list items".into());
        }
        Ok(())
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
    let op = op.as_deref().unwrap_or("unknown");
    let decoded = |text: Option<String>, member: &str, missing: &str| {
        text.ok_or_else(|| format!("{op} operation failed to decode {member}: {missing}"))
    };
    let path = |missing| decoded(path, "path", missing);
    let from = || decoded(from, "from", "operation, missing from field: missing value");
    let no_path = "operation missing path field: missing value";
    match op {
        "add" => {
            let path = path("missing value")?;
            bounds.nest(&path, depth(&value))?;
            add(document, &path, value, bounds)
        }
        "remove" => remove(document, &path("missing value")?, bounds),
        "replace" => {
            let path = path(no_path)?;
            bounds.nest(&path, depth(&value))?;
            replace(document, &path, value, bounds)
        }
        "move" => {
            let from = from()?;
            let value = take(document, &from, bounds)?;
            let path = path(no_path)?;
            bounds.nest(&path, bounds.below(&from))?;
            put(document, &path, value, ("move", bounds))?
                .map_err(|why| format!("error in move for path: '{path}': {why}"))
        }
        "copy" => {
            let from = from()?;
            let value = read(document, &from)?;
            let path = path("missing value")?;
            if container(document, &path).is_some() {
                bounds.copy(&value)?;
                bounds.nest(&path, bounds.below(&from))?;
            }
            put(document, &path, value, ("copy", bounds))?
                .map_err(|why| format!("error while adding value during copy: {why}"))
        }
        "test" => test(document, &path(no_path)?, &value),
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
        at = child(at, &part).ok()??;
    }
    (at.is_object() || at.is_array()).then_some((at, last))
}

fn unescape(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// What stands at a key of an object or a list; nothing is no error in an object.
fn child<'v>(value: &'v mut Value, key: &str) -> Result<Option<&'v mut Value>, String> {
    match value {
        Value::Object(map) => Ok(map.get_mut(key)),
        Value::Array(items) => {
            let at = index(key, items.len())?;
            Ok(Some(&mut items[at]))
        }
        _ => Ok(None),
    }
}

/// An index below `length`; negative ones count from the end.
fn index(key: &str, length: usize) -> Result<usize, String> {
    let number: i64 = key.parse().map_err(|_| no_number(key))?;
    let wrong = || format!("Unable to access invalid index: {number}: invalid index referenced");
    let signed = i64::try_from(length).map_err(|_| wrong())?;
    let at = if number < 0 { number + signed } else { number };
    let at = usize::try_from(at).ok();
    at.filter(|at| *at < length).ok_or_else(wrong)
}

/// As Go says that a text is no number.
fn no_number(key: &str) -> String {
    format!("strconv.Atoi: parsing {key:?}: invalid syntax")
}

/// Puts a value where `add` does.
fn insert(
    container: &mut Value,
    key: String,
    value: Value,
    bounds: &mut Bounds,
) -> Result<(), String> {
    match container {
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            if key.parse::<i64>().is_err() {
                let why = no_number(&key);
                return Err(format!(
                    "value was not a proper array index: '{key}': {why}"
                ));
            }
            let at = index(&key, items.len() + 1)?;
            bounds.shift(items.len() - at)?;
            items.insert(at, value);
        }
        _ => {}
    }
    Ok(())
}

/// Takes a value out of a container.
fn take_out(container: &mut Value, key: &str, bounds: &mut Bounds) -> Result<Value, String> {
    match container {
        Value::Object(map) => map
            .remove(key)
            .ok_or_else(|| format!("Unable to remove nonexistent key: {key}: missing value")),
        Value::Array(items) => {
            let at = index(key, items.len())?;
            bounds.shift(items.len() - at)?;
            Ok(items.remove(at))
        }
        _ => Ok(Value::Null),
    }
}

fn add(document: &mut Value, path: &str, value: Value, bounds: &mut Bounds) -> Result<(), String> {
    let missing =
        || format!("add operation does not apply: doc is missing path: \"{path}\": missing value");
    let (container, key) = container(document, path).ok_or_else(missing)?;
    insert(container, key, value, bounds)
        .map_err(|why| format!("error in add for path: '{path}': {why}"))
}

fn remove(document: &mut Value, path: &str, bounds: &mut Bounds) -> Result<(), String> {
    let missing = || {
        format!("remove operation does not apply: doc is missing path: \"{path}\": missing value")
    };
    let (container, key) = container(document, path).ok_or_else(missing)?;
    take_out(container, &key, bounds)
        .map(drop)
        .map_err(|why| format!("error in remove for path: '{path}': {why}"))
}

/// As [`add`] for a key of an object, which need not be there; an item of a list must be.
fn replace(
    document: &mut Value,
    path: &str,
    value: Value,
    bounds: &mut Bounds,
) -> Result<(), String> {
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
    match container {
        Value::Array(items) => {
            let at = index(&key, items.len()).map_err(|_| missing("key"))?;
            items[at] = value;
        }
        container => insert(container, key, value, bounds)?,
    }
    Ok(())
}

/// What `move` moves.
fn take(document: &mut Value, from: &str, bounds: &mut Bounds) -> Result<Value, String> {
    let (container, key) = container(document, from).ok_or_else(|| no_source("move", from))?;
    take_out(container, &key, bounds)
        .map_err(|why| format!("error in move for path: '{key}': {why}"))
}

/// What `copy` copies: null where an object has no such key.
fn read(document: &mut Value, from: &str) -> Result<Value, String> {
    let (container, key) = container(document, from).ok_or_else(|| no_source("copy", from))?;
    let found =
        child(container, &key).map_err(|why| format!("error in copy for from: '{from}': {why}"))?;
    Ok(found.cloned().unwrap_or(Value::Null))
}

fn no_source(operation: &str, from: &str) -> String {
    format!("{operation} operation does not apply: doc is missing from path: {from}: missing value")
}

/// Puts a moved or copied value; the inner error is still to be named.
fn put(
    document: &mut Value,
    path: &str,
    value: Value,
    (operation, bounds): (&str, &mut Bounds),
) -> Result<Result<(), String>, String> {
    let missing = || {
        format!(
            "{operation} operation does not apply: doc is missing destination path: {path}: \
             missing value"
        )
    };
    let (container, key) = container(document, path).ok_or_else(missing)?;
    Ok(insert(container, key, value, bounds))
}

fn test(document: &mut Value, path: &str, expected: &Value) -> Result<(), String> {
    let failed = || format!("testing value {path} failed: test failed");
    if path.is_empty() {
        return (document == expected).then_some(()).ok_or_else(failed);
    }
    let missing =
        || format!("test operation does not apply: is missing path: {path}: missing value");
    let (container, key) = container(document, path).ok_or_else(missing)?;
    let actual =
        child(container, &key).map_err(|why| format!("error in test for path: '{path}': {why}"))?;
    let equal = actual.map_or(expected.is_null(), |actual| actual == expected);
    equal.then_some(()).ok_or_else(failed)
}

#[cfg(test)]
mod tests;
