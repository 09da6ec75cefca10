use serde_json::json;

use super::{check, expect};
use crate::harness::{create, fixture, row, set, text, update};

#[test]
fn pods_that_wait() {
    let terms = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let zone = json!({"key": "zone", "operator": "In", "values": ["a"]});
    let disk = json!({"key": "disk", "operator": "Exists"});
    let gated = [
        (
            "/spec/schedulingGates",
            json!([{"name": "example.com/wait"}]),
        ),
        ("/spec/nodeName", json!(null)),
        (terms, json!([{"matchExpressions": [zone]}])),
    ];
    let rows = [
        (terms, json!([{"matchExpressions": [disk, zone]}])),
        (terms, json!([{"matchExpressions": [disk]}])),
        (terms, json!([])),
        ("/spec/affinity", json!({"podAffinity": {}})),
    ];
    check(
        "Pod",
        "",
        &gated,
        &rows,
        expect![[r#"
        /spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms = [{"matchExpressions":[{"key":"disk","operator":"Exists"},{"key":"zone","operator":"In","values":["a"]}]}]
          nothing is wrong
        /spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms = [{"matchExpressions":[{"key":"disk","operator":"Exists"}]}]
          spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]: Invalid value: {"matchExpressions":[{"key":"disk","operator":"Exists"}]}: only additions are allowed (no mutations or deletions)
        /spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms = []
          [spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term, spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Invalid value: []: no additions/deletions to non-empty NodeSelectorTerms list are allowed]
        /spec/affinity = {"podAffinity":{}}
          spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Invalid value: null: no additions/deletions to non-empty NodeSelectorTerms list are allowed
    "#]],
    );
}

#[test]
fn pods_annotations_and_claims() {
    let profile = "container.apparmor.security.beta.kubernetes.io/web";
    let before = [(
        "/metadata/annotations",
        json!({"container.apparmor.security.beta.kubernetes.io/side": "unconfined"}),
    )];
    let rows = [
        ("/metadata/annotations", json!({})),
        (
            "/metadata/annotations",
            json!({profile: "unconfined", "kubernetes.io/config.mirror": "x"}),
        ),
    ];
    check(
        "Pod",
        "",
        &before,
        &rows,
        expect![[r#"
        /metadata/annotations = {}
          metadata.annotations[container.apparmor.security.beta.kubernetes.io/side]: Forbidden: may not remove or update AppArmor annotations
        /metadata/annotations = {"container.apparmor.security.beta.kubernetes.io/web":"unconfined","kubernetes.io/config.mirror":"x"}
          [metadata.annotations[container.apparmor.security.beta.kubernetes.io/side]: Forbidden: may not remove or update AppArmor annotations, metadata.annotations[container.apparmor.security.beta.kubernetes.io/web]: Forbidden: may not add AppArmor annotations, metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not add mirror pod annotation]
    "#]],
    );
    let rows = [(
        "/status/resourceClaimStatuses",
        json!([{"name": "gpu"}, {"name": "gpu", "resourceClaimName": "A"}]),
    )];
    check(
        "Pod",
        "status",
        &[],
        &rows,
        expect![[r#"
        /status/resourceClaimStatuses = [{"name":"gpu"},{"name":"gpu","resourceClaimName":"A"}]
          [status.resourceClaimStatuses[0].name: Invalid value: "gpu": must match the name of an entry in `spec.resourceClaims`, status.resourceClaimStatuses[1].name: Invalid value: "gpu": must match the name of an entry in `spec.resourceClaims`, status.resourceClaimStatuses[1].name: Duplicate value: "gpu", status.resourceClaimStatuses[1].name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')]
    "#]],
    );
}

#[test]
fn ended_containers_stay_so_unless_they_restart() {
    let rule = json!([{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]);
    // The pod's policy, list, the container's own policy and rules, exit code, whether refused.
    let rows = [
        ("Always", "containers", json!(null), json!(null), 0, false),
        ("OnFailure", "containers", json!(null), json!(null), 0, true),
        (
            "OnFailure",
            "containers",
            json!(null),
            json!(null),
            1,
            false,
        ),
        ("Never", "containers", json!(null), json!(null), 1, true),
        (
            "Never",
            "containers",
            json!("Always"),
            json!(null),
            0,
            false,
        ),
        (
            "Never",
            "containers",
            json!("Never"),
            rule.clone(),
            42,
            false,
        ),
        ("Always", "containers", json!("Never"), rule, 1, true),
        ("Never", "initContainers", json!(null), json!(null), 0, true),
        (
            "OnFailure",
            "initContainers",
            json!(null),
            json!(null),
            0,
            true,
        ),
        (
            "Never",
            "initContainers",
            json!("Always"),
            json!(null),
            0,
            false,
        ),
    ];
    for (policy, list, own, rules, code, refused) in rows {
        let case = format!("{policy} {list} {own} {rules} {code}");
        let mut pod = fixture(row("Pod"));
        let container = json!({"name": "x", "image": "x", "restartPolicy": own,
                               "restartPolicyRules": rules});
        set(&mut pod, "/spec/restartPolicy", json!(policy));
        set(&mut pod, &format!("/spec/{list}"), json!([container]));
        let (mut old, _) = create(row("Pod"), pod);
        let statuses = if list == "containers" {
            "containerStatuses"
        } else {
            "initContainerStatuses"
        };
        let pointer = format!("/status/{statuses}");
        let status = |state| json!([{"name": "x", "state": state}]);
        set(
            &mut old,
            &pointer,
            status(json!({"terminated": {"exitCode": code}})),
        );
        let mut new = old.clone();
        set(&mut new, &pointer, status(json!({"running": {}})));
        let (_, errors) = update(row("Pod"), "status", new, &old);
        let text = text(&errors);
        let expected = format!(
            "status.{statuses}[0].state: Forbidden: may not be transitioned to non-terminated state"
        );
        assert_eq!(
            text,
            if refused { expected } else { String::new() },
            "{case}"
        );
    }
}
