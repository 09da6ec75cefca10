//! Strategic merge patches: no panic, and an empty patch changes nothing.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use schema::{Validation, patch};
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let Some((_, ty, rest)) = common::typed(data) else {
        return;
    };
    let Some([document, change]) = common::parts(rest) else {
        return;
    };
    let Ok(decoded) = schema::decode(document, ty, Validation::Warn) else {
        return;
    };
    let Ok(change) = serde_json::from_slice::<Value>(change) else {
        return;
    };
    let original = decoded.object.into_value();
    let mut patched = original.clone();
    patch::strategic(&mut patched, &json!({}), ty).expect("an empty patch");
    assert_eq!(patched, original);
    if patch::strategic(&mut patched, &change, ty).is_ok() {
        // The server refuses what its type does not take.
        let _decoded = schema::decode_value(patched, ty, Validation::Warn, Vec::new());
    }
});
