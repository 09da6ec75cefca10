//! JSON bodies: no panic under any validation, and what was decoded decodes again to itself.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use schema::Validation;

fuzz_target!(|data: &[u8]| {
    let Some((_, ty, text)) = common::typed(data) else {
        return;
    };
    // It may be JSON of any other form.
    let _meta = schema::type_meta(text);
    let strict = schema::decode(text, ty, Validation::Strict);
    let Ok(decoded) = schema::decode(text, ty, Validation::Warn) else {
        assert!(strict.is_err(), "strict takes what a lenient decoder refuses");
        return;
    };
    assert_eq!(strict.is_ok(), decoded.strict.is_empty());
    let printed = serde_json::to_vec(&decoded.object).expect("an object prints");
    let again = schema::decode(&printed, ty, Validation::Strict).expect("what was printed decodes");
    assert_eq!(again.object, decoded.object, "decoding twice is decoding once");
    let mut object = decoded.object;
    schema::apply_defaults(&mut object, ty);
    schema::normalize(&mut object, ty);
});
