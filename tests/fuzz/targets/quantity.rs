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
    // As upstream: 62.5Ki is printed as 64000, which is decimal and printed as 64k from then on.
    let settled = again.to_string();
    let third: Quantity = settled.parse().expect("what was printed is a quantity");
    assert_eq!((&third, third.to_string()), (&quantity, settled), "{text:?}");
    assert_eq!((again.units(), again.milli()), (quantity.units(), quantity.milli()));
    assert_eq!(again.is_negative(), quantity.is_negative());
});
