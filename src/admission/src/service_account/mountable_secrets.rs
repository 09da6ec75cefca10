//! The Secrets that an account leaves to its pods, when it is annotated so.

use std::collections::HashSet;

use apimachinery::Object;
use serde_json::Value;

use crate::request::items;

const ENFORCE: &str = "kubernetes.io/enforce-mountable-secrets";

/// A place in a pod that names a Secret.
pub(super) struct Mention<'a> {
    place: String,
    secret: &'a str,
    pulls: bool,
}

/// Volumes, environments and image credentials. As upstream, what volumes project is left out.
pub(super) fn of_new_pod(pod: &Object) -> Vec<Mention<'_>> {
    let mut found = Vec::new();
    for volume in items(pod, "/spec/volumes") {
        if let Some(source) = volume.get("secret") {
            let secret = text(source, "secretName");
            found.push(Mention {
                place: format!("volume with secret.secretName=\"{secret}\""),
                secret,
                pulls: false,
            });
        }
    }
    for (list, title) in [
        ("initContainers", "init container"),
        ("containers", "container"),
    ] {
        environments(pod, list, title, &mut found);
    }
    for (index, reference) in items(pod, "/spec/imagePullSecrets").enumerate() {
        let secret = text(reference, "name");
        found.push(Mention {
            place: format!("imagePullSecrets[{index}].name=\"{secret}\""),
            secret,
            pulls: true,
        });
    }
    found
}

/// The environments of a pod's ephemeral containers, which come after its creation.
pub(super) fn of_ephemeral_containers(pod: &Object) -> Vec<Mention<'_>> {
    let mut found = Vec::new();
    environments(
        pod,
        "ephemeralContainers",
        "ephemeral container",
        &mut found,
    );
    found
}

fn environments<'a>(pod: &'a Object, list: &str, title: &str, found: &mut Vec<Mention<'a>>) {
    for container in items(pod, &format!("/spec/{list}")) {
        let name = text(container, "name");
        let mut add = |what: &str, reference: &'a Value| {
            let secret = text(reference, "name");
            found.push(Mention {
                place: format!(
                    "{title} {name} with {what} referencing secret.secretName=\"{secret}\""
                ),
                secret,
                pulls: false,
            });
        };
        for variable in list_of(container, "env") {
            if let Some(reference) = variable.pointer("/valueFrom/secretKeyRef") {
                add(&format!("envVar {}", text(variable, "name")), reference);
            }
        }
        for source in list_of(container, "envFrom") {
            if let Some(reference) = source.get("secretRef") {
                add("envFrom", reference);
            }
        }
    }
}

/// The first of the mentions that the account does not allow, if it is strict.
pub(super) fn fault(account: &Object, mentions: &[Mention<'_>]) -> Option<String> {
    if !account.annotation(ENFORCE).is_some_and(is_true) {
        return None;
    }
    let names = |list| -> HashSet<&str> {
        let references = items(account, list);
        references
            .map(|reference| text(reference, "name"))
            .collect()
    };
    let (pulled, mounted) = (names("/imagePullSecrets"), names("/secrets"));
    let allows = |mention: &&Mention<'_>| {
        let list = if mention.pulls { &pulled } else { &mounted };
        list.contains(mention.secret)
    };
    let refused = mentions.iter().find(|mention| !allows(mention))?;
    let noun = if refused.pulls {
        "imagePullSecret"
    } else {
        "secret"
    };
    Some(format!(
        "{} is not allowed because service account {} does not reference that {noun}",
        refused.place,
        account.name()
    ))
}

/// Go's `strconv.ParseBool`; what it does not know is false here.
fn is_true(value: &str) -> bool {
    ["1", "t", "T", "true", "TRUE", "True"].contains(&value)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or("")
}

