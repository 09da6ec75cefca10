//! Every pod runs as a service account that exists.

mod mountable_secrets;
mod token_volume;

use std::sync::Arc;

use api::references::{Referent, references};
use apimachinery::admission::{Attributes, Operation, Pass, Plugin};
use apimachinery::{Object, StatusError};
use futures::future::BoxFuture;
use serde_json::{Map, Value};

use crate::request::{MIRROR, creates_pod, forbidden, is_pod, items, text};
use crate::sources::ServiceAccountSource;
use mountable_secrets::{Mention, of_ephemeral_containers, of_new_pod};

/// Fills in the account, its image pull secrets, and the volume with its token; refuses Secrets
/// that a strict account does not list.
pub struct ServiceAccount {
    accounts: Arc<dyn ServiceAccountSource>,
}

impl ServiceAccount {
    #[must_use]
    pub fn new(accounts: Arc<dyn ServiceAccountSource>) -> Self {
        Self { accounts }
    }

    async fn account(
        &self,
        attributes: &Attributes<'_>,
        name: &str,
    ) -> Result<Object, StatusError> {
        let namespace = attributes.namespace;
        let account = self.accounts.account(namespace, name).await?;
        account.ok_or_else(|| {
            let why = format!(
                "error looking up service account {namespace}/{name}: serviceaccount {name:?} not \
                 found"
            );
            forbidden(attributes, &why)
        })
    }

    /// Upstream answers 500 where an ephemeral container is refused; here it is the refusal that
    /// it is of a new pod.
    async fn limit(
        &self,
        attributes: &Attributes<'_>,
        pod: &Object,
        mentions: &[Mention<'_>],
    ) -> Result<(), StatusError> {
        let (namespace, name) = (attributes.namespace, text(pod, "/spec/serviceAccountName"));
        if name.is_empty() {
            let why = format!(
                "no service account specified for pod {namespace}/{}",
                pod.name()
            );
            return Err(forbidden(attributes, &why));
        }
        let account = self.account(attributes, name).await?;
        let fault = mountable_secrets::fault(&account, mentions);
        fault.map_or(Ok(()), |why| Err(forbidden(attributes, &why)))
    }
}

impl Plugin for ServiceAccount {
    fn name(&self) -> &'static str {
        "ServiceAccount"
    }

    fn handles(&self, pass: Pass, operation: Operation) -> bool {
        operation == Operation::Create || (pass == Pass::Validate && operation == Operation::Update)
    }

    fn mutate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        pod: &'a mut Object,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            if !is_pod(attributes) || pod.annotation(MIRROR).is_some() {
                return Ok(());
            }
            let name = match text(pod, "/spec/serviceAccountName") {
                "" => "default".to_owned(),
                name => name.to_owned(),
            };
            let account = self.account(attributes, &name).await?;
            let has_secrets = items(pod, "/spec/imagePullSecrets").next().is_some();
            let spec = pod.map_mut("spec");
            // The second is the first's older name, and reads the same.
            for field in ["serviceAccountName", "serviceAccount"] {
                spec.insert(field.into(), name.as_str().into());
            }
            if mounts_token(&account, spec) {
                token_volume::mount(spec);
            }
            if let (false, Some(secrets)) = (has_secrets, account.get("imagePullSecrets")) {
                spec.insert("imagePullSecrets".into(), secrets.clone());
            }
            Ok(())
        })
    }

    fn validate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        pod: Option<&'a Object>,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let Some(pod) = pod else {
                return Ok(());
            };
            if adds_containers(attributes) {
                let mentions = of_ephemeral_containers(pod);
                return self.limit(attributes, pod, &mentions).await;
            }
            if !creates_pod(attributes) {
                return Ok(());
            }
            if pod.annotation(MIRROR).is_some() {
                let fault = mirror_fault(pod);
                return fault.map_or(Ok(()), |why| Err(forbidden(attributes, why)));
            }
            let mentions = of_new_pod(pod);
            if mentions.is_empty() {
                // The account was there when the pod was filled in, and has nothing to limit.
                return Ok(());
            }
            self.limit(attributes, pod, &mentions).await
        })
    }
}

/// `kubectl debug`: the one update that may name Secrets.
fn adds_containers(attributes: &Attributes<'_>) -> bool {
    let resource = attributes.resource;
    attributes.operation == Operation::Update
        && (&*resource.group, &*resource.resource) == ("", "pods")
        && attributes.subresource == "ephemeralcontainers"
}

/// The pod's word counts more than the account's; both are for it by default.
fn mounts_token(account: &Object, spec: &Map<String, Value>) -> bool {
    let says = |field: Option<&Value>| field.and_then(Value::as_bool);
    let pod = says(spec.get("automountServiceAccountToken"));
    let account = || says(account.get("automountServiceAccountToken"));
    pod.or_else(account).unwrap_or(true)
}

