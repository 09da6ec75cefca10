use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use apimachinery::GroupResource;
use expect_test::expect;
use futures::FutureExt;

use super::*;

/// Objects by kind, namespace and name; conflicts on demand.
#[derive(Default)]
struct Shelf {
    objects: Mutex<BTreeMap<String, Object>>,
    conflicts: Mutex<usize>,
}

fn key(object: &Object) -> String {
    let kind = object["kind"].as_str().unwrap_or_default();
    format!("{kind} {}/{}", object.namespace(), object.name())
}

impl Shelf {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, key: &str, change: impl FnOnce(&mut Object)) {
        change(self.objects().get_mut(key).expect("there"));
    }

    fn shown(&self, key: &str) -> String {
        let objects = self.objects();
        let object = &objects[key].0;
        serde_json::to_string(object).expect("JSON")
    }

    fn reconcile(&self) -> Result<usize, StatusError> {
        reconcile(self).now_or_never().expect("nothing here waits")
    }
}

fn ready<T: Send + 'static>(value: T) -> BoxFuture<'static, T> {
    Box::pin(std::future::ready(value))
}

impl RbacStore for Shelf {
    fn get<'a>(&'a self, like: &'a Object) -> BoxFuture<'a, Result<Option<Object>, StatusError>> {
        ready(Ok(self.objects().get(&key(like)).cloned()))
    }

    fn create<'a>(&'a self, object: Object) -> BoxFuture<'a, Result<(), StatusError>> {
        self.objects().insert(key(&object), object);
        ready(Ok(()))
    }

    fn update<'a>(&'a self, object: Object) -> BoxFuture<'a, Result<(), StatusError>> {
        let mut conflicts = self
            .conflicts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *conflicts > 0 {
            *conflicts -= 1;
            return ready(Err(StatusError::modified(&GroupResource::default(), "x")));
        }
        self.create(object)
    }

    fn delete<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<(), StatusError>> {
        self.objects().remove(&key(object));
        ready(Ok(()))
    }
}

const NODE_ROLE: &str = "ClusterRole /system:kube-dns";
const ADMIN: &str = "ClusterRole /admin";
const BINDING: &str = "ClusterRoleBinding /system:kube-dns";

#[test]
fn writes_everything_once() {
    let shelf = Shelf::default();
    let all = objects().len();
    assert_eq!(shelf.reconcile(), Ok(all));
    assert_eq!(shelf.objects().len(), all);
    assert_eq!(shelf.reconcile(), Ok(0));
}

