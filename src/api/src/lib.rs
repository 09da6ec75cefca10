//! Typed views of API objects: the k8s-openapi kinds, their decoders, the names that Kubernetes
//! gives meaning to, and small readers such as pod readiness.
//!
//! Invariant: the only place where serde is instantiated per kind. Each decoder is a plain
//! function from bytes, each encoder one to bytes, behind [`Kind`].
//!
//! A typed value has lost the fields it does not know, so it is never written back as a whole
//! over an object that somebody else made.
//!
//! It must not know how objects are stored, sent, defaulted or validated.

mod condition;
mod kind;
pub mod kinds;
pub mod owner;
pub mod pod;
pub mod quota;
pub mod references;
pub mod requests;
pub mod taint;
pub mod time;
pub mod wellknown;

pub use condition::{Condition, condition, is_condition_true, remove_condition, set_condition};
pub use k8s_openapi::ByteString;
pub use k8s_openapi::api::admissionregistration::v1 as admissionregistration;
pub use k8s_openapi::api::apps::v1 as apps;
pub use k8s_openapi::api::authentication::v1 as authentication;
pub use k8s_openapi::api::authorization::v1 as authorization;
pub use k8s_openapi::api::autoscaling::v1 as autoscaling_v1;
pub use k8s_openapi::api::autoscaling::v2 as autoscaling;
pub use k8s_openapi::api::batch::v1 as batch;
pub use k8s_openapi::api::certificates::v1 as certificates;
pub use k8s_openapi::api::coordination::v1 as coordination;
pub use k8s_openapi::api::core::v1 as core;
pub use k8s_openapi::api::discovery::v1 as discovery;
pub use k8s_openapi::api::events::v1 as events;
pub use k8s_openapi::api::flowcontrol::v1 as flowcontrol;
pub use k8s_openapi::api::networking::v1 as networking;
pub use k8s_openapi::api::node::v1 as node;
pub use k8s_openapi::api::policy::v1 as policy;
pub use k8s_openapi::api::rbac::v1 as rbac;
pub use k8s_openapi::api::resource::v1 as resource;
pub use k8s_openapi::api::scheduling::v1 as scheduling;
pub use k8s_openapi::api::storage::v1 as storage;
pub use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;
pub use k8s_openapi::apimachinery::pkg::api::resource::Quantity as QuantityText;
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
pub use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
pub use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1 as apiregistration;
pub use kind::{DecodeError, Kind, decode, view};
// The kinds that nearly every component reads, without their group.
pub use apps::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
pub use batch::{CronJob, Job};
pub use coordination::Lease;
pub use core::{
    ConfigMap, Container, Event, Namespace, Node, ObjectReference, PersistentVolume,
    PersistentVolumeClaim, Pod, PodSpec, PodStatus, PodTemplateSpec, Secret, Service,
    ServiceAccount, Taint, Toleration,
};
pub use discovery::EndpointSlice;
pub use meta::{LabelSelector, ObjectMeta, OwnerReference};
