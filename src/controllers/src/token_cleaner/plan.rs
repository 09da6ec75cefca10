//! How long a bootstrap token is good: a pure function.

use std::time::Duration;

use api::{Kind, Secret};
use jiff::Timestamp;

const TYPE: &str = "bootstrap.kubernetes.io/token";

/// What is left of a bootstrap token's life; `None` for one without end, and for other secrets. A
/// time that does not parse is over, as where tokens are judged.
pub(super) fn left(secret: &Secret, now: Timestamp) -> Option<Duration> {
    if secret.type_.as_deref() != Some(TYPE) || secret.is_terminating() {
        return None;
    }
    let end = &secret.data.as_ref()?.get("expiration")?.0;
    if end.is_empty() {
        return None;
    }
    let end = std::str::from_utf8(end).ok();
    let end: Option<Timestamp> = end.and_then(|text| text.parse().ok());
    let left = end.map(|end| end.duration_since(now));
    Some(
        left.and_then(|left| left.try_into().ok())
            .unwrap_or_default(),
    )
}