#[test]
fn brings_back_what_was_taken_and_keeps_what_was_added() {
    let shelf = Shelf::default();
    shelf.reconcile().expect("written");
    let mut shown = String::new();
    let mut show = |what: &str, key: &str, change: &dyn Fn(&mut Object)| {
        shelf.change(key, change);
        let written = shelf.reconcile().expect("written");
        shown += &format!("{what} ({written} written): {}\n", shelf.shown(key));
    };
    show("a rule less", NODE_ROLE, &|role| role["rules"] = json!([]));
    show("a rule more", NODE_ROLE, &|role| {
        let rule = json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]});
        role["rules"]
            .as_array_mut()
            .expect("a list")
            .insert(0, rule);
    });
    show("a verb less", NODE_ROLE, &|role| {
        role["rules"][1]["verbs"] = json!(["watch"])
    });
    show("other labels", NODE_ROLE, &|role| {
        role["metadata"]["labels"] = json!({"mine": "x"});
        role["metadata"]["annotations"] = json!({AUTOUPDATE: "yes"});
    });
    show("a subject less", BINDING, &|binding| {
        drop(binding.remove("subjects"))
    });
    show("another subject", BINDING, &|binding| {
        binding["subjects"] = json!([{"kind": "User", "name": "x"}]);
    });
    show("another role", BINDING, &|binding| {
        binding["roleRef"]["name"] = "x".into()
    });
    show("protected", BINDING, &|binding| {
        binding["metadata"]["annotations"][AUTOUPDATE] = "false".into();
        binding["roleRef"]["name"] = "x".into();
    });
    show("aggregated rules", ADMIN, &|role| {
        role["rules"] = json!([{"verbs": ["x"]}])
    });
    show("another selector", ADMIN, &|role| {
        let selector = json!({"matchLabels": {"mine": "x"}});
        role["aggregationRule"] = json!({"clusterRoleSelectors": [selector]});
    });
    show("aggregates all of a sudden", NODE_ROLE, &|role| {
        role.insert(
            "aggregationRule".into(),
            json!({"clusterRoleSelectors": []}),
        );
    });
    expect![[r#"
        a rule less (1 written): {"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"true"},"labels":{"kubernetes.io/bootstrapping":"rbac-defaults"},"name":"system:kube-dns"},"rules":[{"apiGroups":[""],"resources":["endpoints"],"verbs":["list"]},{"apiGroups":[""],"resources":["endpoints"],"verbs":["watch"]},{"apiGroups":[""],"resources":["services"],"verbs":["list"]},{"apiGroups":[""],"resources":["services"],"verbs":["watch"]}]}
        a rule more (0 written): {"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"true"},"labels":{"kubernetes.io/bootstrapping":"rbac-defaults"},"name":"system:kube-dns"},"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]},{"apiGroups":[""],"resources":["endpoints"],"verbs":["list"]},{"apiGroups":[""],"resources":["endpoints"],"verbs":["watch"]},{"apiGroups":[""],"resources":["services"],"verbs":["list"]},{"apiGroups":[""],"resources":["services"],"verbs":["watch"]}]}
        a verb less (1 written): {"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"true"},"labels":{"kubernetes.io/bootstrapping":"rbac-defaults"},"name":"system:kube-dns"},"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]},{"apiGroups":[""],"resources":["endpoints"],"verbs":["watch"]},{"apiGroups":[""],"resources":["endpoints"],"verbs":["watch"]},{"apiGroups":[""],"resources":["services"],"verbs":["list"]},{"apiGroups":[""],"resources":["services"],"verbs":["watch"]},{"apiGroups":[""],"resources":["endpoints"],"verbs":["list"]}]}
        other labels (1 written): {"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"yes"},"labels":{"kubernetes.io/bootstrapping":"rbac-defaults","mine":"x"},"name":"system:kube-dns"},"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]},{"apiGroups":[""],"resources":["endpoints"],"verbs":["watch"]},{"apiGroups":[""],"resources":["endpoints"],"verbs":["watch"]},{"apiGroups":[""],"resources":["services"],"verbs":["list"]},{"apiGroups":[""],"resources":["services"],"verbs":["watch"]},{"apiGroups":[""],"resources":["endpoints"],"verbs":["list"]}]}
        a subject less (1 written): {"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"true"},"labels":{"kubernetes.io/bootstrapping":"rbac-defaults"},"name":"system:kube-dns"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"system:kube-dns"},"subjects":[{"kind":"ServiceAccount","name":"kube-dns","namespace":"kube-system"}]}
        another subject (1 written): {"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"true"},"labels":{"kubernetes.io/bootstrapping":"rbac-defaults"},"name":"system:kube-dns"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"system:kube-dns"},"subjects":[{"kind":"User","name":"x"},{"kind":"ServiceAccount","name":"kube-dns","namespace":"kube-system"}]}
        another role (1 written): {"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"true"},"labels":{"kubernetes.io/bootstrapping":"rbac-defaults"},"name":"system:kube-dns"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"system:kube-dns"},"subjects":[{"kind":"ServiceAccount","name":"kube-dns","namespace":"kube-system"}]}
        protected (0 written): {"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"false"},"labels":{"kubernetes.io/bootstrapping":"rbac-defaults"},"name":"system:kube-dns"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"x"},"subjects":[{"kind":"ServiceAccount","name":"kube-dns","namespace":"kube-system"}]}
        aggregated rules (0 written): {"aggregationRule":{"clusterRoleSelectors":[{"matchLabels":{"rbac.authorization.k8s.io/aggregate-to-admin":"true"}}]},"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"true"},"labels":{"kubernetes.io/bootstrapping":"rbac-defaults"},"name":"admin"},"rules":[{"verbs":["x"]}]}
        another selector (1 written): {"aggregationRule":{"clusterRoleSelectors":[{"matchLabels":{"mine":"x"}},{"matchLabels":{"rbac.authorization.k8s.io/aggregate-to-admin":"true"}}]},"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"true"},"labels":{"kubernetes.io/bootstrapping":"rbac-defaults"},"name":"admin"},"rules":[{"verbs":["x"]}]}
        aggregates all of a sudden (1 written): {"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"yes"},"labels":{"kubernetes.io/bootstrapping":"rbac-defaults","mine":"x"},"name":"system:kube-dns"},"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]},{"apiGroups":[""],"resources":["endpoints"],"verbs":["watch"]},{"apiGroups":[""],"resources":["endpoints"],"verbs":["watch"]},{"apiGroups":[""],"resources":["services"],"verbs":["list"]},{"apiGroups":[""],"resources":["services"],"verbs":["watch"]},{"apiGroups":[""],"resources":["endpoints"],"verbs":["list"]}]}
    "#]].assert_eq(&shown);
}

#[test]
fn a_conflict_is_tried_again_and_not_for_ever() {
    let shelf = Shelf::default();
    shelf.reconcile().expect("written");
    for (conflicts, outcome) in [(3, Ok(1)), (4, Err(409))] {
        *shelf.conflicts.lock().expect("sound") = conflicts;
        shelf.change(NODE_ROLE, |role| role["rules"] = json!([]));
        assert_eq!(shelf.reconcile().map_err(|error| error.code()), outcome);
    }
}

#[test]
fn roles_of_the_policy_are_small_enough_to_be_completed() {
    for object in crate::bootstrap::objects() {
        let parts = missing_of_policy(&[], &rules(&object)).expect("countable");
        assert!(parts.len() < 1000, "{}: {}", object.name(), parts.len());
    }
}

/// Of what is missing, a thousand permissions are told at most: no role of the policy has more.
#[test]
fn a_role_that_lost_its_rules_gets_all_of_them_back() {
    let mut roles = 0;
    for expected in super::super::objects() {
        let wanted = rules(&expected);
        if wanted.is_empty() || expected.contains_key("aggregationRule") {
            continue;
        }
        let mut object = expected.clone();
        object.remove("rules");
        add_rules(&mut object, &expected);
        let left = missing_of_policy(&rules(&object), &wanted);
        assert_eq!(left, Ok(Vec::new()), "{}", key(&expected));
        roles += 1;
    }
    assert!(roles > 50, "{roles} roles were looked at");
}
