//! What every scenario stands on: one server of the real binary on a machine of its own, a real
//! kubectl, and waiting for a condition with a deadline.

pub mod cluster;
pub mod footprint;
pub mod images;
pub mod kubectl;
pub mod machine;
pub mod mask;
pub mod server;
pub mod wait;
