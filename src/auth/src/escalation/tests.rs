use apimachinery::{GroupVersionKind, GroupVersionResource, RequestCx};
use base::TraceId;
use expect_test::expect;
use futures::FutureExt;
use serde_json::json;

use super::*;
use crate::{StoredRules, Union, identity};

struct World {
    check: EscalationCheck,
}

impl World {
    /// `ann` reads pods everywhere and edits in `ns`; `bob` may escalate, `eve` may bind `view`;
    /// all three may write roles, which the check takes for granted.
    fn new() -> Self {
        let rules = Arc::new(StoredRules::default());
        rules.let_policy_stand_in();
        let put = |value: Value| {
            let object = Object::from_value(value).expect("an object");
            if object.contains_key("roleRef") {
                rules.binding_changed(&object, false);
            } else {
                rules.role_changed(&object, false);
            }
        };
        let role =
            |name: &str, rules: Value| put(json!({"metadata": {"name": name}, "rules": rules}));
        role(
            "pods",
            json!([{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}]),
        );
        role(
            "escalates",
            json!([{
                "verbs": ["escalate"], "apiGroups": [GROUP], "resources": ["roles", "clusterroles"],
            }]),
        );
        role(
            "binds",
            json!([{
                "verbs": ["bind"], "apiGroups": [GROUP], "resources": ["clusterroles"],
                "resourceNames": ["view"],
            }]),
        );
        let bind = |namespace: &str, role: &str, user: &str| {
            put(json!({
                "metadata": {"namespace": namespace, "name": format!("{role}-{user}")},
                "roleRef": {"kind": "ClusterRole", "name": role},
                "subjects": [{"kind": "User", "name": user}],
            }))
        };
        bind("", "pods", "ann");
        bind("ns", "edit", "ann");
        bind("", "gone", "ann");
        bind("", "escalates", "bob");
        bind("", "binds", "eve");
        let rbac = Rbac::new(rules);
        let authorizer = Arc::new(Union(vec![Arc::new(rbac.clone())]));
        Self {
            check: EscalationCheck::new(rbac, authorizer),
        }
    }

    fn ask(
        &self,
        user: UserInfo,
        resource: &'static str,
        object: Value,
        old: Option<Value>,
    ) -> String {
        let object = Object::from_value(object).expect("an object");
        let old = old.map(|old| Object::from_value(old).expect("an object"));
        let cx = RequestCx::new(user, TraceId::NONE);
        let attributes = Attributes {
            operation: if old.is_some() {
                Operation::Update
            } else {
                Operation::Create
            },
            kind: &GroupVersionKind::new(GROUP, "v1", "Any"),
            resource: &GroupVersionResource::new(GROUP, "v1", resource),
            subresource: "",
            namespace: object.namespace(),
            name: object.name(),
            cx: &cx,
            old: old.as_ref(),
            dry_run: false,
        };
        // As the chain does.
        assert!(self.check.handles(Pass::Mutate, attributes.operation));
        let mut checked = object.clone();
        let outcome = self.check.mutate(&attributes, &mut checked).now_or_never();
        assert_eq!(checked, object, "it changes nothing");
        match outcome.expect("at once") {
            Ok(()) => "allowed".into(),
            Err(error) => format!("{} {error}", error.code()),
        }
    }
}

fn role(namespace: &str, verbs: &[&str], resources: &[&str]) -> Value {
    json!({
        "metadata": {"namespace": namespace, "name": "new"},
        "rules": [{"verbs": verbs, "apiGroups": [""], "resources": resources}],
    })
}

fn binding(namespace: &str, kind: &str, role: &str) -> Value {
    json!({
        "metadata": {"namespace": namespace, "name": "new"},
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": role},
        "subjects": [{"kind": "User", "name": "friend"}],
    })
}

#[test]
fn only_writes_give_rights() {
    use Operation::{Connect, Create, Delete, Update};
    let check = World::new().check;
    for (pass, expected) in [
        (Pass::Mutate, [true, true, false, false]),
        (Pass::Validate, [false; 4]),
    ] {
        let asked =
            [Create, Update, Delete, Connect].map(|operation| check.handles(pass, operation));
        assert_eq!(asked, expected, "{pass:?}");
    }
}

