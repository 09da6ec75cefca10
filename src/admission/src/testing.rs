//! A request in a line, and a small cluster.

use apimachinery::admission::{Attributes, Operation, Plugin};
use apimachinery::{
    GroupVersionKind, GroupVersionResource, Object, RequestCx, StatusError, UserInfo,
};
use base::TraceId;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::{NamespacePhase, NamespaceSource, ServiceAccountSource};

/// What is asked of a plugin.
pub(crate) struct Request {
    operation: Operation,
    resource: GroupVersionResource,
    subresource: &'static str,
    namespace: &'static str,
    name: &'static str,
    user: UserInfo,
    old: Option<Object>,
}

impl Request {
    /// Of a resource of the core group.
    pub(crate) fn create(
        resource: &'static str,
        namespace: &'static str,
        name: &'static str,
    ) -> Self {
        Self {
            operation: Operation::Create,
            resource: GroupVersionResource::new("", "v1", resource),
            subresource: "",
            namespace,
            name,
            user: UserInfo::new("dev", &[]),
            old: None,
        }
    }

    pub(crate) fn group(mut self, group: &'static str) -> Self {
        self.resource.group = group.into();
        self
    }

    pub(crate) fn subresource(mut self, subresource: &'static str) -> Self {
        self.subresource = subresource;
        self
    }

    pub(crate) fn by(mut self, user: UserInfo) -> Self {
        self.user = user;
        self
    }

    pub(crate) fn update(mut self, old: Value) -> Self {
        self.operation = Operation::Update;
        self.old = Object::from_value(old);
        self
    }

    pub(crate) fn delete(mut self) -> Self {
        self.operation = Operation::Delete;
        self.old = Some(Object::default());
        self
    }

    /// Both passes: the object as it came out, or the refusal's code and text.
    pub(crate) async fn run(self, plugin: &dyn Plugin, object: Value) -> String {
        match self.admit(plugin, object).await {
            Ok(Some(object)) => serde_json::to_string_pretty(&object).expect("JSON"),
            Ok(None) => "ok".to_owned(),
            Err(error) => format!("{} {error}", error.code()),
        }
    }

    pub(crate) async fn admit(
        self,
        plugin: &dyn Plugin,
        object: Value,
    ) -> Result<Option<Object>, StatusError> {
        let cx = RequestCx::new(self.user.clone(), TraceId::NONE);
        let attributes = Attributes {
            operation: self.operation,
            kind: &GroupVersionKind::new("", "v1", "Any"),
            resource: &self.resource,
            subresource: self.subresource,
            namespace: self.namespace,
            name: self.name,
            cx: &cx,
            old: self.old.as_ref(),
            dry_run: false,
        };
        if self.operation == Operation::Delete {
            plugin.validate(&attributes, None).await?;
            return Ok(None);
        }
        let mut object = Object::from_value(object).expect("an object");
        plugin.mutate(&attributes, &mut object).await?;
        plugin.validate(&attributes, Some(&object)).await?;
        Ok(Some(object))
    }
}

/// Namespaces `default`, `kube-system` and the ending `going`; accounts `default` (with a pull
/// secret in `default`) and `robot`.
pub(crate) struct Cluster;

impl NamespaceSource for Cluster {
    fn phase<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<NamespacePhase>, StatusError>> {
        let phase = match name {
            "default" | "kube-system" => Some(NamespacePhase::Active),
            "going" => Some(NamespacePhase::Terminating),
            _ => None,
        };
        Box::pin(std::future::ready(Ok(phase)))
    }
}

impl ServiceAccountSource for Cluster {
    fn get<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Object>, StatusError>> {
        let account = match (namespace, name) {
            ("default", "default") => Some(json!({"imagePullSecrets": [{"name": "pull"}]})),
            (_, "robot") => Some(json!({})),
            _ => None,
        };
        let account = account.and_then(Object::from_value);
        Box::pin(std::future::ready(Ok(account)))
    }
}
