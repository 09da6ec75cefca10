//! The suite that every runtime passes, and the fake that stands in for one.
