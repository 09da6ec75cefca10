//! The pod spec, which pods and all pod templates share: defaults, rules, warnings.

mod default;
mod requests;
mod template;
mod validate;
mod warnings;

pub(crate) use default::{
    CONTAINER_LISTS, canonical_quantities, default_pod_spec, default_template,
};
pub(crate) use requests::aggregate_requests;
pub(crate) use template::{validate_selector, validate_template};
pub(crate) use validate::{
    is_native, validate_container_resource_name, validate_images, validate_limits,
    validate_pod_spec, validate_port, validate_quantity, validate_resource_name,
    validate_tolerations,
};
pub(crate) use warnings::{name_warnings, pod_warnings};
