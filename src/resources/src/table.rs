//! All rows, and how to find one.

use crate::row::{Resource, Served};
use crate::{
    admissionregistration, apiextensions, apiregistration, apps, authentication, authorization,
    autoscaling, batch, certificates, coordination, core, discovery, events, flowcontrol,
    networking, node, policy, rbac, resource, scheduling, storage,
};

/// Every built-in kind that is on by default, in discovery order.
pub static RESOURCES: &[&Resource] = &[
    &core::BINDING,
    &core::COMPONENT_STATUS,
    &core::CONFIG_MAP,
    &core::ENDPOINTS,
    &core::EVENT,
    &core::LIMIT_RANGE,
    &core::NAMESPACE,
    &core::NODE,
    &core::PERSISTENT_VOLUME_CLAIM,
    &core::PERSISTENT_VOLUME,
    &core::POD,
    &core::POD_TEMPLATE,
    &core::REPLICATION_CONTROLLER,
    &core::RESOURCE_QUOTA,
    &core::SECRET,
    &core::SERVICE_ACCOUNT,
    &core::SERVICE,
    &apiregistration::API_SERVICE,
    &apps::CONTROLLER_REVISION,
    &apps::DAEMON_SET,
    &apps::DEPLOYMENT,
    &apps::REPLICA_SET,
    &apps::STATEFUL_SET,
    &events::EVENT,
    &authentication::SELF_SUBJECT_REVIEW,
    &authentication::TOKEN_REVIEW,
    &authorization::LOCAL_SUBJECT_ACCESS_REVIEW,
    &authorization::SELF_SUBJECT_ACCESS_REVIEW,
    &authorization::SELF_SUBJECT_RULES_REVIEW,
    &authorization::SUBJECT_ACCESS_REVIEW,
    &autoscaling::HORIZONTAL_POD_AUTOSCALER,
    &batch::CRON_JOB,
    &batch::JOB,
    &certificates::CERTIFICATE_SIGNING_REQUEST,
    &networking::INGRESS_CLASS,
    &networking::INGRESS,
    &networking::IP_ADDRESS,
    &networking::NETWORK_POLICY,
    &networking::SERVICE_CIDR,
    &policy::POD_DISRUPTION_BUDGET,
    &rbac::CLUSTER_ROLE_BINDING,
    &rbac::CLUSTER_ROLE,
    &rbac::ROLE_BINDING,
    &rbac::ROLE,
    &storage::CSI_DRIVER,
    &storage::CSI_NODE,
    &storage::CSI_STORAGE_CAPACITY,
    &storage::STORAGE_CLASS,
    &storage::VOLUME_ATTACHMENT,
    &storage::VOLUME_ATTRIBUTES_CLASS,
    &admissionregistration::MUTATING_WEBHOOK_CONFIGURATION,
    &admissionregistration::VALIDATING_ADMISSION_POLICY,
    &admissionregistration::VALIDATING_ADMISSION_POLICY_BINDING,
    &admissionregistration::VALIDATING_WEBHOOK_CONFIGURATION,
    &apiextensions::CUSTOM_RESOURCE_DEFINITION,
    &scheduling::PRIORITY_CLASS,
    &coordination::LEASE,
    &node::RUNTIME_CLASS,
    &discovery::ENDPOINT_SLICE,
    &resource::DEVICE_CLASS,
    &resource::RESOURCE_CLAIM,
    &resource::RESOURCE_CLAIM_TEMPLATE,
    &resource::RESOURCE_SLICE,
    &flowcontrol::FLOW_SCHEMA,
    &flowcontrol::PRIORITY_LEVEL_CONFIGURATION,
];

/// The rows of the kinds that are served, in discovery order.
pub fn served() -> impl Iterator<Item = &'static Resource> + Clone {
    RESOURCES
        .iter()
        .copied()
        .filter(|row| row.not_yet.is_none())
}

/// The kind and version served at `/apis/<group>/<version>/…/<plural>`.
#[must_use]
pub fn by_resource(group: &str, version: &str, plural: &str) -> Option<Served> {
    served()
        .filter(|row| row.group == group && row.plural == plural)
        .find_map(|row| {
            let version = row.version(version)?;
            Some(Served { row, version })
        })
}

/// The row of a served kind.
#[must_use]
pub fn by_kind(group: &str, kind: &str) -> Option<&'static Resource> {
    served().find(|row| row.group == group && row.kind == kind)
}
