//! The kinds with a typed view. A line here costs about two seconds of compiling in a release
//! build and 100 KB of binary where the kind is used.

crate::kind::kinds! {
    core::{
        Binding, ConfigMap, Endpoints, Event, LimitRange, Namespace, Node, PersistentVolume,
        PersistentVolumeClaim, Pod, PodTemplate, ReplicationController, ResourceQuota, Secret,
        Service, ServiceAccount,
    }
    apps::{ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet}
    batch::{CronJob, Job}
    coordination::{Lease}
    discovery::{EndpointSlice}
    networking::{Ingress, IngressClass, IPAddress, NetworkPolicy, ServiceCIDR}
    policy::{Eviction, PodDisruptionBudget}
    rbac::{ClusterRole, ClusterRoleBinding, Role, RoleBinding}
    scheduling::{PriorityClass}
    node::{RuntimeClass}
    storage::{
        CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment,
        VolumeAttributesClass,
    }
    autoscaling::{HorizontalPodAutoscaler}
    autoscaling_v1::{Scale}
    authentication::{SelfSubjectReview, TokenRequest, TokenReview}
    authorization::{
        LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview,
        SubjectAccessReview,
    }
    certificates::{CertificateSigningRequest}
    events::{Event}
    resource::{DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice}
    flowcontrol::{FlowSchema, PriorityLevelConfiguration}
    admissionregistration::{
        MutatingWebhookConfiguration, ValidatingAdmissionPolicy,
        ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration,
    }
    apiextensions::{CustomResourceDefinition}
    apiregistration::{APIService}
}
