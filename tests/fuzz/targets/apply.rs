//! What `kubectl apply` does: the patch from last, next and live object applies to the live one,
//! and applying the same again changes nothing.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use schema::{Validation, patch};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Some((_, ty, rest)) = common::typed(data) else {
        return;
    };
    let Some(parts) = common::parts::<3>(rest) else {
        return;
    };
    let decode = |text: &[u8]| {
        let decoded = schema::decode(text, ty, Validation::Warn).ok()?;
        Some(decoded.object.0)
    };
    let [Some(last), Some(next), Some(live)] = parts.map(decode) else {
        return;
    };
    let Ok(change) = patch::create_three_way_strategic(&last, &next, &live, ty) else {
        return;
    };
    let mut applied = Value::Object(live);
    // Lists that hold a key twice cannot always be patched; that is an error, in words.
    if patch::strategic(&mut applied, &change, ty).is_err() {
        return;
    }
    let applied = applied.as_object().expect("it stays an object");
    let _again = patch::create_three_way_strategic(&next, &next, applied, ty);
    let _two_way = patch::create_two_way_strategic(&last, &next, ty);
});
