use super::*;
use expect_test::expect;

use apimachinery::UserInfo;

use crate::decision::{Authorizer, AuthzAttributes};
use crate::identity;
use crate::rbac::{Rbac, Subject};

fn rbac() -> Rbac {
    Rbac::new(Arc::new(BootstrapPolicy::load()))
}

/// `update apps/deployments/status [ns]`, or `get /healthz` for a path.
fn allows(rbac: &Rbac, user: &UserInfo, line: &str) -> bool {
    let words: Vec<_> = line.split(' ').collect();
    let attributes = if words[1].starts_with('/') {
        AuthzAttributes::path(user, words[0], words[1])
    } else {
        let mut parts = words[1].split('/');
        let group = parts.next().unwrap_or("");
        AuthzAttributes {
            subresource: parts.nth(1).unwrap_or(""),
            namespace: words.get(2).copied().unwrap_or(""),
            name: words.get(3).copied().unwrap_or(""),
            ..AuthzAttributes::resource(
                user,
                words[0],
                if group == "core" { "" } else { group },
                words[1].split('/').nth(1).unwrap_or(""),
            )
        }
    };
    rbac.authorize(&attributes).is_allowed()
}

/// What each component writes, and what it must not. Reads by shared informers are made under
/// `system:kube-controller-manager`.
const COMPONENTS: &[(&str, &str, &str)] = &[
    (
        "deployment-controller",
        "create apps/replicasets ns; update apps/replicasets ns; patch apps/replicasets ns; \
         delete apps/replicasets ns; update apps/deployments ns; update apps/deployments/status \
         ns; create core/events ns; patch core/events ns; create events.k8s.io/events ns",
        "create core/pods ns; delete core/pods ns; create apps/deployments ns; delete \
         apps/deployments ns; get core/secrets ns; update apps/replicasets/status ns",
    ),
    (
        "replicaset-controller",
        "create core/pods ns; delete core/pods ns; patch core/pods ns; update \
         apps/replicasets/status ns; create core/events ns",
        "create apps/replicasets ns; delete apps/replicasets ns; update core/pods/status ns; \
         create core/pods/binding ns; get core/secrets ns",
    ),
    (
        "replication-controller",
        "create core/pods ns; delete core/pods ns; update core/replicationcontrollers/status ns",
        "update apps/replicasets/status ns; get core/secrets ns",
    ),
    (
        "statefulset-controller",
        "create core/pods ns; update core/pods ns; delete core/pods ns; update \
         apps/statefulsets/status ns; create apps/controllerrevisions ns; delete \
         apps/controllerrevisions ns; create core/persistentvolumeclaims ns; delete \
         core/persistentvolumeclaims ns",
        "create core/persistentvolumes; create apps/statefulsets ns; get core/secrets ns",
    ),
    (
        "daemon-set-controller",
        "create core/pods ns; delete core/pods ns; patch core/pods ns; update \
         apps/daemonsets/status ns; create apps/controllerrevisions ns; patch \
         apps/controllerrevisions ns",
        "update core/nodes; update apps/daemonsets ns; get core/secrets ns",
    ),
    (
        "job-controller",
        "create core/pods ns; delete core/pods ns; patch core/pods ns; update batch/jobs/status ns; \
         patch batch/jobs ns; create core/events ns",
        "create batch/jobs ns; delete batch/jobs ns; get core/secrets ns",
    ),
    (
        "cronjob-controller",
        "create batch/jobs ns; delete batch/jobs ns; update batch/cronjobs/status ns; create \
         core/events ns",
        "create core/pods ns; delete batch/cronjobs ns",
    ),
    (
        "ttl-after-finished-controller",
        "delete batch/jobs ns",
        "create batch/jobs ns; delete core/pods ns",
    ),
    (
        "endpoint-controller",
        "create core/endpoints ns; update core/endpoints ns; delete core/endpoints ns; create \
         core/endpoints/restricted ns",
        "create discovery.k8s.io/endpointslices ns; update core/services ns; update core/pods ns",
    ),
    (
        "endpointslice-controller",
        "create discovery.k8s.io/endpointslices ns; update discovery.k8s.io/endpointslices ns; \
         delete discovery.k8s.io/endpointslices ns; create core/events ns",
        "create core/endpoints ns; update core/services ns; update core/nodes",
    ),
    (
        "endpointslicemirroring-controller",
        "create discovery.k8s.io/endpointslices ns; delete discovery.k8s.io/endpointslices ns",
        "update core/endpoints ns",
    ),
    (
        "generic-garbage-collector",
        "delete core/pods ns; patch apps/replicasets ns; update any.group/things ns; get \
         any.group/things ns; delete core/nodes; list core/secrets ns",
        "create core/pods ns; create any.group/things ns; deletecollection core/pods ns",
    ),
    (
        "namespace-controller",
        "deletecollection core/secrets ns; list any.group/things ns; delete any.group/things ns; \
         delete core/namespaces; update core/namespaces/finalize; update core/namespaces/status",
        "create core/namespaces; create core/pods ns; update core/pods ns; patch apps/deployments ns",
    ),
    (
        "node-controller",
        "patch core/nodes; update core/nodes; delete core/nodes; patch core/nodes/status; patch \
         core/pods/status ns; delete core/pods ns; create core/events ns",
        "create core/nodes; create core/pods ns; get core/secrets ns",
    ),
    (
        "pod-garbage-collector",
        "delete core/pods ns; patch core/pods/status ns; get core/nodes",
        "create core/pods ns; delete core/nodes; update core/pods ns",
    ),
    (
        "service-account-controller",
        "create core/serviceaccounts ns; create core/events ns",
        "delete core/serviceaccounts ns; create core/serviceaccounts/token ns; create core/secrets ns",
    ),
    (
        "root-ca-cert-publisher",
        "create core/configmaps ns; update core/configmaps ns",
        "delete core/configmaps ns; get core/secrets ns",
    ),
    (
        "disruption-controller",
        "update policy/poddisruptionbudgets/status ns; get apps/deployments/scale ns; get \
         any.group/things/scale ns; patch core/pods/status ns",
        "delete core/pods ns; update any.group/things/scale ns; get any.group/things ns",
    ),
    (
        "horizontal-pod-autoscaler",
        "update apps/deployments/scale ns; update any.group/things/scale ns; update \
         autoscaling/horizontalpodautoscalers/status ns; list metrics.k8s.io/pods ns",
        "update apps/deployments ns; delete core/pods ns",
    ),
    (
        "resourcequota-controller",
        "update core/resourcequotas/status ns; list any.group/things ns",
        "update core/resourcequotas ns; delete any.group/things ns",
    ),
    (
        "clusterrole-aggregation-controller",
        "patch rbac.authorization.k8s.io/clusterroles; escalate rbac.authorization.k8s.io/clusterroles",
        "create rbac.authorization.k8s.io/clusterrolebindings; bind \
         rbac.authorization.k8s.io/clusterroles",
    ),
    (
        "persistent-volume-binder",
        "create core/persistentvolumes; update core/persistentvolumes/status; update \
         core/persistentvolumeclaims ns; delete core/persistentvolumes",
        "delete core/persistentvolumeclaims ns; get core/secrets ns",
    ),
    (
        "pvc-protection-controller",
        "update core/persistentvolumeclaims ns",
        "delete core/persistentvolumeclaims ns",
    ),
    (
        "service-cidrs-controller",
        "patch networking.k8s.io/servicecidrs/status; update networking.k8s.io/servicecidrs",
        "create networking.k8s.io/servicecidrs; update core/services ns",
    ),
    (
        "certificate-controller",
        "update certificates.k8s.io/certificatesigningrequests/status; update \
         certificates.k8s.io/certificatesigningrequests/approval",
        "create certificates.k8s.io/certificatesigningrequests; sign certificates.k8s.io/signers",
    ),
];

