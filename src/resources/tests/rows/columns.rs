//! Golden table rows.

use apimachinery::Object;
use expect_test::{Expect, expect};
use resources::{Cell, RESOURCES, Resource};
use serde_json::{Value, json};

use crate::harness::{create, fixture, now, row, set};

fn cells(row: &Resource, object: &Object) -> String {
    let cells = row.columns.iter().map(|column| {
        let value = (column.cell)(&Cell { object, now: now() });
        let shown = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let mark = if column.priority > 0 { "+" } else { "" };
        format!("{mark}{}={shown}", column.name)
    });
    cells.collect::<Vec<_>>().join(" | ")
}

#[test]
fn every_kind_has_its_row() {
    let lines = RESOURCES.iter().map(|row| {
        let (stored, _) = create(row, fixture(row));
        format!("{}: {}\n", row.kind, cells(row, &stored))
    });
    let all: String = lines.collect();
    expect![[r#"
        Binding: Name=web | Created At=<unknown>
        ComponentStatus: Name=etcd-0 | Status=Healthy | Message=ok | Error=
        ConfigMap: Name=settings | Data=3 | Age=60m
        Endpoints: Name=web | Endpoints=10.42.0.2:80,10.42.0.3:80,10.42.0.2:53 + 1 more... | Age=60m
        Event: Last Seen=30s | Type=Normal | Reason=Pulled | Object=pod/web | +Subobject=spec.containers{web} | +Source=kubelet, node-1 | Message=Image pulled | +First Seen=2m | +Count=3 | +Name=web.17
        LimitRange: Name=sizes | Created At=2026-01-10T11:00:00Z
        Namespace: Name=shop | Status=Active | Age=5d
        Node: Name=node-1 | Status=Ready,SchedulingDisabled | Roles=control-plane,edge | Age=9d | Version=v1.35.0 | +Internal-IP=192.0.2.1 | +External-IP=<none> | +OS-Image=Debian GNU/Linux 12 | +Kernel-Version=6.18.0 | +Container-Runtime=<unknown>
        PersistentVolumeClaim: Name=data | Status=Pending | Volume= | Capacity= | Access Modes= | StorageClass=local-path | VolumeAttributesClass=<unset> | Age=60m | +VolumeMode=Filesystem
        PersistentVolume: Name=pv-1 | Capacity=1Gi | Access Modes=RWO,RWX | Reclaim Policy=Retain | Status=Pending | Claim=default/data | StorageClass=local-path | VolumeAttributesClass=<unset> | Reason= | Age=60m | +VolumeMode=Filesystem
        Pod: Name=web | Ready=0/2 | Status=Pending | Restarts=0 | Age=30m | +IP=<none> | +Node=node-1 | +Nominated Node=<none> | +Readiness Gates=0/1
        PodTemplate: Name=web | Containers=web | Images=nginx:1.27 | Pod Labels=app=web
        ReplicationController: Name=web | Desired=2 | Current=0 | Ready=0 | Age=60m | +Containers=web | +Images=nginx:1.27 | +Selector=app=web
        ResourceQuota: Name=budget | Request= | Limit= | Age=60m
        Secret: Name=login | Type=Opaque | Data=2 | Age=5m
        ServiceAccount: Name=builder | Age=1s
        Service: Name=web | Type=NodePort | Cluster-IP=10.43.0.7 | External-IP=<none> | Port(s)=80:30080/TCP,53/UDP | Age=5m | +Selector=a=b,app=web
        APIService: Name=v1beta1.metrics.k8s.io | Service=kube-system/metrics-server | Available=Unknown | Age=60m
        ControllerRevision: Name=web-1 | Controller=statefulset.apps/web | Revision=3 | Age=60m
        DaemonSet: Name=web | Desired=0 | Current=0 | Ready=0 | Up-to-date=0 | Available=0 | Node Selector=a=1,b=2 | Age=60m | +Containers=web | +Images=nginx:1.27 | +Selector=app=web
        Deployment: Name=web | Ready=0/3 | Up-to-date=0 | Available=0 | Age=5h30m | +Containers=web,side | +Images=nginx:1.27,busybox | +Selector=app=web,tier in (a,b)
        ReplicaSet: Name=web-5d9c | Desired=3 | Current=0 | Ready=0 | Age=5h30m | +Containers=web,side | +Images=nginx:1.27,busybox | +Selector=app=web,tier in (a,b)
        StatefulSet: Name=web | Ready=0/2 | Age=60m | +Containers=web | +Images=nginx:1.27
        Event: Last Seen=2m | Type=Normal | Reason=Pulled | Object=pod/web | +Subobject= | +Source=kubelet, kubelet-node-1 | Message=Image pulled | +First Seen=2m | +Count=1 | +Name=web.18
        SelfSubjectReview: 
        TokenReview: 
        LocalSubjectAccessReview: 
        SelfSubjectAccessReview: 
        SelfSubjectRulesReview: 
        SubjectAccessReview: 
        HorizontalPodAutoscaler: Name=web | Reference=Deployment/web | Targets=cpu: <unknown>/80% | MinPods=1 | MaxPods=5 | Replicas=0 | Age=60m
        CronJob: Name=nightly | Schedule=30 2 * * * | Timezone=Europe/Berlin | Suspend=False | Active=0 | Last Schedule=<none> | Age=60m | +Containers=sum | +Images=busybox:1.37 | +Selector=<none>
        Job: Name=sum | Status=Running | Completions=0/3 | Duration= | Age=60m | +Containers=sum | +Images=busybox:1.37 | +Selector=batch.kubernetes.io/controller-uid=0f1e
        CertificateSigningRequest: Name=ann | Age=60m | SignerName=kubernetes.io/kube-apiserver-client | Requestor= | RequestedDuration=24h | Condition=Pending
        IngressClass: Name=traefik | Controller=traefik.io/ingress-controller | Parameters=Settings.example.com/main | Age=60m
        Ingress: Name=web | Class=traefik | Hosts=example.com | Address= | Ports=80, 443 | Age=60m
        IPAddress: Name=10.43.0.10 | ParentRef=services/default/web | Age=60m
        NetworkPolicy: Name=web | Pod-Selector=app=web | Age=60m
        ServiceCIDR: Name=kubernetes | CIDRs=10.43.0.0/16 | Age=60m
        PodDisruptionBudget: Name=web | Min Available=50% | Max Unavailable=N/A | Allowed Disruptions=0 | Age=60m
        ClusterRoleBinding: Name=readers | Role=ClusterRole/example:reader | Age=60m | +Users= | +Groups=dev | +ServiceAccounts=shop/builder
        ClusterRole: Name=example:reader | Created At=2026-01-10T11:00:00Z
        RoleBinding: Name=readers | Role=Role/pod:reader | Age=60m | +Users=ann, bob | +Groups=dev | +ServiceAccounts=/builder
        Role: Name=pod:reader | Created At=2026-01-10T11:00:00Z
        CSIDriver: Name=csi.example.com | AttachRequired=true | PodInfoOnMount=false | StorageCapacity=false | TokenRequests=vault | RequiresRepublish=false | Modes=Persistent | Age=60m
        CSINode: Name=node-1 | Drivers=1 | Age=60m
        CSIStorageCapacity: Name=csisc-1 | Created At=2026-01-10T11:00:00Z
        StorageClass: Name=local-path (default) | Provisioner=rancher.io/local-path | ReclaimPolicy=Delete | VolumeBindingMode=Immediate | AllowVolumeExpansion=false | Age=60m
        VolumeAttachment: Name=csi-1 | Attacher=csi.example.com | PV=pv-1 | Node=node-1 | Attached=false | Age=60m
        VolumeAttributesClass: Name=fast | DriverName=csi.example.com | Age=60m
        MutatingWebhookConfiguration: Name=policy | Webhooks=1 | Age=60m
        ValidatingAdmissionPolicy: Name=replicas | Validations=1 | ParamKind=v1/ConfigMap | Age=60m
        ValidatingAdmissionPolicyBinding: Name=replicas | PolicyName=replicas | ParamRef=*/limit | Age=60m
        ValidatingWebhookConfiguration: Name=policy | Webhooks=1 | Age=60m
        CustomResourceDefinition: Name=boats.example.com | Created At=2026-01-10T11:00:00Z
        PriorityClass: Name=high | Value=1000 | Global-Default=false | Age=60m | PreemptionPolicy=PreemptLowerPriority
        Lease: Name=node-1 | Holder=node-1 | Age=60s
        RuntimeClass: Name=sandboxed | Handler=youki | Age=60m
        EndpointSlice: Name=web-x7k | AddressType=IPv4 | Ports=80,53 | Endpoints=10.42.0.2,10.42.0.3,10.42.0.4 + 1 more... | Age=60m
        DeviceClass: Name=gpu.example.com | Age=60m
        ResourceClaim: Name=gpu | State=pending | Age=60m
        ResourceClaimTemplate: Name=gpu | Age=60m
        ResourceSlice: Name=node-1-gpu | Node=node-1 | Driver=gpu.example.com | Pool=node-1 | Age=60m
        FlowSchema: Name=dev | PriorityLevel=low | MatchingPrecedence=1000 | DistinguisherMethod=ByUser | Age=60m | MissingPL=?
        PriorityLevelConfiguration: Name=low | Type=Limited | NominalConcurrencyShares=30 | Queues=64 | HandSize=8 | QueueLengthLimit=50 | Age=60m
    "#]].assert_eq(&all);
}

#[test]
fn columns_are_well_formed() {
    for row in RESOURCES {
        if row.columns.is_empty() {
            assert!(row.answer.is_some(), "{} has no Table", row.kind);
            continue;
        }
        let names: Vec<&str> = row.columns.iter().map(|column| column.name).collect();
        assert!(names.contains(&"Name"), "{}", row.kind);
        for column in row.columns {
            assert!(
                !column.description.is_empty(),
                "{} {}",
                row.kind,
                column.name
            );
            // Upstream calls an attacher a name too.
            let is_name = matches!(column.name, "Name" | "Attacher");
            assert_eq!(column.format == "name", is_name);
        }
    }
}

/// The columns READY, STATUS and RESTARTS of the pod fixture with a status.
fn pod(status: Value, deleted: bool) -> String {
    let row = row("Pod");
    let mut pod = fixture(row);
    set(&mut pod, "/status", status);
    if deleted {
        set(
            &mut pod,
            "/metadata/deletionTimestamp",
            json!("2026-01-10T12:00:30Z"),
        );
    }
    let cell = |name: &str| {
        let column = row.columns.iter().find(|column| column.name == name);
        let value = (column.expect("a column").cell)(&Cell {
            object: &pod,
            now: now(),
        });
        value.as_str().expect("a text").to_owned()
    };
    format!("{} {} {}", cell("Ready"), cell("Status"), cell("Restarts"))
}

#[test]
fn pod_status() {
    let done = json!({"name": "setup", "restartCount": 1, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}});
    let up = |name: &str| json!({"name": name, "ready": true, "restartCount": 0, "state": {"running": {}}});
    let completed = |name: &str, code: i64, reason: &str| json!({"name": name, "restartCount": 0, "state": {"terminated": {"exitCode": code, "reason": reason}}});
    let crash = json!({"name": "web", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"finishedAt": "2026-01-10T11:58:40Z", "exitCode": 1}}});
    let ready = json!([{"type": "Ready", "status": "True"}]);
    let rows: Vec<(Value, &str)> = vec![
        (json!({"phase": "Pending"}), "0/2 Pending 0"),
        (
            json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}),
            "0/2 SchedulingGated 0",
        ),
        (
            json!({"phase": "Failed", "reason": "Evicted"}),
            "0/2 Evicted 0",
        ),
        (
            json!({"phase": "Pending", "initContainerStatuses": [{"name": "setup", "restartCount": 0, "state": {"running": {}}}]}),
            "0/2 Init:0/1 0",
        ),
        (
            json!({"phase": "Pending", "initContainerStatuses": [{"name": "setup", "restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"finishedAt": "2026-01-10T11:59:00Z"}}}]}),
            "0/2 Init:CrashLoopBackOff 2 (60s ago)",
        ),
        (
            json!({"phase": "Pending", "initContainerStatuses": [{"name": "setup", "restartCount": 0, "state": {"terminated": {"exitCode": 3}}}]}),
            "0/2 Init:ExitCode:3 0",
        ),
        (
            json!({"phase": "Pending", "initContainerStatuses": [done], "containerStatuses": [
                {"name": "web", "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}}]}),
            "0/2 ContainerCreating 0",
        ),
        (
            json!({"phase": "Running", "initContainerStatuses": [done], "containerStatuses": [up("web"), up("side")], "conditions": ready}),
            "2/2 Running 0",
        ),
        (
            json!({"phase": "Running", "initContainerStatuses": [done], "containerStatuses": [crash, up("side")]}),
            "1/2 CrashLoopBackOff 4 (80s ago)",
        ),
        (
            json!({"phase": "Running", "containerStatuses": [completed("web", 0, "Completed"), up("side")], "conditions": ready}),
            "1/2 Running 0",
        ),
        (
            json!({"phase": "Running", "containerStatuses": [completed("web", 0, "Completed"), up("side")]}),
            "1/2 NotReady 0",
        ),
        (
            json!({"phase": "Failed", "containerStatuses": [completed("web", 0, "Completed"), completed("side", 1, "Error")]}),
            "0/2 Error 0",
        ),
        (
            json!({"phase": "Failed", "containerStatuses": [{"name": "web", "restartCount": 0, "state": {"terminated": {"exitCode": 137, "signal": 9}}}]}),
            "0/2 Signal:9 0",
        ),
    ];
    for (status, expected) in rows {
        assert_eq!(pod(status.clone(), false), expected, "{status}");
    }
    assert_eq!(pod(json!({"phase": "Running"}), true), "0/2 Terminating 0");
    assert_eq!(pod(json!({"phase": "Succeeded"}), true), "0/2 Succeeded 0");
    assert_eq!(
        pod(json!({"phase": "Running", "reason": "NodeLost"}), true),
        "0/2 Unknown 0"
    );
}

#[test]
fn finished_pods_have_a_row_condition() {
    let row = row("Pod");
    let mut pod = fixture(row);
    set(&mut pod, "/status", json!({"phase": "Succeeded"}));
    let expected: Expect = expect![[
        r#"[{"message":"The pod has completed successfully.","reason":"Succeeded","status":"True","type":"Completed"}]"#
    ]];
    expected.assert_eq(&Value::from(row.strategy.row_conditions(&pod)).to_string());
}

#[test]
fn external_addresses_of_services() {
    let rows = [
        (json!({"type": "ClusterIP"}), "<none>"),
        (
            json!({"type": "ClusterIP", "externalIPs": ["192.0.2.9", "192.0.2.8"]}),
            "192.0.2.9,192.0.2.8",
        ),
        (json!({"type": "LoadBalancer"}), "<pending>"),
        (
            json!({"type": "ExternalName", "externalName": "example.com"}),
            "example.com",
        ),
    ];
    let row = row("Service");
    for (spec, expected) in rows {
        let mut service = fixture(row);
        set(&mut service, "/spec", spec);
        let column = row
            .columns
            .iter()
            .find(|column| column.name == "External-IP");
        let cell = (column.expect("a column").cell)(&Cell {
            object: &service,
            now: now(),
        });
        assert_eq!(cell, json!(expected));
    }
}
