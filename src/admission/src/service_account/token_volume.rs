//! The volume in which a pod finds its account's token, the cluster's certificate and the name
//! of its namespace.

use serde_json::{Map, Value, json};

use crate::request::append;

const PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const PREFIX: &str = "kube-api-access-";

/// Seconds. An hour and a bit: what has it asks for a new one in time, and a round number would
/// not tell it from tokens that were asked for (`WarnOnlyBoundTokenExpirationSeconds`).
const EXPIRATION: u32 = 3607;

/// Mounts the volume in every container that has nothing at its place, and adds it where that
/// needs one. A volume that is named like it is taken for it.
pub(super) fn mount(spec: &mut Map<String, Value>) {
    let named = |volume: &Value| {
        let name = volume["name"].as_str()?;
        name.starts_with(PREFIX).then(|| name.to_owned())
    };
    let volumes = spec.get("volumes").and_then(Value::as_array);
    let there = volumes.into_iter().flatten().find_map(named);
    let name = there
        .clone()
        .unwrap_or_else(|| format!("{PREFIX}{}", base::random::name_suffix(5)));
    let mut needed = false;
    for list in ["initContainers", "containers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        let containers = containers.into_iter().flatten();
        for container in containers.filter_map(Value::as_object_mut) {
            let mounts = container.get("volumeMounts").and_then(Value::as_array);
            let taken = mounts.into_iter().flatten().any(|m| m["mountPath"] == PATH);
            if !taken {
                let mount = json!({"name": name, "readOnly": true, "mountPath": PATH});
                append(container, "volumeMounts", [mount]);
                needed = true;
            }
        }
    }
    if needed && there.is_none() {
        append(spec, "volumes", [volume(&name)]);
    }
}

fn volume(name: &str) -> Value {
    let namespace = json!({"apiVersion": "v1", "fieldPath": "metadata.namespace"});
    json!({"name": name, "projected": {"defaultMode": 0o644, "sources": [
        {"serviceAccountToken": {"expirationSeconds": EXPIRATION, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt",
            "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": namespace}]}},
    ]}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounted(spec: Value) -> Value {
        let Value::Object(mut spec) = spec else {
            panic!("an object");
        };
        mount(&mut spec);
        spec.into()
    }

    #[test]
    fn every_container_finds_its_token() {
        let own = json!({"name": "mine", "mountPath": PATH});
        let spec = mounted(json!({
            "initContainers": [{"name": "i"}],
            "containers": [{"name": "a"}, {"name": "b", "volumeMounts": [own]}],
            "volumes": [{"name": "sa-token"}],
        }));
        let name = spec["volumes"][1]["name"].as_str().expect("a name");
        assert_eq!(name.len(), PREFIX.len() + 5);
        let mount = json!([{"name": name, "readOnly": true, "mountPath": PATH}]);
        let expected = json!({
            "initContainers": [{"name": "i", "volumeMounts": mount}],
            "containers": [{"name": "a", "volumeMounts": mount},
                {"name": "b", "volumeMounts": [own]}],
            "volumes": [{"name": "sa-token"}, volume(name)],
        });
        assert_eq!(spec, expected);
        assert_eq!(mounted(spec.clone()), spec, "once is enough");

        let taken = json!({"containers": [{"name": "b", "volumeMounts": [own]}]});
        assert_eq!(mounted(taken.clone()), taken, "nobody needs it");
        let given = mounted(json!({
            "containers": [{"name": "a"}], "volumes": [{"name": "kube-api-access-x"}],
        }));
        assert_eq!(given["volumes"], json!([{"name": "kube-api-access-x"}]));
    }
}
