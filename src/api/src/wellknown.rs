//! Names that Kubernetes gives meaning to.

/// Labels.
pub mod labels {
    pub const HOSTNAME: &str = "kubernetes.io/hostname";
    pub const OS: &str = "kubernetes.io/os";
    pub const ARCH: &str = "kubernetes.io/arch";
    pub const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";
    pub const REGION: &str = "topology.kubernetes.io/region";
    pub const ZONE: &str = "topology.kubernetes.io/zone";
    /// On every Namespace: its own name.
    pub const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
    pub const POD_TEMPLATE_HASH: &str = "pod-template-hash";
    pub const CONTROLLER_REVISION_HASH: &str = "controller-revision-hash";
    pub const STATEFULSET_POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
    pub const POD_INDEX: &str = "apps.kubernetes.io/pod-index";
    pub const POD_TEMPLATE_GENERATION: &str = "pod-template-generation";
    pub const JOB_NAME: &str = "batch.kubernetes.io/job-name";
    pub const JOB_NAME_LEGACY: &str = "job-name";
    pub const JOB_CONTROLLER_UID: &str = "batch.kubernetes.io/controller-uid";
    pub const JOB_CONTROLLER_UID_LEGACY: &str = "controller-uid";
    /// On an EndpointSlice: its Service.
    pub const SERVICE_NAME: &str = "kubernetes.io/service-name";
    pub const ENDPOINTSLICE_MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
    pub const SKIP_MIRROR: &str = "endpointslice.kubernetes.io/skip-mirror";
    pub const HEADLESS_SERVICE: &str = "service.kubernetes.io/headless";
    /// A proxy of its own serves this Service.
    pub const SERVICE_PROXY_NAME: &str = "service.kubernetes.io/service-proxy-name";
    pub const EXCLUDE_FROM_EXTERNAL_LOAD_BALANCERS: &str =
        "node.kubernetes.io/exclude-from-external-load-balancers";
    pub const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";
    pub const BOOTSTRAPPING: &str = "kubernetes.io/bootstrapping";
}

/// Annotations.
pub mod annotations {
    pub const DEPLOYMENT_REVISION: &str = "deployment.kubernetes.io/revision";
    pub const DEPLOYMENT_REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
    pub const DEPLOYMENT_DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
    pub const DEPLOYMENT_MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";
    pub const DAEMONSET_GENERATION: &str = "deprecated.daemonset.template.generation";
    pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
    pub const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
    pub const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";
    pub const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";
    pub const POD_DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
    pub const SERVICE_ACCOUNT_NAME: &str = "kubernetes.io/service-account.name";
    pub const SERVICE_ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";
    /// Where a static pod came from: `file`, `http`.
    pub const CONFIG_SOURCE: &str = "kubernetes.io/config.source";
    pub const CONFIG_HASH: &str = "kubernetes.io/config.hash";
    pub const CONFIG_SEEN: &str = "kubernetes.io/config.seen";
    /// On the pod that shows a static one.
    pub const MIRROR: &str = "kubernetes.io/config.mirror";
    pub const LAST_TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";
    pub const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
    pub const TOPOLOGY_MODE: &str = "service.kubernetes.io/topology-mode";
    pub const DEFAULT_STORAGE_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
    pub const DEFAULT_INGRESS_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";
    pub const PV_BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
    pub const PV_BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
    pub const PV_PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
    pub const STORAGE_PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
    pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
    pub const RBAC_AUTO_UPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";
    pub const NODE_TTL: &str = "node.alpha.kubernetes.io/ttl";
    pub const CONTROLLER_MANAGED_ATTACH: &str =
        "volumes.kubernetes.io/controller-managed-attach-detach";
    pub const JOB_COMPLETION_INDEX: &str = "batch.kubernetes.io/job-completion-index";
    pub const CRONJOB_SCHEDULED_TIMESTAMP: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";
}

/// Taint keys; the conditions of a Node turn into the first six.
pub mod taints {
    pub const NOT_READY: &str = "node.kubernetes.io/not-ready";
    pub const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
    pub const MEMORY_PRESSURE: &str = "node.kubernetes.io/memory-pressure";
    pub const DISK_PRESSURE: &str = "node.kubernetes.io/disk-pressure";
    pub const PID_PRESSURE: &str = "node.kubernetes.io/pid-pressure";
    pub const NETWORK_UNAVAILABLE: &str = "node.kubernetes.io/network-unavailable";
    pub const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
    pub const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";
    pub const UNINITIALIZED: &str = "node.cloudprovider.kubernetes.io/uninitialized";

    pub const NO_SCHEDULE: &str = "NoSchedule";
    pub const PREFER_NO_SCHEDULE: &str = "PreferNoSchedule";
    pub const NO_EXECUTE: &str = "NoExecute";
}

/// Finalizers.
pub mod finalizers {
    pub const ORPHAN: &str = "orphan";
    pub const FOREGROUND: &str = "foregroundDeletion";
    pub const KUBERNETES: &str = "kubernetes";
    pub const PVC_PROTECTION: &str = "kubernetes.io/pvc-protection";
    pub const PV_PROTECTION: &str = "kubernetes.io/pv-protection";
    pub const JOB_TRACKING: &str = "batch.kubernetes.io/job-tracking";
    pub const CUSTOM_RESOURCE_CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";
}

/// Namespaces that always exist.
pub mod namespaces {
    pub const DEFAULT: &str = "default";
    pub const KUBE_SYSTEM: &str = "kube-system";
    pub const KUBE_PUBLIC: &str = "kube-public";
    pub const KUBE_NODE_LEASE: &str = "kube-node-lease";
}

/// Types of conditions.
pub mod conditions {
    pub const READY: &str = "Ready";
    pub const CONTAINERS_READY: &str = "ContainersReady";
    pub const INITIALIZED: &str = "Initialized";
    pub const POD_SCHEDULED: &str = "PodScheduled";
    pub const POD_READY_TO_START_CONTAINERS: &str = "PodReadyToStartContainers";
    pub const DISRUPTION_TARGET: &str = "DisruptionTarget";
    pub const MEMORY_PRESSURE: &str = "MemoryPressure";
    pub const DISK_PRESSURE: &str = "DiskPressure";
    pub const PID_PRESSURE: &str = "PIDPressure";
    pub const NETWORK_UNAVAILABLE: &str = "NetworkUnavailable";
    pub const AVAILABLE: &str = "Available";
    pub const PROGRESSING: &str = "Progressing";
    pub const REPLICA_FAILURE: &str = "ReplicaFailure";
    pub const COMPLETE: &str = "Complete";
    pub const FAILED: &str = "Failed";
    pub const SUSPENDED: &str = "Suspended";
}
