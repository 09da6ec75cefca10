use serde_json::json;

use super::{check, expect, stored};
use crate::harness::{row, set, update};

#[test]
fn revisions_and_sets() {
    let rows = [("/data/spec/replicas", json!(2)), ("/revision", json!(4))];
    check(
        "ControllerRevision",
        "",
        &[],
        &rows,
        expect![[r#"
        /data/spec/replicas = 2
          data: Invalid value: {"spec":{"replicas":2}}: field is immutable
        /revision = 4
          nothing is wrong
    "#]],
    );
    let rows = [
        ("/spec/selector/matchLabels/b", json!("c")),
        ("/spec/template/spec/nodeSelector", json!(null)),
    ];
    check(
        "DaemonSet",
        "",
        &[],
        &rows,
        expect![[r#"
        /spec/selector/matchLabels/b = "c"
          [spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`, spec.selector: Invalid value: {"matchLabels":{"app":"web","b":"c"}}: field is immutable]
        /spec/template/spec/nodeSelector = null
          nothing is wrong
    "#]],
    );
    let rows = [("/status/numberReady", json!(-1))];
    check(
        "DaemonSet",
        "status",
        &[],
        &rows,
        expect![[r#"
        /status/numberReady = -1
          status.numberReady: Invalid value: -1: must be greater than or equal to 0
    "#]],
    );
    let rows = [
        ("/spec/serviceName", json!("other")),
        ("/spec/volumeClaimTemplates", json!([])),
        ("/spec/replicas", json!(5)),
        ("/spec/minReadySeconds", json!(5)),
    ];
    check(
        "StatefulSet",
        "",
        &[],
        &rows,
        expect![[r#"
        /spec/serviceName = "other"
          spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden
        /spec/volumeClaimTemplates = []
          [spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data", spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden]
        /spec/replicas = 5
          nothing is wrong
        /spec/minReadySeconds = 5
          nothing is wrong
    "#]],
    );
    let rows = [(
        "/status",
        json!({"replicas": 1, "readyReplicas": 2, "availableReplicas": 3}),
    )];
    check(
        "StatefulSet",
        "status",
        &[],
        &rows,
        expect![[r#"
        /status = {"availableReplicas":3,"readyReplicas":2,"replicas":1}
          [status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas, status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas, status.availableReplicas: Invalid value: 3: cannot be greater than status.readyReplicas]
    "#]],
    );
}

/// Of a Deployment alone `/status` keeps the labels; annotations it may change.
#[test]
fn a_status_and_the_labels() {
    for (kind, labels) in [
        ("Deployment", json!({"a": "old"})),
        ("ReplicaSet", json!({"a": "new"})),
        ("StatefulSet", json!({"a": "new"})),
    ] {
        let old = stored(row(kind), &[("/metadata/labels", json!({"a": "old"}))]);
        let mut new = old.clone();
        set(&mut new, "/metadata/labels", json!({"a": "new"}));
        set(&mut new, "/metadata/annotations", json!({"b": "new"}));
        let (kept, errors) = update(row(kind), "status", new, &old);
        assert!(errors.is_empty(), "{kind}: {errors:?}");
        assert_eq!(kept.at("/metadata/labels"), Some(&labels), "{kind}");
        assert_eq!(kept.at("/metadata/annotations"), Some(&json!({"b": "new"})));
    }
}

#[test]
fn jobs() {
    let rows = [
        ("/spec/completions", json!(4)),
        ("/spec/parallelism", json!(4)),
        ("/spec/template/spec/nodeSelector", json!({"a": "b"})),
        ("/spec/selector/matchLabels/x", json!("y")),
        ("/spec/completionMode", json!("Indexed")),
        ("/spec/suspend", json!(true)),
    ];
    check(
        "Job",
        "",
        &[],
        &rows,
        expect![[r#"
        /spec/completions = 4
          spec.completions: Invalid value: 4: field is immutable
        /spec/parallelism = 4
          nothing is wrong
        /spec/template/spec/nodeSelector = {"a":"b"}
          spec.template: Invalid value: {"metadata":{"labels":{"app":"sum","batch.kubernetes.io/controller-uid":"0f1e","batch.kubernetes.io/job-name":"sum","controller-uid":"0f1e","job-name":"sum"}},"spec":{"containers":[{"image":"busybox:1.37","imagePullPolicy":"IfNotPresent","name":"sum","resources":{},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}],"dnsPolicy":"ClusterFirst","nodeSelector":{"a":"b"},"restartPolicy":"Never","schedulerName":"default-scheduler","securityContext":{},"terminationGracePeriodSeconds":30}}: field is immutable
        /spec/selector/matchLabels/x = "y"
          [spec.template.metadata.labels: Invalid value: {"app":"sum","batch.kubernetes.io/controller-uid":"0f1e","batch.kubernetes.io/job-name":"sum","controller-uid":"0f1e","job-name":"sum"}: `selector` does not match template `labels`, spec.selector: Invalid value: {"matchLabels":{"batch.kubernetes.io/controller-uid":"0f1e","x":"y"}}: field is immutable]
        /spec/completionMode = "Indexed"
          spec.completionMode: Invalid value: "Indexed": field is immutable
        /spec/suspend = true
          nothing is wrong
    "#]],
    );
    let rows = [
        ("/spec/template/spec/nodeSelector", json!({"a": "b"})),
        (
            "/spec/template/spec/affinity",
            json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{}]}}}),
        ),
        ("/spec/template/spec/containers/0/image", json!("other:1")),
    ];
    let suspended = [("/spec/suspend", json!(true))];
    check(
        "Job",
        "",
        &suspended,
        &rows,
        expect![[r#"
            /spec/template/spec/nodeSelector = {"a":"b"}
              nothing is wrong
            /spec/template/spec/affinity = {"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{}]}}}
              nothing is wrong
            /spec/template/spec/containers/0/image = "other:1"
              spec.template: Invalid value: {"metadata":{"labels":{"app":"sum","batch.kubernetes.io/controller-uid":"0f1e","batch.kubernetes.io/job-name":"sum","controller-uid":"0f1e","job-name":"sum"}},"spec":{"containers":[{"image":"other:1","imagePullPolicy":"IfNotPresent","name":"sum","resources":{},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}],"dnsPolicy":"ClusterFirst","restartPolicy":"Never","schedulerName":"default-scheduler","securityContext":{},"terminationGracePeriodSeconds":30}}: field is immutable
        "#]],
    );
}

#[test]
fn job_status() {
    let condition = |kind: &str| json!({"type": kind, "status": "True"});
    let rows = [
        ("/status/active", json!(-1)),
        ("/status/ready", json!(1)),
        ("/status/conditions", json!([condition("Complete")])),
        (
            "/status/conditions",
            json!([condition("Failed"), condition("SuccessCriteriaMet")]),
        ),
        ("/status/completionTime", json!("2026-01-10T11:30:00Z")),
        ("/status/completedIndexes", json!("1-2")),
        ("/status/failedIndexes", json!("1")),
        (
            "/status/uncountedTerminatedPods",
            json!({"succeeded": ["a", ""], "failed": ["a"]}),
        ),
        (
            "/status",
            json!({"startTime": "2026-01-10T11:00:00Z", "completionTime": "2026-01-10T11:30:00Z", "succeeded": 3,
                "conditions": [condition("SuccessCriteriaMet"), condition("Complete")]}),
        ),
    ];
    check(
        "Job",
        "status",
        &[],
        &rows,
        expect![[r#"
            /status/active = -1
              status.active: Invalid value: -1: must be greater than or equal to 0
            /status/ready = 1
              status.ready: Invalid value: 1: cannot set more ready pods than active
            /status/conditions = [{"status":"True","type":"Complete"}]
              [status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition, status.completionTime: Required value: completionTime is required for Complete jobs, status.startTime: Required value: startTime is required for finished job]
            /status/conditions = [{"status":"True","type":"Failed"},{"status":"True","type":"SuccessCriteriaMet"}]
              [status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and Failed=true conditions, status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition, status.startTime: Required value: startTime is required for finished job]
            /status/completionTime = "2026-01-10T11:30:00Z"
              status.completionTime: Invalid value: "2026-01-10T11:30:00Z": cannot set completionTime when there is no Complete=True condition
            /status/completedIndexes = "1-2"
              status.completedIndexes: Invalid value: "1-2": cannot set non-empty completedIndexes when non-indexed completion mode
            /status/failedIndexes = "1"
              status.failedIndexes: Invalid value: "1": cannot set non-null failedIndexes when backoffLimitPerIndex is null
            /status/uncountedTerminatedPods = {"failed":["a"],"succeeded":["a",""]}
              [status.uncountedTerminatedPods.succeeded[1]: Invalid value: "": must not be empty, status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"]
            /status = {"completionTime":"2026-01-10T11:30:00Z","conditions":[{"status":"True","type":"SuccessCriteriaMet"},{"status":"True","type":"Complete"}],"startTime":"2026-01-10T11:00:00Z","succeeded":3}
              nothing is wrong
        "#]],
    );
}
