//! The apiextensions.k8s.io group.

mod custom_resource_definition;

pub use custom_resource_definition::CUSTOM_RESOURCE_DEFINITION;
