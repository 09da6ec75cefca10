//! YAML: no panic, bounded, and what was read prints and reads as the same value.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use schema::{Validation, yaml};

fuzz_target!(|data: &[u8]| {
    let Some((_, ty, text)) = common::typed(data) else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    // Several documents may fail where one is fine, and the other way round.
    let _all = yaml::decode_all(text);
    let Ok(document) = yaml::decode(text) else {
        return;
    };
    let printed = yaml::encode(&document.value);
    let again = yaml::decode(&printed).expect("what was printed is YAML");
    assert_eq!(again.value, document.value, "{printed}");
    // Most texts are no object of the type.
    let _decoded = schema::decode_value(document.value, ty, Validation::Warn, Vec::new());
});
