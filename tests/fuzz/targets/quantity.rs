//! Quantities: no panic, and the printed one is the same quantity.
#![no_main]

use apimachinery::Quantity;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(quantity) = text.parse::<Quantity>() else {
        return;
    };
    let printed = quantity.to_string();
    let again: Quantity = printed
        .parse()
        .unwrap_or_else(|error| panic!("{text:?} prints as {printed:?}: {error}"));
    assert_eq!(again, quantity, "{text:?} prints as {printed:?}");
    assert_eq!(again.to_string(), printed, "{text:?}");
    assert_eq!((again.units(), again.milli()), (quantity.units(), quantity.milli()));
    assert_eq!(again.is_negative(), quantity.is_negative());
});
