use serde_json::json;

use super::{check, expect};

#[test]
fn templates_and_revisions() {
    check(
        "PodTemplate",
        &[
            ("/template/spec/containers", json!([])),
            ("/template/metadata/labels/a b", json!("c")),
            ("/template", json!(null)),
        ],
        expect![[r#"
            /template/spec/containers = []
              template.spec.containers: Required value
            /template/metadata/labels/a b = "c"
              template.labels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            /template = null
              template.spec.containers: Required value
        "#]],
    );
    check(
        "ControllerRevision",
        &[
            ("/data", json!(null)),
            ("/data", json!("text")),
            ("/revision", json!(-1)),
        ],
        expect![[r#"
            /data = null
              data: Required value: data is mandatory
            /data = "text"
              data: Invalid value: "text": data must be a valid JSON object
            /revision = -1
              revision: Invalid value: -1: must be greater than or equal to 0
        "#]],
    );
    check(
        "ReplicationController",
        &[
            ("/spec/template/metadata/labels", json!(null)),
            ("/spec/selector", json!({"app": "other"})),
            ("/spec/replicas", json!(-1)),
            ("/spec/template/spec/activeDeadlineSeconds", json!(5)),
            ("/spec/template/spec/restartPolicy", json!("Never")),
        ],
        expect![[r#"
            /spec/template/metadata/labels = null
              spec.selector: Required value
            /spec/selector = {"app":"other"}
              spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`
            /spec/replicas = -1
              spec.replicas: Invalid value: -1: must be greater than or equal to 0
            /spec/template/spec/activeDeadlineSeconds = 5
              spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicationController is not Supported
            /spec/template/spec/restartPolicy = "Never"
              spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"
        "#]],
    );
}

#[test]
fn daemon_sets() {
    check(
        "DaemonSet",
        &[
            ("/spec/selector", json!(null)),
            ("/spec/selector", json!({})),
            ("/spec/selector/matchLabels/app", json!("other")),
            ("/spec/template/spec/restartPolicy", json!("OnFailure")),
            ("/spec/template/spec/activeDeadlineSeconds", json!(5)),
            ("/spec/updateStrategy", json!({"type": "OnDelete"})),
            ("/spec/updateStrategy", json!({"type": "Other"})),
            (
                "/spec/updateStrategy",
                json!({"rollingUpdate": {"maxUnavailable": 0}}),
            ),
            (
                "/spec/updateStrategy",
                json!({"rollingUpdate": {"maxUnavailable": "10%", "maxSurge": 1}}),
            ),
            (
                "/spec/updateStrategy",
                json!({"rollingUpdate": {"maxUnavailable": "110%"}}),
            ),
            ("/spec/minReadySeconds", json!(-1)),
            ("/spec/revisionHistoryLimit", json!(-1)),
        ],
        expect![[r#"
            /spec/selector = null
              spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`
            /spec/selector = {}
              spec.selector: Invalid value: {}: empty selector is invalid for daemonset
            /spec/selector/matchLabels/app = "other"
              spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`
            /spec/template/spec/restartPolicy = "OnFailure"
              spec.template.spec.restartPolicy: Unsupported value: "OnFailure": supported values: "Always"
            /spec/template/spec/activeDeadlineSeconds = 5
              spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported
            /spec/updateStrategy = {"type":"OnDelete"}
              nothing is wrong
            /spec/updateStrategy = {"type":"Other"}
              spec.updateStrategy: Unsupported value: {"type":"Other"}: supported values: "RollingUpdate", "OnDelete"
            /spec/updateStrategy = {"rollingUpdate":{"maxUnavailable":0}}
              spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0
            /spec/updateStrategy = {"rollingUpdate":{"maxSurge":1,"maxUnavailable":"10%"}}
              spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero
            /spec/updateStrategy = {"rollingUpdate":{"maxUnavailable":"110%"}}
              spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "110%": must not be greater than 100%
            /spec/minReadySeconds = -1
              spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0
            /spec/revisionHistoryLimit = -1
              spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0
        "#]],
    );
}

#[test]
fn stateful_sets() {
    check(
        "StatefulSet",
        &[
            ("/metadata/name", json!("a.b")),
            ("/spec/podManagementPolicy", json!("Serial")),
            ("/spec/updateStrategy", json!({"type": "Other"})),
            (
                "/spec/updateStrategy",
                json!({"type": "OnDelete", "rollingUpdate": {}}),
            ),
            (
                "/spec/updateStrategy",
                json!({"rollingUpdate": {"partition": -1}}),
            ),
            (
                "/spec/persistentVolumeClaimRetentionPolicy",
                json!({"whenDeleted": "Keep"}),
            ),
            ("/spec/selector", json!(null)),
            ("/spec/selector", json!({})),
            ("/spec/ordinals", json!({"start": -1})),
            ("/spec/serviceName", json!("a.b")),
            ("/spec/volumeClaimTemplates/0/spec", json!({})),
            ("/spec/volumeClaimTemplates", json!(null)),
            (
                "/spec/volumeClaimTemplates/0/spec/accessModes",
                json!(["ReadWriteOncePod", "Often"]),
            ),
            (
                "/spec/volumeClaimTemplates/0/spec/resources/requests/storage",
                json!("0"),
            ),
            (
                "/spec/volumeClaimTemplates/0/spec/dataSource",
                json!({"kind": "VolumeSnapshot"}),
            ),
        ],
        expect![[r#"
            /metadata/name = "a.b"
              metadata.name: Invalid value: "a.b": must not contain dots
            /spec/podManagementPolicy = "Serial"
              spec.podManagementPolicy: Invalid value: "Serial": must be 'OrderedReady' or 'Parallel'
            /spec/updateStrategy = {"type":"Other"}
              spec.updateStrategy: Invalid value: {"type":"Other"}: must be 'RollingUpdate' or 'OnDelete'
            /spec/updateStrategy = {"rollingUpdate":{},"type":"OnDelete"}
              spec.updateStrategy.rollingUpdate: Invalid value: {}: only allowed for updateStrategy 'RollingUpdate'
            /spec/updateStrategy = {"rollingUpdate":{"partition":-1}}
              spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0
            /spec/persistentVolumeClaimRetentionPolicy = {"whenDeleted":"Keep"}
              spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Keep": supported values: "Retain", "Delete"
            /spec/selector = null
              [spec.selector: Required value, spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`]
            /spec/selector = {}
              spec.selector: Invalid value: {}: empty selector is invalid for statefulset
            /spec/ordinals = {"start":-1}
              spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0
            /spec/serviceName = "a.b"
              spec.serviceName: Invalid value: "a.b": must not contain dots
            /spec/volumeClaimTemplates/0/spec = {}
              [spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required, spec.volumeClaimTemplates[0].spec.resources[storage]: Required value]
            /spec/volumeClaimTemplates = null
              spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"
            /spec/volumeClaimTemplates/0/spec/accessModes = ["ReadWriteOncePod","Often"]
              [spec.volumeClaimTemplates[0].spec.accessModes: Unsupported value: "Often": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod", spec.volumeClaimTemplates[0].spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes]
            /spec/volumeClaimTemplates/0/spec/resources/requests/storage = "0"
              spec.volumeClaimTemplates[0].spec.resources[storage]: Invalid value: "0": must be greater than zero
            /spec/volumeClaimTemplates/0/spec/dataSource = {"kind":"VolumeSnapshot"}
              [spec.volumeClaimTemplates[0].spec.dataSource.name: Required value, spec.volumeClaimTemplates[0].spec.dataSource: Invalid value: "VolumeSnapshot": must be 'PersistentVolumeClaim' when referencing the default apiGroup]
        "#]],
    );
}

#[test]
fn jobs() {
    let indexed = |fields: serde_json::Value| {
        let mut spec = json!({"completionMode": "Indexed", "completions": 5, "template": {
            "spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b:1"}]}}});
        for (field, value) in fields.as_object().expect("fields") {
            spec[field] = value.clone();
        }
        spec
    };
    check(
        "Job",
        &[
            ("/spec/completions", json!(-1)),
            ("/spec/manualSelector", json!(true)),
            ("/spec/selector", json!({"matchLabels": {"app": "sum"}})),
            ("/spec/template/metadata/labels/job-name", json!("other")),
            ("/spec/template/spec/restartPolicy", json!(null)),
            ("/spec/template/spec/restartPolicy", json!("Sometimes")),
            ("/spec/maxFailedIndexes", json!(1)),
            ("/spec/managedBy", json!("me")),
            ("/spec/completionMode", json!("Indexed")),
            ("/spec/completionMode", json!("Other")),
            ("/spec", indexed(json!({"completions": null}))),
            ("/spec", indexed(json!({"parallelism": 100_001}))),
            (
                "/spec",
                indexed(
                    json!({"completions": 100_001, "backoffLimitPerIndex": 1, "parallelism": 20_000}),
                ),
            ),
            (
                "/spec",
                indexed(json!({"backoffLimitPerIndex": 1, "maxFailedIndexes": 6})),
            ),
            ("/spec/podReplacementPolicy", json!("Never")),
            ("/spec/podFailurePolicy", json!({"rules": [{}]})),
            (
                "/spec/podFailurePolicy",
                json!({"rules": [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [3, 0, 3], "containerName": "x"},
                    "onPodConditions": [{"type": "a b", "status": "Perhaps"}]}]}),
            ),
            (
                "/spec/podFailurePolicy",
                json!({"rules": [{"action": "Ignore", "onExitCodes": {"operator": "Near"}}]}),
            ),
            ("/spec/successPolicy", json!({})),
            ("/spec", indexed(json!({"successPolicy": {}}))),
            (
                "/spec",
                indexed(
                    json!({"successPolicy": {"rules": [{}, {"succeededIndexes": "7"},
                    {"succeededIndexes": "1-2", "succeededCount": 3}, {"succeededCount": 6}]}}),
                ),
            ),
        ],
        expect![[r#"
            /spec/completions = -1
              spec.completions: Invalid value: -1: must be greater than or equal to 0
            /spec/manualSelector = true
              [spec.selector: Required value, spec.template.metadata.labels: Invalid value: {"app":"sum"}: `selector` does not match template `labels`]
            /spec/selector = {"matchLabels":{"app":"sum"}}
              spec.selector: Invalid value: {"matchLabels":{"app":"sum","batch.kubernetes.io/controller-uid":"0f1e"}}: `selector` not auto-generated
            /spec/template/metadata/labels/job-name = "other"
              spec.template.metadata.labels[job-name]: Invalid value: {"app":"sum","batch.kubernetes.io/controller-uid":"0f1e","batch.kubernetes.io/job-name":"sum","controller-uid":"0f1e","job-name":"other"}: must be 'sum'
            /spec/template/spec/restartPolicy = null
              spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"
            /spec/template/spec/restartPolicy = "Sometimes"
              [spec.template.spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never", spec.template.spec.restartPolicy: Unsupported value: "Sometimes": supported values: "OnFailure", "Never"]
            /spec/maxFailedIndexes = 1
              [spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified, spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode]
            /spec/managedBy = "me"
              spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")
            /spec/completionMode = "Indexed"
              nothing is wrong
            /spec/completionMode = "Other"
              spec.completionMode: Unsupported value: "Other": supported values: "NonIndexed", "Indexed"
            /spec = {"completionMode":"Indexed","completions":null,"template":{"spec":{"containers":[{"image":"b:1","name":"a"}],"restartPolicy":"Never"}}}
              nothing is wrong
            /spec = {"completionMode":"Indexed","completions":5,"parallelism":100001,"template":{"spec":{"containers":[{"image":"b:1","name":"a"}],"restartPolicy":"Never"}}}
              spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed
            /spec = {"backoffLimitPerIndex":1,"completionMode":"Indexed","completions":100001,"parallelism":20000,"template":{"spec":{"containers":[{"image":"b:1","name":"a"}],"restartPolicy":"Never"}}}
              [spec.maxFailedIndexes: Required value: must be specified when completions is above 100000, spec.parallelism: Invalid value: 20000: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index]
            /spec = {"backoffLimitPerIndex":1,"completionMode":"Indexed","completions":5,"maxFailedIndexes":6,"template":{"spec":{"containers":[{"image":"b:1","name":"a"}],"restartPolicy":"Never"}}}
              spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions
            /spec/podReplacementPolicy = "Never"
              spec.podReplacementPolicy: Unsupported value: "Never": supported values: "Failed", "TerminatingOrFailed"
            /spec/podFailurePolicy = {"rules":[{}]}
              [spec.podFailurePolicy.rules[0].action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"], spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required]
            /spec/podFailurePolicy = {"rules":[{"action":"FailIndex","onExitCodes":{"containerName":"x","operator":"In","values":[3,0,3]},"onPodConditions":[{"status":"Perhaps","type":"a b"}]}]}
              [spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set, spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: "x": must be one of the container or initContainer names in the pod template, spec.podFailurePolicy.rules[0].onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator, spec.podFailurePolicy.rules[0].onExitCodes.values[2]: Duplicate value: 3, spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [3,0,3]: must be ordered, spec.podFailurePolicy.rules[0].onPodConditions[0].type: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'), spec.podFailurePolicy.rules[0].onPodConditions[0].status: Unsupported value: "Perhaps": supported values: "False", "True", "Unknown", spec.podFailurePolicy.rules[0]: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported]
            /spec/podFailurePolicy = {"rules":[{"action":"Ignore","onExitCodes":{"operator":"Near"}}]}
              [spec.podFailurePolicy.rules[0].onExitCodes.operator: Unsupported value: "Near": supported values: "In", "NotIn", spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: null: at least one value is required]
            /spec/successPolicy = {}
              spec.successPolicy: Invalid value: {}: requires indexed completion mode
            /spec = {"completionMode":"Indexed","completions":5,"successPolicy":{},"template":{"spec":{"containers":[{"image":"b:1","name":"a"}],"restartPolicy":"Never"}}}
              spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified
            /spec = {"completionMode":"Indexed","completions":5,"successPolicy":{"rules":[{},{"succeededIndexes":"7"},{"succeededCount":3,"succeededIndexes":"1-2"},{"succeededCount":6}]},"template":{"spec":{"containers":
              [spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified, spec.successPolicy.rules[1].succeededIndexes: Invalid value: "7": error parsing succeededIndexes: too large index: "7", spec.successPolicy.rules[2].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field), spec.successPolicy.rules[3].succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified completions)]
        "#]],
    );
}

#[test]
fn cron_jobs() {
    check(
        "CronJob",
        &[
            ("/metadata/name", json!("a".repeat(53))),
            ("/spec/schedule", json!(null)),
            ("/spec/schedule", json!("now")),
            ("/spec/schedule", json!("CRON_TZ=UTC 0 0 * * *")),
            ("/spec/timeZone", json!("")),
            ("/spec/timeZone", json!("Local")),
            ("/spec/timeZone", json!("Europe/Atlantis")),
            ("/spec/timeZone", json!("../UTC")),
            ("/spec/concurrencyPolicy", json!("Queue")),
            ("/spec/jobTemplate/spec/selector", json!({})),
            ("/spec/jobTemplate/spec/manualSelector", json!(true)),
            ("/spec/jobTemplate/spec/parallelism", json!(-1)),
            ("/spec/failedJobsHistoryLimit", json!(-1)),
            ("/spec/startingDeadlineSeconds", json!(-1)),
        ],
        expect![[r#"
            /metadata/name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
              metadata.name: Invalid value: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": must be no more than 52 characters
            /spec/schedule = null
              spec.schedule: Required value
            /spec/schedule = "now"
              spec.schedule: Invalid value: "now": expected exactly 5 fields, found 1: [now]
            /spec/schedule = "CRON_TZ=UTC 0 0 * * *"
              spec.schedule: Invalid value: "CRON_TZ=UTC 0 0 * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead
            /spec/timeZone = ""
              spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string
            /spec/timeZone = "Local"
              spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones
            /spec/timeZone = "Europe/Atlantis"
              spec.timeZone: Invalid value: "Europe/Atlantis": unknown time zone Europe/Atlantis
            /spec/timeZone = "../UTC"
              spec.timeZone: Invalid value: "../UTC": unknown time zone ../UTC
            /spec/concurrencyPolicy = "Queue"
              spec.concurrencyPolicy: Unsupported value: "Queue": supported values: "Allow", "Forbid", "Replace"
            /spec/jobTemplate/spec/selector = {}
              spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated
            /spec/jobTemplate/spec/manualSelector = true
              spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"
            /spec/jobTemplate/spec/parallelism = -1
              spec.jobTemplate.spec.parallelism: Invalid value: -1: must be greater than or equal to 0
            /spec/failedJobsHistoryLimit = -1
              spec.failedJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0
            /spec/startingDeadlineSeconds = -1
              spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0
        "#]],
    );
}