fn list_of<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    let list = value.get(field).and_then(Value::as_array);
    list.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use crate::ServiceAccount;
    use crate::testing::{Cluster, Request};

    /// A plugin that knows the account `strict`, annotated so.
    fn plugin(enforce: &str) -> ServiceAccount {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "strict", "namespace": "other",
                "annotations": {super::ENFORCE: enforce}},
            "automountServiceAccountToken": false,
            "secrets": [{"name": "own"}], "imagePullSecrets": [{"name": "pull"}]});
        ServiceAccount::new(Arc::new(Cluster::of([account])))
    }

    fn variable(secret: &str) -> Value {
        let reference = json!({"secretKeyRef": {"name": secret, "key": "k"}});
        json!([{"name": "c", "env": [{"name": "V", "valueFrom": reference}]}])
    }

    fn source(secret: &str) -> Value {
        json!([{"name": "c", "envFrom": [{"secretRef": {"name": secret}}]}])
    }

    /// Texts are those of upstream's plugin, which knows no others.
    #[tokio::test]
    async fn a_strict_account_leaves_its_own_secrets_to_pods() {
        type Of = fn(&str) -> Value;
        let rows: [(&str, Of, &str); 6] = [
            (
                "volumes",
                |secret| json!([{"name": "v", "secret": {"secretName": secret}}]),
                "volume with secret.secretName=\"alien\"",
            ),
            (
                "initContainers",
                variable,
                "init container c with envVar V referencing secret.secretName=\"alien\"",
            ),
            (
                "initContainers",
                source,
                "init container c with envFrom referencing secret.secretName=\"alien\"",
            ),
            (
                "containers",
                variable,
                "container c with envVar V referencing secret.secretName=\"alien\"",
            ),
            (
                "containers",
                source,
                "container c with envFrom referencing secret.secretName=\"alien\"",
            ),
            (
                "imagePullSecrets",
                |secret| json!([{"name": "pull"}, {"name": secret.replace("own", "pull")}]),
                "imagePullSecrets[1].name=\"alien\"",
            ),
        ];
        for (field, of, place) in rows {
            let ask = async |enforce: &str, secret: &str| {
                let pod = json!({"spec": {"serviceAccountName": "strict", field: of(secret)}});
                let request = Request::create("pods", "other", "web");
                request.run(&plugin(enforce), pod).await
            };
            let noun = if field == "imagePullSecrets" {
                "imagePullSecret"
            } else {
                "secret"
            };
            let expected = format!(
                "403 pods \"web\" is forbidden: {place} is not allowed because service account \
                 strict does not reference that {noun}"
            );
            assert_eq!(ask("true", "alien").await, expected);
            for (enforce, secret) in [("true", "own"), ("false", "alien"), ("yes", "alien")] {
                let answer = ask(enforce, secret).await;
                assert!(
                    answer.starts_with('{'),
                    "{field} {enforce} {secret}: {answer}"
                );
            }
        }
    }

    #[tokio::test]
    async fn ephemeral_containers_are_held_to_the_same() {
        let ask = async |spec: Value| {
            let request =
                Request::create("pods", "other", "web").subresource("ephemeralcontainers");
            let pod = json!({"metadata": {"name": "web"}, "spec": spec});
            request.update(json!({})).run(&plugin("1"), pod).await
        };
        let spec = |account: &str, containers: Value| {
            json!({"serviceAccountName": account, "ephemeralContainers": containers,
                "containers": variable("alien")})
        };
        let ephemeral = |what: &str| {
            format!(
                "ephemeral container c with {what} referencing secret.secretName=\"alien\" is not \
                 allowed because service account strict does not reference that secret"
            )
        };
        let rows = [
            (spec("strict", variable("alien")), ephemeral("envVar V")),
            (spec("strict", source("alien")), ephemeral("envFrom")),
            (
                spec("", json!([])),
                "no service account specified for pod other/web".to_owned(),
            ),
            (
                spec("gone", json!([])),
                "error looking up service account other/gone: serviceaccount \"gone\" not found"
                    .to_owned(),
            ),
        ];
        for (spec, why) in rows {
            let expected = format!("403 pods \"web\" is forbidden: {why}");
            assert_eq!(ask(spec).await, expected);
        }
        // The other containers were judged when the pod was made.
        for containers in [variable("own"), source("own"), json!([])] {
            let answer = ask(spec("strict", containers)).await;
            assert!(answer.starts_with('{'), "{answer}");
        }
    }
}