#[test]
fn nobody_gives_what_they_lack() {
    let world = World::new();
    let user = |name: &str| UserInfo::new(name, &[]);
    let (ann, bob, eve) = (user("ann"), user("bob"), user("eve"));
    let master = UserInfo::new("root", &["system:masters"]);
    let aggregator = identity::controller("clusterrole-aggregation-controller");
    let mut aggregated = role("", &["get"], &["pods"]);
    aggregated["aggregationRule"] = json!({"clusterRoleSelectors": [{}]});
    let owned = role("", &["get"], &["pods"]);
    let mut finalized = role("", &["delete"], &["nodes"]);
    let plain = finalized.clone();
    finalized["metadata"]["finalizers"] = json!(["x"]);
    let mut several = role("ns", &["get", "delete"], &["nodes", "nodes/proxy"]);
    several["rules"][0]["resourceNames"] = json!(["n1"]);
    let paths = json!({
        "metadata": {"name": "new"},
        "rules": [{"verbs": ["get"], "nonResourceURLs": ["/metrics", "/healthz"]}],
    });
    let rows = [
        ("owned", ann.clone(), "clusterroles", owned.clone(), None),
        (
            "lacking",
            ann.clone(),
            "clusterroles",
            role("", &["get", "delete", "watch"], &["pods", "nodes"]),
            None,
        ),
        (
            "owned here",
            ann.clone(),
            "roles",
            role("ns", &["create"], &["pods"]),
            None,
        ),
        (
            "owned elsewhere",
            ann.clone(),
            "roles",
            role("other", &["create"], &["pods"]),
            None,
        ),
        ("by name", ann.clone(), "roles", several, None),
        ("paths", ann.clone(), "clusterroles", paths, None),
        (
            "everything",
            bob.clone(),
            "clusterroles",
            role("", &["*"], &["*"]),
            None,
        ),
        (
            "as a master",
            master.clone(),
            "clusterroles",
            role("", &["*"], &["*"]),
            None,
        ),
        (
            "the aggregation",
            aggregator,
            "clusterroles",
            aggregated.clone(),
            Some(aggregated.clone()),
        ),
        (
            "aggregating",
            ann.clone(),
            "clusterroles",
            aggregated.clone(),
            None,
        ),
        (
            "no longer aggregating",
            ann.clone(),
            "clusterroles",
            owned.clone(),
            Some(aggregated),
        ),
        (
            "a finalizer",
            ann.clone(),
            "clusterroles",
            finalized,
            Some(plain),
        ),
        (
            "nothing new, but lacking",
            ann.clone(),
            "clusterroles",
            role("", &["delete"], &["nodes"]),
            Some(owned),
        ),
        (
            "binding the own",
            ann.clone(),
            "clusterrolebindings",
            binding("", "ClusterRole", "pods"),
            None,
        ),
        (
            "binding edit",
            ann.clone(),
            "rolebindings",
            binding("ns", "ClusterRole", "edit"),
            None,
        ),
        (
            "binding edit elsewhere",
            ann.clone(),
            "rolebindings",
            binding("other", "ClusterRole", "binds"),
            None,
        ),
        (
            "binding nothing",
            ann.clone(),
            "rolebindings",
            binding("ns", "Role", "gone"),
            None,
        ),
        (
            "binding nothing, cluster",
            ann.clone(),
            "clusterrolebindings",
            binding("", "ClusterRole", "gone"),
            None,
        ),
        (
            "binding a role of no namespace",
            ann.clone(),
            "clusterrolebindings",
            binding("", "Role", "pods"),
            None,
        ),
        (
            "binding without a name",
            ann.clone(),
            "rolebindings",
            binding("ns", "Role", ""),
            None,
        ),
        (
            "binding another kind",
            ann,
            "rolebindings",
            binding("ns", "Rule", "pods"),
            None,
        ),
        (
            "binding another kind as a master",
            master.clone(),
            "rolebindings",
            binding("ns", "Rule", "pods"),
            None,
        ),
        (
            "may bind",
            eve.clone(),
            "clusterrolebindings",
            binding("", "ClusterRole", "view"),
            None,
        ),
        (
            "may not bind",
            eve,
            "clusterrolebindings",
            binding("", "ClusterRole", "binds"),
            None,
        ),
        (
            "escalate is not bind",
            bob,
            "clusterrolebindings",
            binding("", "ClusterRole", "binds"),
            None,
        ),
        (
            "binding as a master",
            master,
            "clusterrolebindings",
            binding("", "ClusterRole", "cluster-admin"),
            None,
        ),
    ];
    let mut shown = String::new();
    for (what, user, resource, object, old) in rows {
        shown += &format!("{what}: {}\n", world.ask(user, resource, object, old));
    }
    expect![[r#"
        owned: allowed
        lacking: 403 clusterroles.rbac.authorization.k8s.io "new" is forbidden: user "ann" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
        {APIGroups:[""], Resources:["nodes"], Verbs:["get" "delete" "watch"]}
        {APIGroups:[""], Resources:["pods"], Verbs:["delete" "watch"]}; resolution errors: [clusterroles.rbac.authorization.k8s.io "gone" not found]
        owned here: allowed
        owned elsewhere: 403 roles.rbac.authorization.k8s.io "new" is forbidden: user "ann" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
        {APIGroups:[""], Resources:["pods"], Verbs:["create"]}; resolution errors: [clusterroles.rbac.authorization.k8s.io "gone" not found]
        by name: 403 roles.rbac.authorization.k8s.io "new" is forbidden: user "ann" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
        {APIGroups:[""], Resources:["nodes"], ResourceNames:["n1"], Verbs:["delete"]}
        {APIGroups:[""], Resources:["nodes"], ResourceNames:["n1"], Verbs:["get"]}
        {APIGroups:[""], Resources:["nodes/proxy"], ResourceNames:["n1"], Verbs:["delete"]}
        {APIGroups:[""], Resources:["nodes/proxy"], ResourceNames:["n1"], Verbs:["get"]}; resolution errors: [clusterroles.rbac.authorization.k8s.io "gone" not found]
        paths: 403 clusterroles.rbac.authorization.k8s.io "new" is forbidden: user "ann" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
        {NonResourceURLs:["/metrics"], Verbs:["get"]}; resolution errors: [clusterroles.rbac.authorization.k8s.io "gone" not found]
        everything: allowed
        as a master: allowed
        the aggregation: allowed
        aggregating: 403 clusterroles.rbac.authorization.k8s.io "new" is forbidden: must have cluster-admin privileges to use the aggregationRule
        no longer aggregating: 403 clusterroles.rbac.authorization.k8s.io "new" is forbidden: must have cluster-admin privileges to use the aggregationRule
        a finalizer: allowed
        nothing new, but lacking: 403 clusterroles.rbac.authorization.k8s.io "new" is forbidden: user "ann" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
        {APIGroups:[""], Resources:["nodes"], Verbs:["delete"]}; resolution errors: [clusterroles.rbac.authorization.k8s.io "gone" not found]
        binding the own: allowed
        binding edit: allowed
        binding edit elsewhere: 403 rolebindings.rbac.authorization.k8s.io "new" is forbidden: user "ann" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
        {APIGroups:["rbac.authorization.k8s.io"], Resources:["clusterroles"], ResourceNames:["view"], Verbs:["bind"]}; resolution errors: [clusterroles.rbac.authorization.k8s.io "gone" not found]
        binding nothing: 404 roles.rbac.authorization.k8s.io "gone" not found
        binding nothing, cluster: 404 clusterroles.rbac.authorization.k8s.io "gone" not found
        binding a role of no namespace: 400 Namespace parameter required.
        binding without a name: 400 Name parameter required.
        binding another kind: 500 unsupported role reference kind: "Rule"
        binding another kind as a master: allowed
        may bind: allowed
        may not bind: allowed
        escalate is not bind: 403 clusterrolebindings.rbac.authorization.k8s.io "new" is forbidden: user "bob" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
        {APIGroups:["rbac.authorization.k8s.io"], Resources:["clusterroles"], ResourceNames:["view"], Verbs:["bind"]}
        binding as a master: allowed
    "#]].assert_eq(&shown);
}
