//! Which labels a kubelet may give its Node: those by which workloads are steered are not its own.

use apimachinery::Object;
use serde_json::Value;

/// Labels under this prefix are the administrator's, to keep workloads off a node that has been
/// broken into.
const RESTRICTED: &str = "node-restriction.kubernetes.io";
/// Labels of these domains mean something to Kubernetes.
const DOMAINS: [&str; 2] = ["kubernetes.io", "k8s.io"];
/// Of those, a kubelet may set what is below these prefixes.
const OWN_PREFIXES: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];
/// And these (upstream's list).
const OWN: [&str; 11] = [
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "kubernetes.io/arch",
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    // Not upstream's: the kubelet of rk3s sets its own role.
    "node-role.kubernetes.io/control-plane",
];

/// The labels that differ and may not, in order, separated by commas.
pub(super) fn forbidden(new: &Object, old: Option<&Object>) -> String {
    let keys = |object: &Object| -> Vec<String> {
        let labels = object.at("/metadata/labels").and_then(Value::as_object);
        labels.into_iter().flat_map(|l| l.keys().cloned()).collect()
    };
    let mut all = keys(new);
    all.extend(old.into_iter().flat_map(keys));
    all.retain(|key| is_forbidden(key) && new.label(key) != old.and_then(|old| old.label(key)));
    all.sort();
    all.dedup();
    all.join(", ")
}

fn is_forbidden(key: &str) -> bool {
    let prefix = key.split_once('/').map_or("", |(prefix, _)| prefix);
    let is_own = || OWN.contains(&key) || OWN_PREFIXES.iter().any(|own| is_below(prefix, own));
    is_below(prefix, RESTRICTED) || DOMAINS.iter().any(|one| is_below(prefix, one)) && !is_own()
}

/// Whether it is this domain or one within.
fn is_below(prefix: &str, domain: &str) -> bool {
    let rest = prefix.strip_suffix(domain);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_kubelet_sets_what_is_its_own() {
        for (key, free) in [
            ("free", true),
            ("example.com/free", true),
            ("mykubernetes.io/free", true),
            ("kubernetes.io/os", true),
            ("topology.kubernetes.io/zone", true),
            ("node.kubernetes.io/instance-type", true),
            ("a.kubelet.kubernetes.io/any", true),
            ("node-role.kubernetes.io/control-plane", true),
            ("node-role.kubernetes.io/etcd", false),
            ("kubernetes.io/role", false),
            ("other.kubernetes.io/any", false),
            ("other.k8s.io/any", false),
            ("k8s.io/any", false),
            ("node-restriction.kubernetes.io/any", false),
            ("a.node-restriction.kubernetes.io/any", false),
        ] {
            let labelled = |labels: Value| {
                let object = json!({"metadata": {"labels": labels}});
                Object::from_value(object).expect("an object")
            };
            let (with, without) = (labelled(json!({key: ""})), labelled(json!({})));
            let expected = if free { "" } else { key };
            assert_eq!(forbidden(&with, None), expected);
            assert_eq!(forbidden(&with, Some(&without)), expected);
            assert_eq!(forbidden(&without, Some(&with)), expected);
            assert_eq!(forbidden(&with, Some(&with)), "");
        }
    }
}
