//! Time in typed views.

use jiff::Timestamp;

pub use crate::meta::{MicroTime, Time};

/// `metav1.Time` of an instant, cut to the whole seconds that it prints.
#[must_use]
pub fn seconds(at: Timestamp) -> Time {
    Time(Timestamp::from_second(at.as_second()).unwrap_or(at))
}

/// `metav1.MicroTime` of an instant, cut to the microseconds that it prints.
#[must_use]
pub fn micros(at: Timestamp) -> MicroTime {
    MicroTime(Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at))
}
