//! The one source of randomness.

use rand::Rng;

/// Letters and digits of generated names: no vowels and no 0, 1, 3, so that no word appears
/// (apimachinery's `rand.String`).
const NAME_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A suffix for `generateName` and for pods of a ReplicaSet.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks for randomness"
)]
pub fn name_suffix(length: usize) -> String {
    let mut rng = rand::rng();
    (0..length)
        .map(|_| char::from(NAME_ALPHABET[rng.random_range(0..NAME_ALPHABET.len())]))
        .collect()
}

/// A random (version 4) UUID in its usual text form.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks for randomness"
)]
pub fn uuid() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Random bytes, fit for keys and tokens.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks for randomness"
)]
pub fn bytes<const N: usize>() -> [u8; N] {
    rand::random()
}

/// A uniform number below 1.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks for randomness"
)]
pub fn fraction() -> f64 {
    rand::random()
}
