//! JSON patch, RFC 6902, as Go's `evanphx/json-patch` applies it: indices may be negative, and
//! `test` for null holds where there is nothing.

use serde::Deserialize;
use serde_json::Value;

/// More operations are refused.
pub const MAX_OPERATIONS: usize = 10_000;

/// `copy` may add this many bytes of JSON in all: the size of the largest request.
pub const MAX_COPIED: usize = 3 * 1024 * 1024;

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
pub fn json(document: &mut Value, patch: &[u8]) -> Result<(), JsonPatchError> {
    let operations = read_operations(patch).map_err(JsonPatchError::Syntax)?;
    if operations.len() > MAX_OPERATIONS {
        return Err(JsonPatchError::TooMany(operations.len()));
    }
    let mut copied = 0;
    for operation in operations {
        apply(document, operation, &mut copied).map_err(JsonPatchError::Refused)?;
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

fn apply(document: &mut Value, operation: Operation, copied: &mut usize) -> Result<(), String> {
    let Operation {
        op,
        path,
        from,
        value,
    } = operation;
    let path = path.ok_or("unable to decode operation path: missing value")?;
    let from = || from.ok_or("unable to decode operation from: missing value");
    match op.as_str() {
        "add" => add(document, &path, value, "add"),
        "remove" => remove(document, &path),
        "replace" => replace(document, &path, value),
        "move" => {
            let from = from()?;
            let value = read(document, &from, "move")?;
            remove(document, &from)?;
            add(document, &path, value, "move")
        }
        "copy" => {
            let value = read(document, &from()?, "copy")?;
            *copied += value.to_string().len();
            if *copied > MAX_COPIED {
                return Err(format!(
                    "Unable to complete the copy, the accumulated size increase of copy is \
                     {copied}, exceeding the limit {MAX_COPIED}"
                ));
            }
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

fn remove(document: &mut Value, path: &str) -> Result<(), String> {
    let missing =
        || format!("remove operation does not apply: doc is missing path: {path:?}: missing value");
    let wrong = |why| format!("error in remove for path: '{path}': {why}");
    let (container, key) = container(document, path).ok_or_else(missing)?;
    match container {
        Value::Object(map) => map.remove(&key).map(|_| ()).ok_or_else(|| {
            wrong(format!(
                "Unable to remove nonexistent key: {key}: missing value"
            ))
        }),
        Value::Array(items) => {
            let at = index(&key, items.len()).map_err(wrong)?;
            items.remove(at);
            Ok(())
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

fn read(document: &mut Value, from: &str, operation: &str) -> Result<Value, String> {
    let missing = || {
        format!(
            "{operation} operation does not apply: doc is missing from path: {from}: missing value"
        )
    };
    let (container, key) = container(document, from).ok_or_else(missing)?;
    child(container, &key)
        .map(|value| value.clone())
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
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(document: Value, patch: &Value, expected: Result<Value, &str>) {
        let mut patched = document;
        let done = json(&mut patched, patch.to_string().as_bytes());
        let done = done.map(|()| patched).map_err(|error| error.to_string());
        assert_eq!(done, expected.map_err(ToOwned::to_owned), "{patch}");
    }

    #[test]
    fn operations() {
        let rows = [
            (
                json!({}),
                json!([{"op": "add", "path": "/a", "value": 1}]),
                json!({"a": 1}),
            ),
            (
                json!({"a": [1, 3]}),
                json!([{"op": "add", "path": "/a/1", "value": 2}]),
                json!({"a": [1, 2, 3]}),
            ),
            (
                json!({"a": [1]}),
                json!([{"op": "add", "path": "/a/-", "value": 2}]),
                json!({"a": [1, 2]}),
            ),
            (
                json!({"a": [1]}),
                json!([{"op": "add", "path": "/a/-1", "value": 2}]),
                json!({"a": [1, 2]}),
            ),
            (
                json!({"a": [1, 2]}),
                json!([{"op": "remove", "path": "/a/-1"}]),
                json!({"a": [1]}),
            ),
            (
                json!({"a": [1, 2]}),
                json!([{"op": "replace", "path": "/a/-2", "value": 3}]),
                json!({"a": [3, 2]}),
            ),
            (
                json!({"a/b": {"~c": 1}}),
                json!([{"op": "remove", "path": "/a~1b/~0c"}]),
                json!({"a/b": {}}),
            ),
            (
                json!({"a": {"b": 1}}),
                json!([{"op": "move", "from": "/a/b", "path": "/c"}]),
                json!({"a": {}, "c": 1}),
            ),
            (
                json!({"a": [1]}),
                json!([{"op": "copy", "from": "/a/0", "path": "/a/-"}]),
                json!({"a": [1, 1]}),
            ),
            (
                json!({"a": 1}),
                json!([{"op": "test", "path": "/a", "value": 1}]),
                json!({"a": 1}),
            ),
            (
                json!({"a": 1}),
                json!([{"op": "test", "path": "/b", "value": null}]),
                json!({"a": 1}),
            ),
            (
                json!({"a": 1}),
                json!([{"op": "replace", "path": "", "value": {"b": 2}}]),
                json!({"b": 2}),
            ),
        ];
        for (document, patch, expected) in rows {
            check(document, &patch, Ok(expected));
        }
    }

    #[test]
    fn refusals_speak_go() {
        let rows = [
            (
                json!([{"op": "test", "path": "/a", "value": 2}]),
                "testing value /a failed: test failed",
            ),
            (
                json!([{"op": "test", "path": "/b", "value": 2}]),
                "testing value /b failed: test failed",
            ),
            (
                json!([{"op": "test", "path": "/a", "value": 1.0}]),
                "testing value /a failed: test failed",
            ),
            (
                json!([{"op": "remove", "path": "/b"}]),
                "error in remove for path: '/b': Unable to remove nonexistent key: b: missing value",
            ),
            (
                json!([{"op": "remove", "path": "/b/c"}]),
                "remove operation does not apply: doc is missing path: \"/b/c\": missing value",
            ),
            (
                json!([{"op": "replace", "path": "/b", "value": 1}]),
                "replace operation does not apply: doc is missing key: /b: missing value",
            ),
            (
                json!([{"op": "add", "path": "/list/2", "value": 1}]),
                "error in add for path: '/list/2': Unable to access invalid index: 2: invalid index referenced",
            ),
            (
                json!([{"op": "jump", "path": "/a"}]),
                "Unexpected kind: jump",
            ),
        ];
        for (patch, expected) in rows {
            check(json!({"a": 1, "list": [0]}), &patch, Err(expected));
        }
    }

    #[test]
    fn limits() {
        let operation = json!({"op": "test", "path": "/a", "value": null});
        let many = Value::Array(vec![operation; MAX_OPERATIONS + 1]);
        check(
            json!({}),
            &many,
            Err("The allowed maximum operations in a JSON patch is 10000, got 10001"),
        );
        let doubling = Value::Array(vec![
            json!({"op": "copy", "from": "/a", "path": "/a/-"});
            30
        ]);
        let mut document = json!({"a": ["0123456789"]});
        let error = json(&mut document, doubling.to_string().as_bytes());
        assert!(
            matches!(error, Err(JsonPatchError::Refused(text)) if text.starts_with("Unable to complete the copy"))
        );
        for (patch, text) in [
            ("{", "unexpected end of JSON input"),
            (
                "{}",
                "json: cannot unmarshal object into Go value of type jsonpatch.Patch",
            ),
            (
                "[1]",
                "json: cannot unmarshal number into Go value of type jsonpatch.Operation",
            ),
        ] {
            let error = JsonPatchError::Syntax(text.into());
            assert_eq!(json(&mut document, patch.as_bytes()), Err(error));
        }
    }
}
