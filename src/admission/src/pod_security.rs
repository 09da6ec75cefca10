//! Pod Security Standards: what pods of a namespace may ask for, by the namespace's labels.
//!
//! `enforce` refuses pods, `warn` warns of pods and workloads. `audit` is parsed and has no
//! effect: there is no audit log to write into.

mod baseline;
mod checks;
mod existing;
mod policy;
mod restricted;
mod subject;

use std::sync::Arc;

use apimachinery::admission::{Attributes, Operation, Pass, Plugin};
use apimachinery::{Object, StatusError};
use futures::future::BoxFuture;
use serde_json::Value;

use crate::request::{forbidden, is_about};
use crate::sources::ObjectSource;
use checks::evaluate;
use policy::{Level, Policy};
use subject::Subject;

/// See the module.
pub struct PodSecurity(Arc<dyn ObjectSource>);

/// Where workloads keep the template of their pods.
const TEMPLATES: [(&str, &str, &str); 8] = [
    ("", "podtemplates", "/template"),
    ("", "replicationcontrollers", "/spec/template"),
    ("apps", "daemonsets", "/spec/template"),
    ("apps", "deployments", "/spec/template"),
    ("apps", "replicasets", "/spec/template"),
    ("apps", "statefulsets", "/spec/template"),
    ("batch", "cronjobs", "/spec/jobTemplate/spec/template"),
    ("batch", "jobs", "/spec/template"),
];

/// Subresources of pods that do not change what a pod may do.
const HARMLESS: [&str; 8] = [
    "attach",
    "binding",
    "eviction",
    "exec",
    "log",
    "portforward",
    "proxy",
    "status",
];

impl PodSecurity {
    #[must_use]
    pub fn new(objects: Arc<dyn ObjectSource>) -> Self {
        Self(objects)
    }

    async fn policy(&self, attributes: &Attributes<'_>) -> Result<Policy, StatusError> {
        let name = attributes.namespace;
        let namespace = self.0.get("", "Namespace", "", name).await?;
        // One that is missing was refused before.
        Ok(namespace.map_or_else(Policy::default, |namespace| Policy::of(&namespace).0))
    }

    async fn judge_pod(
        &self,
        attributes: &Attributes<'_>,
        pod: &Object,
    ) -> Result<(), StatusError> {
        let policy = self.policy(attributes).await?;
        if policy.is_privileged() || !attributes.old.is_none_or(|old| is_significant(old, pod)) {
            return Ok(());
        }
        let subject = Subject::of_pod(pod);
        let violations = evaluate(policy.enforce, &subject);
        if !violations.is_empty() {
            let (enforced, found) = (policy.enforce, checks::details(&violations));
            let why = format!("violates PodSecurity \"{enforced}\": {found}");
            return Err(forbidden(attributes, &why));
        }
        warn(attributes, policy, &subject);
        Ok(())
    }

    async fn judge_workload(
        &self,
        attributes: &Attributes<'_>,
        template: &Value,
    ) -> Result<(), StatusError> {
        let policy = self.policy(attributes).await?;
        if policy.warn.level != Level::Privileged {
            warn(attributes, policy, &Subject::of_template(template));
        }
        Ok(())
    }

    /// The labels must say something; pods that are there already are warned of.
    async fn judge_namespace(
        &self,
        attributes: &Attributes<'_>,
        namespace: &Object,
    ) -> Result<(), StatusError> {
        let (new, errors) = Policy::of(namespace);
        let old = attributes.old.map(Policy::of);
        let changed = old.as_ref().is_none_or(|(_, before)| *before != errors);
        if !errors.is_empty() && changed {
            let name = namespace.name();
            return Err(StatusError::invalid(attributes.kind, name, &errors));
        }
        if let Some((old, _)) = old
            && new.enforce.is_tighter_than(old.enforce)
        {
            let pods = self.0.list("", "Pod", namespace.name()).await?;
            let warnings = existing::warnings(namespace.name(), new.enforce, pods);
            for warning in warnings.await? {
                attributes.cx.warn(warning);
            }
        }
        Ok(())
    }
}

impl Plugin for PodSecurity {
    fn name(&self) -> &'static str {
        "PodSecurity"
    }

    fn handles(&self, pass: Pass, operation: Operation) -> bool {
        pass == Pass::Validate && matches!(operation, Operation::Create | Operation::Update)
    }

    fn validate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        object: Option<&'a Object>,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let Some(object) = object else {
                return Ok(());
            };
            let resource = attributes.resource;
            if is_about(attributes, "", "namespaces") {
                self.judge_namespace(attributes, object).await
            } else if resource.group.is_empty() && resource.resource == "pods" {
                if HARMLESS.contains(&attributes.subresource) {
                    return Ok(());
                }
                self.judge_pod(attributes, object).await
            } else if let Some(template) = template(attributes, object) {
                self.judge_workload(attributes, template).await
            } else {
                Ok(())
            }
        })
    }
}

fn template<'a>(attributes: &Attributes<'_>, object: &'a Object) -> Option<&'a Value> {
    let mut rows = TEMPLATES.iter();
    let (_, _, pointer) = rows.find(|(group, plural, _)| is_about(attributes, group, plural))?;
    object.at(pointer).filter(|template| !template.is_null())
}

fn warn(attributes: &Attributes<'_>, policy: Policy, subject: &Subject<'_>) {
    let violations = evaluate(policy.warn, subject);
    if !violations.is_empty() {
        let (level, found) = (policy.warn, checks::details(&violations));
        let text = format!("would violate PodSecurity \"{level}\": {found}");
        attributes.cx.warn(text);
    }
}

/// Whether an update changes what checks look at: images, containers, profiles in annotations.
/// Everything else of a pod's spec that they look at cannot change.
fn is_significant(old: &Object, new: &Object) -> bool {
    let profiles = |pod: &Object| {
        let annotations = pod.metadata().and_then(|m| m.get("annotations"));
        let annotations = annotations.and_then(Value::as_object).into_iter().flatten();
        let profiles = annotations.filter(|(key, _)| {
            key.contains("security.alpha") || key.contains("apparmor.security.beta")
        });
        profiles
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect::<Vec<_>>()
    };
    let containers = |pod: &Object| {
        let lists = [
            ("containers", false),
            ("initContainers", false),
            ("ephemeralContainers", true),
        ];
        let of = |(list, whole): (&str, bool)| {
            let list = pod.at(&format!("/spec/{list}")).and_then(Value::as_array);
            let list = list.into_iter().flatten();
            list.map(|c| if whole { c.clone() } else { c["image"].clone() })
                .collect::<Vec<_>>()
        };
        lists.map(of)
    };
    profiles(old) != profiles(new) || containers(old) != containers(new)
}

#[cfg(test)]
mod tests;
