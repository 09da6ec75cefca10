use serde_json::json;

use super::*;

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
        // Go's library sets what is not there, and copies nothing as null.
        (
            json!({}),
            json!([{"op": "replace", "path": "/b", "value": 1}]),
            json!({"b": 1}),
        ),
        (
            json!({}),
            json!([{"op": "copy", "from": "/a", "path": "/b"}]),
            json!({"b": null}),
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
            json!([{"op": "replace", "path": "/list/1", "value": 1}]),
            "replace operation does not apply: doc is missing key: /list/1: missing value",
        ),
        (
            json!([{"op": "add", "path": "/list/2", "value": 1}]),
            "error in add for path: '/list/2': Unable to access invalid index: 2: invalid index referenced",
        ),
        (
            json!([{"op": "jump", "path": "/a"}]),
            "Unexpected kind: jump",
        ),
        (json!([{"op": 1, "path": "/a"}]), "Unexpected kind: unknown"),
        (json!([null]), "Unexpected kind: unknown"),
        (
            json!([{"op": "add", "path": 1, "value": 2}]),
            "add operation failed to decode path: missing value",
        ),
        (
            json!([{"op": "test", "value": 2}]),
            "test operation failed to decode path: operation missing path field: missing value",
        ),
        (
            json!([{"op": "move", "path": "/a"}]),
            "move operation failed to decode from: operation, missing from field: missing value",
        ),
        (
            json!([{"op": "add", "path": "", "value": 2}]),
            "add operation does not apply: doc is missing path: \"\": missing value",
        ),
        (
            json!([{"op": "add", "path": "a", "value": 2}]),
            "add operation does not apply: doc is missing path: \"a\": missing value",
        ),
        (
            json!([{"op": "add", "path": "/list/x", "value": 1}]),
            "error in add for path: '/list/x': value was not a proper array index: 'x': strconv.Atoi: parsing \"x\": invalid syntax",
        ),
        (
            json!([{"op": "add", "path": "/list/-3", "value": 1}]),
            "error in add for path: '/list/-3': Unable to access invalid index: -3: invalid index referenced",
        ),
        (
            json!([{"op": "remove", "path": "/list/99999999999999999999"}]),
            "error in remove for path: '/list/99999999999999999999': strconv.Atoi: parsing \"99999999999999999999\": invalid syntax",
        ),
        (
            json!([{"op": "move", "from": "/b", "path": "/c"}]),
            "error in move for path: 'b': Unable to remove nonexistent key: b: missing value",
        ),
        (
            json!([{"op": "move", "from": "/b/c", "path": "/c"}]),
            "move operation does not apply: doc is missing from path: /b/c: missing value",
        ),
        (
            json!([{"op": "copy", "from": "/a", "path": "/b/c"}]),
            "copy operation does not apply: doc is missing destination path: /b/c: missing value",
        ),
        (
            json!([{"op": "copy", "from": "/list/4", "path": "/c"}]),
            "error in copy for from: '/list/4': Unable to access invalid index: 4: invalid index referenced",
        ),
        (
            json!([{"op": "copy", "from": "/a", "path": "/list/4"}]),
            "error while adding value during copy: Unable to access invalid index: 4: invalid index referenced",
        ),
        (
            json!([{"op": "test", "path": "/list/4", "value": 0}]),
            "error in test for path: '/list/4': Unable to access invalid index: 4: invalid index referenced",
        ),
        (
            json!([{"op": "test", "path": "/a/b/c", "value": 0}]),
            "test operation does not apply: is missing path: /a/b/c: missing value",
        ),
        (
            json!([{"op": "replace", "path": "", "value": 0}]),
            "replace operation value must be object or array",
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
        matches!(error, Err(PatchError::Json(JsonPatchError::Refused(text))) if text.starts_with("Unable to complete the copy"))
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
        assert_eq!(json(&mut document, patch.as_bytes()), Err(error.into()));
    }
}

/// Two short moves nest the document by one each time.
#[test]
fn a_patch_cannot_nest_without_end() {
    let pair = [
        json!({"op": "add", "path": "/b", "value": {}}),
        json!({"op": "move", "from": "/a", "path": "/b/a"}),
        json!({"op": "move", "from": "/b", "path": "/a"}),
    ];
    let few = Value::Array(vec![pair.clone(); 100].concat());
    let many = Value::Array(vec![pair; 1_000].concat());
    let mut document = json!({"a": 1});
    assert_eq!(json(&mut document, few.to_string().as_bytes()), Ok(()));
    assert_eq!(depth(&document), 101);
    check(json!({"a": 1}), &many, Err("exceeded max depth"));
}
