//! Patches of three kinds.

use schema::decode::{Validation, decode_value};
use schema::patch;
use serde_json::{Value, json};

use crate::{Attack, nested, said, ty};

pub fn attacks() -> Vec<Attack> {
    let pod = json!({"metadata": {"name": "a", "labels": {"a": "b"}}, "spec": {"containers": [{"name": "a"}]}});
    let large = json!({"data": vec![0; 1_000_000]});
    let operations = |document: &Value, name, operations: String, answer| -> Attack {
        let document = document.clone();
        (
            name,
            Box::new(move || json_patch(&document, &operations)),
            answer,
        )
    };
    let many = |operation: &str, times| format!("[{}]", vec![operation; times].join(","));
    let strategic = |name, change: String, answer| -> Attack {
        let pod = pod.clone();
        (name, Box::new(move || strategic(&pod, &change)), answer)
    };
    let merge = |name, change: String, answer| -> Attack {
        let pod = pod.clone();
        (name, Box::new(move || merged(&pod, &change)), answer)
    };
    let keys = |count: usize, value: &str| {
        (0..count)
            .map(|n| format!("\"k{n}\"{value}"))
            .collect::<Vec<_>>()
            .join(",")
    };
    vec![
        operations(
            &pod,
            "10,001 operations",
            many("{}", 10_001),
            "The allowed maximum operations in a JSON patch is 10000, got 10001",
        ),
        operations(
            &pod,
            "nowhere",
            many(r#"{"op":"add","path":"/x/y","value":1}"#, 1),
            "add operation does not apply: doc is missing path: \"/x/y\": missing value",
        ),
        operations(
            &large,
            "copies of copies",
            many(r#"{"op":"copy","from":"/data","path":"/more"}"#, 10_000),
            "Unable to complete the copy, the accumulated size increase of copy is 4000002, exceeding the limit 3145728",
        ),
        operations(
            &large,
            "a list pushed aside",
            many(r#"{"op":"add","path":"/data/0","value":1}"#, 10_000),
            "error in add for path: '/data/0': the patch moves too many list items",
        ),
        operations(
            &pod,
            "no JSON patch",
            nested("[", "", "]", 10_000),
            "exceeded max depth",
        ),
        merge(
            "a deep merge patch",
            nested("{\"a\":", "1", "}", 10_000),
            "no JSON",
        ),
        merge(
            "a wide merge patch",
            format!(
                "{{\"metadata\":{{\"labels\":{{{}}}}}}}",
                keys(150_000, ":\"\"")
            ),
            "taken",
        ),
        strategic(
            "a deep strategic patch",
            nested("{\"a\":", "1", "}", 10_000),
            "no JSON",
        ),
        strategic(
            "many retained keys",
            format!(
                "{{\"metadata\":{{\"labels\":{{\"$retainKeys\":[{}],{}}}}}}}",
                keys(100_000, ""),
                keys(100_000, ":\"\"")
            ),
            "taken",
        ),
        strategic(
            "many items in order",
            format!(
                "{{\"metadata\":{{\"$setElementOrder/finalizers\":[{0}],\"finalizers\":[{0}]}}}}",
                keys(100_000, "")
            ),
            "taken",
        ),
        strategic(
            "items of two forms",
            r#"{"spec":{"containers":[1]}}"#.into(),
            "list element types are not identical",
        ),
        strategic(
            "lists of lists",
            r#"{"spec":{"containers":[[1]]}}"#.into(),
            "lists of lists are not supported",
        ),
    ]
}

fn json_patch(document: &Value, operations: &str) -> String {
    let mut document = document.clone();
    said(patch::json(&mut document, operations.as_bytes()))
}

fn strategic(document: &Value, change: &str) -> String {
    let Ok(change) = serde_json::from_str(change) else {
        return "no JSON".to_owned();
    };
    said(patch::strategic(
        &mut document.clone(),
        &change,
        ty("", "Pod"),
    ))
}

fn merged(document: &Value, change: &str) -> String {
    let Ok(change) = serde_json::from_str(change) else {
        return "no JSON".to_owned();
    };
    let mut document = document.clone();
    patch::merge(&mut document, &change);
    said(decode_value(
        document,
        ty("", "Pod"),
        Validation::Warn,
        Vec::new(),
    ))
}
