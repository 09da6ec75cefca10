//! The autoscaling group.

mod horizontal_pod_autoscaler;

pub use horizontal_pod_autoscaler::HORIZONTAL_POD_AUTOSCALER;

use crate::cells::{AGE, NAME, integer, number};
use crate::column::Column;

/// Columns of Scale, which is stored nowhere and has no row.
pub const SCALE_COLUMNS: &[Column] = &[
    Column { format: "", ..NAME },
    integer("Desired", "Pods wanted.", |cell| {
        number(cell.object, "/spec/replicas").into()
    }),
    integer("Available", "Pods there are.", |cell| {
        number(cell.object, "/status/replicas").into()
    }),
    AGE,
];
