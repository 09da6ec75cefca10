//! Which optional scalars Go keeps by value, so that their zero is never printed.
//!
//! The published facts do not say which fields are pointers. Texts are values but for
//! [`TEXT_POINTERS`]; numbers and booleans of newer types are pointers, so that only
//! [`VALUES`] are taken as values. A field in doubt is left out: then its zero stays.

/// Optional texts that are pointers, for which an empty text means something.
const TEXT_POINTERS: &[(&str, &[&str])] = &[
    ("CSIVolumeSource", &["fsType"]),
    ("CronJobSpec", &["timeZone"]),
    ("Endpoint", &["hostname", "nodeName", "zone"]),
    ("EndpointPort", &["appProtocol", "name", "protocol"]),
    (
        "IngressClassParametersReference",
        &["apiGroup", "namespace"],
    ),
    ("IngressSpec", &["ingressClassName"]),
    ("JobSpec", &["managedBy"]),
    (
        "LeaseSpec",
        &["holderIdentity", "preferredHolder", "strategy"],
    ),
    (
        "PersistentVolumeClaimSpec",
        &["storageClassName", "volumeAttributesClassName"],
    ),
    (
        "PersistentVolumeClaimStatus",
        &["currentVolumeAttributesClassName"],
    ),
    ("PersistentVolumeSpec", &["volumeAttributesClassName"]),
    (
        "PodResourceClaim",
        &["resourceClaimName", "resourceClaimTemplateName"],
    ),
    ("PodResourceClaimStatus", &["resourceClaimName"]),
    ("PodSpec", &["hostnameOverride", "runtimeClassName"]),
    ("SeccompProfile", &["localhostProfile"]),
    ("AppArmorProfile", &["localhostProfile"]),
    ("ServicePort", &["appProtocol"]),
    ("ServiceReference", &["path"]),
    ("ServiceSpec", &["loadBalancerClass"]),
    ("TypedLocalObjectReference", &["apiGroup"]),
    ("TypedObjectReference", &["apiGroup", "namespace"]),
    ("VolumeAttachmentSource", &["persistentVolumeName"]),
    ("VolumeError", &["errorCode"]),
    ("WebhookClientConfig", &["url"]),
];

