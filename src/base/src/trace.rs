//! The thread from a request through commits, queues and reconciles to a container's start.

use std::fmt;
use std::str::FromStr;

/// 64 random bits, shown as 16 hex digits; zero means "no trace".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TraceId(u64);

impl TraceId {
    /// The absence of a trace.
    pub const NONE: Self = Self(0);

    /// A new trace.
    #[must_use]
    pub fn generate() -> Self {
        Self(u64::from_ne_bytes(crate::random::bytes()))
    }

    /// The raw bits, for storage.
    #[must_use]
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// From raw bits, as stored.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for TraceId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}
