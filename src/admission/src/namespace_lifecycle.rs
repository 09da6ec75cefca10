//! Nothing new in a namespace that is missing or ending; three namespaces stay for ever.

use std::sync::Arc;

use apimachinery::admission::{Attributes, Operation, Pass, Plugin};
use apimachinery::{Cause, GroupResource, Object, Reason, StatusError};
use futures::future::BoxFuture;

use crate::request::{forbidden, is_about};
use crate::sources::ObjectSource;

const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

/// See the module.
pub struct NamespaceLifecycle(Arc<dyn ObjectSource>);

impl NamespaceLifecycle {
    #[must_use]
    pub fn new(namespaces: Arc<dyn ObjectSource>) -> Self {
        Self(namespaces)
    }

    async fn check(&self, attributes: &Attributes<'_>) -> Result<(), StatusError> {
        let namespace = attributes.namespace;
        let found = self.0.get("", "Namespace", "", namespace).await?;
        let Some(found) = found else {
            let namespaces = GroupResource::new("", "namespaces");
            return Err(StatusError::not_found(&namespaces, namespace));
        };
        if attributes.operation == Operation::Create && found.deletion_timestamp().is_some() {
            return Err(terminating(attributes));
        }
        Ok(())
    }
}

impl Plugin for NamespaceLifecycle {
    fn name(&self) -> &'static str {
        "NamespaceLifecycle"
    }

    fn handles(&self, pass: Pass, operation: Operation) -> bool {
        matches!(
            (pass, operation),
            (Pass::Mutate, Operation::Create | Operation::Update)
                | (Pass::Validate, Operation::Delete)
        )
    }

    fn mutate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        _object: &'a mut Object,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            // A namespace's own requests carry its name as their namespace in some clients.
            let namespace_itself = attributes.resource.resource == "namespaces"
                && attributes.resource.group.is_empty();
            // A question about rights is not content.
            let review = is_about(
                attributes,
                "authorization.k8s.io",
                "localsubjectaccessreviews",
            );
            if attributes.namespace.is_empty() || namespace_itself || review {
                return Ok(());
            }
            self.check(attributes).await
        })
    }

    fn validate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        _object: Option<&'a Object>,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        let kept = is_about(attributes, "", "namespaces") && IMMORTAL.contains(&attributes.name);
        let answer = if kept {
            Err(forbidden(attributes, "this namespace may not be deleted"))
        } else {
            Ok(())
        };
        Box::pin(std::future::ready(answer))
    }
}

/// The refusal that controllers recognize by its cause, and stop trying.
fn terminating(attributes: &Attributes<'_>) -> StatusError {
    let namespace = attributes.namespace;
    let why = format!(
        "unable to create new content in namespace {namespace} because it is being terminated"
    );
    let mut error = forbidden(attributes, &why);
    if let Some(details) = &mut error.0.details {
        details.causes.push(Cause {
            reason: Reason("NamespaceTerminating".into()),
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".into(),
        });
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Cluster, Request};
    use serde_json::json;

    #[tokio::test]
    async fn content_needs_a_living_namespace() {
        let plugin = NamespaceLifecycle::new(Arc::new(Cluster::default()));
        let object = || json!({});
        let gone = "404 namespaces \"gone\" not found";
        let going = "403 pods \"web\" is forbidden: unable to create new content in namespace \
                     going because it is being terminated";
        let kept = |name: &str| {
            format!("403 namespaces {name:?} is forbidden: this namespace may not be deleted")
        };
        let pod = |namespace| Request::create("pods", namespace, "web");
        let namespace = |name| Request::create("namespaces", "", name);
        let review = Request::create("localsubjectaccessreviews", "gone", "");
        let rows = [
            (pod("default"), "{}".to_owned()),
            (pod("gone"), gone.to_owned()),
            (pod("going"), going.to_owned()),
            (pod("gone").update(object()), gone.to_owned()),
            (pod("going").update(object()), "{}".to_owned()),
            (pod("going").delete(), "ok".to_owned()),
            (pod("gone").delete(), "ok".to_owned()),
            (namespace("new"), "{}".to_owned()),
            (Request::create("namespaces", "new", "new"), "{}".to_owned()),
            (Request::create("nodes", "", "n1"), "{}".to_owned()),
            (review.group("authorization.k8s.io"), "{}".to_owned()),
            (namespace("default").delete(), kept("default")),
            (namespace("kube-system").delete(), kept("kube-system")),
            (namespace("kube-public").delete(), kept("kube-public")),
            (namespace("kube-node-lease").delete(), "ok".to_owned()),
            (namespace("going").delete(), "ok".to_owned()),
            (
                Request::create("configmaps", "default", "default").delete(),
                "ok".to_owned(),
            ),
        ];
        for (number, (request, expected)) in rows.into_iter().enumerate() {
            let answer = request.run(&plugin, object()).await;
            assert_eq!(answer, expected, "row {number}");
        }
    }

    #[tokio::test]
    async fn the_refusal_names_its_cause() {
        let plugin = NamespaceLifecycle::new(Arc::new(Cluster::default()));
        let request = Request::create("pods", "going", "web");
        let error = request
            .admit(&plugin, json!({}))
            .await
            .expect_err("refused");
        let details = serde_json::to_value(&error.0.details).expect("JSON");
        let expected = json!({"name": "web", "kind": "pods", "causes": [{
            "reason": "NamespaceTerminating",
            "message": "namespace going is being terminated",
            "field": "metadata.namespace",
        }]});
        assert_eq!(details, expected);
    }
}
