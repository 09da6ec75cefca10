//! Merge patches: no panic, nothing for nothing, and twice is once.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use schema::patch;
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let Some([document, change]) = common::parts(data) else {
        return;
    };
    let (Ok(original), Ok(change)) = (
        serde_json::from_slice::<Value>(document),
        serde_json::from_slice::<Value>(change),
    ) else {
        return;
    };
    let mut patched = original.clone();
    if original.is_object() {
        patch::merge(&mut patched, &json!({}));
        assert_eq!(patched, original);
    }
    patch::merge(&mut patched, &change);
    let mut twice = patched.clone();
    patch::merge(&mut twice, &change);
    assert_eq!(twice, patched);
});
