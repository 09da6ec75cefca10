//! The autoscaling group.

mod horizontal_pod_autoscaler;

pub use horizontal_pod_autoscaler::HORIZONTAL_POD_AUTOSCALER;