#[test]
fn every_controller_may_do_its_work_and_no_other() {
    let rbac = rbac();
    let mut wrong = String::new();
    let mut check = |user: &UserInfo, lines: &str, expected: bool| {
        for line in lines.split(';').map(str::trim) {
            if allows(&rbac, user, line) != expected {
                wrong += &format!("{}: {line}\n", user.name);
            }
        }
    };
    for (name, needs, refused) in COMPONENTS {
        let user = identity::controller(name);
        check(&user, needs, true);
        check(&user, refused, false);
        check(
            &user,
            "get /metrics; create core/secrets ns; create core/nodes",
            false,
        );
    }
    assert_eq!(wrong, "");
}

#[test]
fn the_other_components_have_their_rights() {
    let rows = [
        (
            identity::scheduler(),
            "create core/pods/binding ns; patch core/pods/status ns; delete core/pods ns; list \
             core/nodes; watch core/pods; list core/namespaces; patch core/persistentvolumeclaims \
             ns; create core/events ns; create coordination.k8s.io/leases kube-system; update \
             coordination.k8s.io/leases kube-system kube-scheduler; get core/configmaps kube-system \
             extension-apiserver-authentication",
            "create core/pods ns; patch core/nodes; list core/secrets; update \
             coordination.k8s.io/leases ns other; get core/configmaps kube-system other",
        ),
        (
            identity::controller_manager(),
            "list core/secrets; watch any.group/things; create core/serviceaccounts/token ns; \
             create core/events ns; get core/namespaces; update coordination.k8s.io/leases \
             kube-system kube-controller-manager",
            "delete core/pods ns; get core/pods ns; create core/pods ns; patch apps/deployments ns",
        ),
        (
            identity::kube_proxy(),
            "list core/services; watch discovery.k8s.io/endpointslices; get core/nodes; create \
             core/events ns; list networking.k8s.io/servicecidrs",
            "list core/pods; list core/secrets; update core/services/status ns",
        ),
        (
            identity::dns(),
            "list core/services; watch discovery.k8s.io/endpointslices; list core/namespaces; \
             watch core/pods",
            "list core/secrets; get core/configmaps ns; update core/services ns",
        ),
        (
            UserInfo::new("kube-apiserver", &[]),
            "get core/nodes/proxy; create core/nodes/proxy; get core/nodes/log; get core/nodes/metrics",
            "get core/secrets ns; patch core/nodes; create core/pods ns",
        ),
        // A node's rights come from the Node authorizer alone.
        (
            identity::node("n1"),
            "get /version; create authorization.k8s.io/selfsubjectaccessreviews",
            "get core/nodes; list core/pods; get core/secrets ns",
        ),
        (
            UserInfo::anonymous(),
            "get /healthz; get /readyz; get /livez; get /version; get /cacerts",
            "get /api; get /metrics; get /healthz/ping; get /openapi/v2; post /healthz; list core/pods",
        ),
        (
            UserInfo::service_account("ns", "default"),
            "get /api; get /api/v1; get /apis/apps/v1; get /openapi/v3; get \
             /.well-known/openid-configuration; get /openid/v1/jwks; create \
             authentication.k8s.io/selfsubjectreviews",
            "get core/pods ns; list core/secrets ns; get /metrics",
        ),
        (
            UserInfo::new("root", &["system:masters"]),
            "delete any.group/things/status ns; get /anything",
            "",
        ),
        (
            UserInfo::new("prometheus", &["system:monitoring"]),
            "get /metrics; get /readyz/ping; get core/nodes/metrics",
            "get core/nodes; get core/pods ns",
        ),
    ];
    let rbac = rbac();
    let mut wrong = String::new();
    for (user, needs, refused) in rows {
        for (lines, expected) in [(needs, true), (refused, false)] {
            for line in lines
                .split(';')
                .map(str::trim)
                .filter(|line| !line.is_empty())
            {
                if allows(&rbac, &user, line) != expected {
                    wrong += &format!("{}: {line}, expected {expected}\n", user.name);
                }
            }
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn aggregated_roles_have_the_rules_of_those_below() {
    let policy = BootstrapPolicy::load();
    let rules = |name: &str| policy.role("", name).expect("there").rules.clone();
    let contains = |name: &str, other: &str| {
        let all = rules(name);
        rules(other).iter().all(|rule| all.contains(rule))
    };
    for (name, other) in [
        ("admin", "edit"),
        ("admin", "view"),
        ("edit", "view"),
        ("admin", "system:aggregate-to-admin"),
        ("edit", "system:aggregate-to-edit"),
        ("view", "system:aggregate-to-view"),
    ] {
        assert!(contains(name, other), "{name} lacks rules of {other}");
    }
    assert!(!contains("view", "system:aggregate-to-edit"));
    assert!(!contains("edit", "system:aggregate-to-admin"));
}

#[test]
fn every_binding_gives_a_role_that_exists() {
    let policy = Arc::new(BootstrapPolicy::load());
    let rbac = Rbac::new(policy.clone());
    let mut seen = 0;
    for binding in policy.0.all_bindings() {
        for subject in &binding.subjects {
            let user = match subject {
                Subject::User { name } => UserInfo::new(name.as_str(), &[]),
                Subject::Group { name } => UserInfo::new("somebody", &[name]),
                Subject::ServiceAccount { name, namespace } => {
                    UserInfo::service_account(namespace, name)
                }
            };
            let mut found = false;
            let missing = rbac.visit_rules(&user, &binding.namespace, |by, _, _| {
                found |= by.name == binding.name && by.namespace == binding.namespace;
                false
            });
            assert_eq!((missing, found), (vec![], true), "{}", binding.name);
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn objects_are_what_upstream_makes() {
    let objects = objects();
    let mut counts = BTreeMap::<_, usize>::new();
    for object in &objects {
        let kind = object["kind"].as_str().unwrap_or("").to_owned();
        *counts.entry(kind).or_default() += 1;
    }
    expect![[r#"
        {
            "ClusterRole": 70,
            "ClusterRoleBinding": 52,
            "Role": 7,
            "RoleBinding": 7,
        }
    "#]]
    .assert_debug_eq(&counts);
    let show = |kind: &str, name: &str| {
        let found = objects
            .iter()
            .find(|o| o["kind"] == kind && o.name() == name);
        serde_json::to_string_pretty(found.expect("there")).expect("JSON")
    };
    let shown = [
        show("ClusterRole", "edit"),
        show(
            "ClusterRoleBinding",
            "system:controller:pod-garbage-collector",
        ),
        show("Role", "extension-apiserver-authentication-reader"),
        show(
            "RoleBinding",
            "system::extension-apiserver-authentication-reader",
        ),
    ];
    expect![[r#"
        {
          "aggregationRule": {
            "clusterRoleSelectors": [
              {
                "matchLabels": {
                  "rbac.authorization.k8s.io/aggregate-to-edit": "true"
                }
              }
            ]
          },
          "apiVersion": "rbac.authorization.k8s.io/v1",
          "kind": "ClusterRole",
          "metadata": {
            "annotations": {
              "rbac.authorization.kubernetes.io/autoupdate": "true"
            },
            "labels": {
              "kubernetes.io/bootstrapping": "rbac-defaults",
              "rbac.authorization.k8s.io/aggregate-to-admin": "true"
            },
            "name": "edit"
          },
          "rules": []
        }
        {
          "apiVersion": "rbac.authorization.k8s.io/v1",
          "kind": "ClusterRoleBinding",
          "metadata": {
            "annotations": {
              "rbac.authorization.kubernetes.io/autoupdate": "true"
            },
            "labels": {
              "kubernetes.io/bootstrapping": "rbac-defaults"
            },
            "name": "system:controller:pod-garbage-collector"
          },
          "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "system:controller:pod-garbage-collector"
          },
          "subjects": [
            {
              "kind": "ServiceAccount",
              "name": "pod-garbage-collector",
              "namespace": "kube-system"
            }
          ]
        }
        {
          "apiVersion": "rbac.authorization.k8s.io/v1",
          "kind": "Role",
          "metadata": {
            "annotations": {
              "rbac.authorization.kubernetes.io/autoupdate": "true"
            },
            "labels": {
              "kubernetes.io/bootstrapping": "rbac-defaults"
            },
            "name": "extension-apiserver-authentication-reader",
            "namespace": "kube-system"
          },
          "rules": [
            {
              "apiGroups": [
                ""
              ],
              "resourceNames": [
                "extension-apiserver-authentication"
              ],
              "resources": [
                "configmaps"
              ],
              "verbs": [
                "get",
                "list",
                "watch"
              ]
            }
          ]
        }
        {
          "apiVersion": "rbac.authorization.k8s.io/v1",
          "kind": "RoleBinding",
          "metadata": {
            "annotations": {
              "rbac.authorization.kubernetes.io/autoupdate": "true"
            },
            "labels": {
              "kubernetes.io/bootstrapping": "rbac-defaults"
            },
            "name": "system::extension-apiserver-authentication-reader",
            "namespace": "kube-system"
          },
          "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "Role",
            "name": "extension-apiserver-authentication-reader"
          },
          "subjects": [
            {
              "apiGroup": "rbac.authorization.k8s.io",
              "kind": "User",
              "name": "system:kube-controller-manager"
            },
            {
              "apiGroup": "rbac.authorization.k8s.io",
              "kind": "User",
              "name": "system:kube-scheduler"
            }
          ]
        }"#]]
    .assert_eq(&shown.join("\n"));
}
