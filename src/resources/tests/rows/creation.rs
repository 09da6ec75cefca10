//! What is wrong with new objects: a change of the fixture, and the exact text.

mod core;
mod limits;
mod metadata;
mod more_workloads;
mod network;
mod pod;
mod pod_policy;
mod policy;
mod rbac;
mod reviews;
mod storage;
mod workloads;

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::harness::{create, fixture, line, row, set};

/// Each row sets values in the fixture of a kind; a line of the answer is a row's error text.
fn check(kind: &str, rows: &[(&str, Value)], expected: Expect) {
    let row = row(kind);
    let mut out = String::new();
    for (pointer, value) in rows {
        let mut object = fixture(row);
        set(&mut object, pointer, value.clone());
        let (_, errors) = create(row, object);
        out.push_str(&line(pointer, value, &errors));
    }
    expected.assert_eq(&out);
}
