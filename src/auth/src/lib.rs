//! Who asks, and what is allowed.
