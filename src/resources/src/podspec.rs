//! The pod spec, which pods and all pod templates share: defaults, rules, warnings.

mod claim;
mod default;
mod requests;
mod template;
mod validate;
mod warnings;

pub(crate) use claim::{
    VOLUME_MODES, default_claim_spec, positive_quantity, validate_access_modes, validate_claim_spec,
};
pub(crate) use default::{
    CONTAINER_LISTS, canonical_quantities, canonical_resources, default_pod_spec, default_template,
};
pub(crate) use requests::aggregate_requests;
pub(crate) use template::{
    validate_lasting, validate_pod_template, validate_selector, validate_template,
    validate_template_labels,
};
pub(crate) use validate::{
    STANDARD_RESOURCES, identity, is_native, validate_container_resource_name, validate_images,
    validate_limits, validate_node_selector, validate_pod_spec, validate_port, validate_quantity,
    validate_resource_name, validate_tolerations,
};
pub(crate) use warnings::{name_warnings, pod_warnings};
