//! The events.k8s.io group: the core group's Events under newer names.

mod event;

pub use event::EVENT;
