//! Selectors: no panic, and a parsed one prints as one that selects the same.
#![no_main]

use apimachinery::{FieldSelector, LabelSelector};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let values = [None, Some(""), Some("a"), Some("1"), Some("10"), Some("x")];
    if let Ok(selector) = LabelSelector::parse(text) {
        let printed = selector.to_string();
        let again = LabelSelector::parse(&printed)
            .unwrap_or_else(|error| panic!("{text:?} prints as {printed:?}: {error}"));
        for value in values {
            assert_eq!(
                selector.matches(|_| value),
                again.matches(|_| value),
                "{text:?} and {printed:?} differ for {value:?}"
            );
        }
    }
    if let Ok(selector) = FieldSelector::parse(text) {
        for value in values {
            selector.matches(|_| value.unwrap_or_default().into());
        }
    }
});