/// Optional numbers and booleans that are values.
const VALUES: &[(&str, &[&str])] = &[
    (
        "AWSElasticBlockStoreVolumeSource",
        &["partition", "readOnly"],
    ),
    ("AzureFilePersistentVolumeSource", &["readOnly"]),
    ("AzureFileVolumeSource", &["readOnly"]),
    ("CSIPersistentVolumeSource", &["readOnly"]),
    ("CephFSPersistentVolumeSource", &["readOnly"]),
    ("CephFSVolumeSource", &["readOnly"]),
    ("CinderPersistentVolumeSource", &["readOnly"]),
    ("CinderVolumeSource", &["readOnly"]),
    ("Condition", &["observedGeneration"]),
    ("Container", &["stdin", "stdinOnce", "tty"]),
    ("ContainerPort", &["hostPort"]),
    ("ContainerStateTerminated", &["signal"]),
    ("CustomResourceColumnDefinition", &["priority"]),
    ("CustomResourceDefinitionSpec", &["preserveUnknownFields"]),
    ("DaemonSetSpec", &["minReadySeconds"]),
    (
        "DaemonSetStatus",
        &[
            "numberAvailable",
            "numberUnavailable",
            "observedGeneration",
            "updatedNumberScheduled",
        ],
    ),
    ("DeploymentSpec", &["minReadySeconds", "paused"]),
    (
        "DeploymentStatus",
        &[
            "availableReplicas",
            "observedGeneration",
            "readyReplicas",
            "replicas",
            "unavailableReplicas",
            "updatedReplicas",
        ],
    ),
    ("EphemeralContainer", &["stdin", "stdinOnce", "tty"]),
    ("Event", &["count", "deprecatedCount"]),
    ("EventSeries", &["count"]),
    ("FCVolumeSource", &["readOnly"]),
    ("FlexPersistentVolumeSource", &["readOnly"]),
    ("FlexVolumeSource", &["readOnly"]),
    ("GCEPersistentDiskVolumeSource", &["partition", "readOnly"]),
    ("GlusterfsVolumeSource", &["readOnly"]),
    ("HorizontalPodAutoscalerStatus", &["currentReplicas"]),
    (
        "ISCSIPersistentVolumeSource",
        &["chapAuthDiscovery", "chapAuthSession", "readOnly"],
    ),
    (
        "ISCSIVolumeSource",
        &["chapAuthDiscovery", "chapAuthSession", "readOnly"],
    ),
    ("JobStatus", &["active", "failed", "succeeded"]),
    ("NFSVolumeSource", &["readOnly"]),
    ("NodeSpec", &["unschedulable"]),
    ("ObjectMeta", &["generation"]),
    ("PersistentVolumeClaimVolumeSource", &["readOnly"]),
    ("PodCondition", &["observedGeneration"]),
    ("PodDisruptionBudgetStatus", &["observedGeneration"]),
    ("PodSpec", &["hostIPC", "hostNetwork", "hostPID"]),
    ("PodStatus", &["observedGeneration"]),
    ("PortworxVolumeSource", &["readOnly"]),
    ("PriorityClass", &["globalDefault"]),
    (
        "Probe",
        &[
            "failureThreshold",
            "initialDelaySeconds",
            "periodSeconds",
            "successThreshold",
            "timeoutSeconds",
        ],
    ),
    ("QuobyteVolumeSource", &["readOnly"]),
    ("RBDPersistentVolumeSource", &["readOnly"]),
    ("RBDVolumeSource", &["readOnly"]),
    ("ReplicaSetSpec", &["minReadySeconds"]),
    (
        "ReplicaSetStatus",
        &[
            "availableReplicas",
            "fullyLabeledReplicas",
            "observedGeneration",
            "readyReplicas",
        ],
    ),
    ("ReplicationControllerSpec", &["minReadySeconds"]),
    (
        "ReplicationControllerStatus",
        &[
            "availableReplicas",
            "fullyLabeledReplicas",
            "observedGeneration",
            "readyReplicas",
        ],
    ),
    ("ScaleIOPersistentVolumeSource", &["readOnly"]),
    ("ScaleIOVolumeSource", &["readOnly"]),
    ("ScaleSpec", &["replicas"]),
    ("ServicePort", &["nodePort"]),
    (
        "ServiceSpec",
        &["healthCheckNodePort", "publishNotReadyAddresses"],
    ),
    ("StatefulSetSpec", &["minReadySeconds"]),
    (
        "StatefulSetStatus",
        &[
            "availableReplicas",
            "currentReplicas",
            "observedGeneration",
            "readyReplicas",
            "updatedReplicas",
        ],
    ),
    ("Status", &["code"]),
    ("StatusDetails", &["retryAfterSeconds"]),
    ("StorageOSPersistentVolumeSource", &["readOnly"]),
    ("StorageOSVolumeSource", &["readOnly"]),
    ("SubjectAccessReviewStatus", &["denied"]),
    ("TokenReviewStatus", &["authenticated"]),
    ("VolumeMount", &["readOnly"]),
    ("VolumeMountStatus", &["readOnly"]),
];

/// Whether the zero of an optional scalar is never printed. Only types of this name matter:
/// their versions agree.
pub(super) fn omitted(ty: &str, field: &str, is_text: bool) -> bool {
    let listed = |table: &[(&str, &[&str])]| {
        table
            .iter()
            .any(|(name, fields)| *name == ty && fields.contains(&field))
    };
    if is_text {
        !listed(TEXT_POINTERS)
    } else {
        listed(VALUES)
    }
}