/// A static pod comes from a file and must not gain rights of the API's.
fn mirror_fault(pod: &Object) -> Option<&'static str> {
    if !text(pod, "/spec/serviceAccountName").is_empty() {
        return Some("a mirror pod may not reference service accounts");
    }
    let mut references = references(pod).into_iter();
    if references.any(|(kind, _)| kind == Referent::Secret) {
        return Some("a mirror pod may not reference secrets");
    }
    let mut sources = items(pod, "/spec/volumes")
        .filter_map(|volume| volume.pointer("/projected/sources"))
        .filter_map(Value::as_array)
        .flatten();
    let token = sources.any(|source| source.get("serviceAccountToken").is_some());
    token.then_some("a mirror pod may not use ServiceAccountToken volume projections")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Cluster, Request};
    use serde_json::json;

    async fn run(request: Request, pod: Value) -> String {
        let plugin = ServiceAccount::new(Arc::new(Cluster::default()));
        request.run(&plugin, pod).await
    }

    fn create(namespace: &'static str) -> Request {
        Request::create("pods", namespace, "web")
    }

    #[tokio::test]
    async fn pods_get_their_account_and_its_pull_secrets() {
        let spec =
            |account: &str| json!({"serviceAccountName": account, "serviceAccount": account});
        let with = |account: &str, secret: &str| {
            let mut spec = spec(account);
            spec["imagePullSecrets"] = json!([{"name": secret}]);
            spec
        };
        let rows = [
            (create("default"), json!({}), with("default", "pull")),
            (
                create("default"),
                json!({"imagePullSecrets": []}),
                with("default", "pull"),
            ),
            (
                create("default"),
                json!({"imagePullSecrets": [{"name": "own"}]}),
                with("default", "own"),
            ),
            (
                create("other"),
                json!({"serviceAccountName": "robot"}),
                spec("robot"),
            ),
            (
                create("other").subresource("ephemeralcontainers"),
                json!({}),
                json!({}),
            ),
            (create("other").update(json!({})), json!({}), json!({})),
            (
                Request::create("services", "other", "web"),
                json!({}),
                json!({}),
            ),
        ];
        for (number, (request, before, after)) in rows.into_iter().enumerate() {
            let answer = run(request, json!({"spec": before})).await;
            let answer: Value = serde_json::from_str(&answer).expect("admitted");
            assert_eq!(answer, json!({"spec": after}), "row {number}");
        }
    }

    #[tokio::test]
    async fn a_missing_account_is_refused() {
        for (account, spec) in [
            ("default", json!({})),
            ("x", json!({"serviceAccountName": "x"})),
        ] {
            let expected = format!(
                "403 pods \"web\" is forbidden: error looking up service account other/{account}: \
                 serviceaccount {account:?} not found"
            );
            assert_eq!(run(create("other"), json!({"spec": spec})).await, expected);
        }
    }

    #[tokio::test]
    async fn mirror_pods_have_no_account() {
        let mirror =
            |spec: Value| json!({"metadata": {"annotations": {MIRROR: "x"}}, "spec": spec});
        let token = json!({"volumes": [{"projected": {"sources": [{"serviceAccountToken": {}}]}}]});
        let secret = "a mirror pod may not reference secrets";
        let container = |spec: Value| json!({"containers": [spec]});
        let volume = |source: Value| json!({"volumes": [source]});
        let key = json!({"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}});
        let rows = [
            (
                json!({"serviceAccountName": "robot"}),
                "a mirror pod may not reference service accounts",
            ),
            (volume(json!({"secret": {"secretName": "s"}})), secret),
            (
                volume(json!({"projected": {"sources": [{"secret": {"name": "s"}}]}})),
                secret,
            ),
            (
                volume(json!({"csi": {"nodePublishSecretRef": {"name": "s"}}})),
                secret,
            ),
            (container(json!({"env": [key]})), secret),
            (
                container(json!({"envFrom": [{"secretRef": {"name": "s"}}]})),
                secret,
            ),
            (json!({"imagePullSecrets": [{"name": "s"}]}), secret),
            (
                token,
                "a mirror pod may not use ServiceAccountToken volume projections",
            ),
        ];
        for (spec, why) in rows {
            let expected = format!("403 pods \"web\" is forbidden: {why}");
            assert_eq!(run(create("default"), mirror(spec)).await, expected);
        }
        let plain = mirror(json!({"volumes": [{"hostPath": {}}]}));
        let answer = run(create("other"), plain.clone()).await;
        assert_eq!(
            serde_json::from_str::<Value>(&answer).expect("admitted"),
            plain
        );
    }

    #[tokio::test]
    async fn tokens_are_mounted_unless_somebody_says_no() {
        let silent = json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "silent", "namespace": "other"},
            "automountServiceAccountToken": false});
        let accounts = Arc::new(Cluster::of([silent]));
        let plugin = ServiceAccount::new(accounts);
        let rows = [
            (json!({"serviceAccountName": "robot"}), true),
            (
                json!({"serviceAccountName": "robot", "automountServiceAccountToken": false}),
                false,
            ),
            (json!({"serviceAccountName": "silent"}), false),
            (
                json!({"serviceAccountName": "silent", "automountServiceAccountToken": true}),
                true,
            ),
        ];
        for (mut spec, expected) in rows {
            spec["containers"] = json!([{"name": "c"}]);
            let text = spec.to_string();
            let answer = create("other").run(&plugin, json!({"spec": spec})).await;
            let answer: Value = serde_json::from_str(&answer).expect("admitted");
            assert_eq!(!answer["spec"]["volumes"].is_null(), expected, "{text}");
        }
    }
}
