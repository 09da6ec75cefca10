//! The pod spec, which pods and all pod templates share: defaults, rules, warnings.

mod default;

pub(crate) use default::{canonical_quantities, default_pod_spec, default_template};
