//! Protobuf bodies: no panic, and what was read is JSON that the type takes or refuses in words.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use schema::{Validation, protobuf};

fuzz_target!(|data: &[u8]| {
    let Some((kind, ty, body)) = common::typed(data) else {
        return;
    };
    let body = [b"k8s\0", body].concat();
    let Ok(envelope) = protobuf::envelope(&body) else {
        return;
    };
    let Ok(value) = protobuf::decode(&envelope, &kind, ty) else {
        return;
    };
    // A quantity may still be none.
    let _decoded = schema::decode_value(value, ty, Validation::Warn, Vec::new());
});
