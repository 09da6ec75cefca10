//! JSON patches: no panic, bounded growth, and an empty patch changes nothing.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use schema::{Validation, patch};

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
    let original = decoded.object.into_value();
    let mut patched = original.clone();
    patch::json(&mut patched, b"[]").expect("an empty patch");
    assert_eq!(patched, original);
    if patch::json(&mut patched, change).is_ok() {
        // The server refuses what its type does not take.
        let _decoded = schema::decode_value(patched, ty, Validation::Warn, Vec::new());
    }
});
