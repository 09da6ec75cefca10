//! A request in a line, and a small cluster.

use apimachinery::admission::{Attributes, Operation, Pass, Plugin};
use apimachinery::{
    Encoded, GroupVersionKind, GroupVersionResource, Object, RequestCx, StatusError, UserInfo,
};
use base::TraceId;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::{AudienceSource, ObjectSource, ServiceAccountSource};

/// What is asked of a plugin.
pub(crate) struct Request {
    operation: Operation,
    resource: GroupVersionResource,
    subresource: &'static str,
    namespace: &'static str,
    name: &'static str,
    user: UserInfo,
    old: Option<Object>,
    cx: Option<RequestCx>,
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
            cx: None,
        }
    }

    /// On behalf of a context that a test looks at afterwards.
    pub(crate) fn within(mut self, cx: &RequestCx) -> Self {
        self.cx = Some(cx.clone());
        self
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
        let own = || RequestCx::new(self.user.clone(), TraceId::NONE);
        let cx = self.cx.clone().unwrap_or_else(own);
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
            if plugin.handles(Pass::Validate, self.operation) {
                plugin.validate(&attributes, None).await?;
            }
            return Ok(None);
        }
        let mut object = Object::from_value(object).expect("an object");
        if plugin.handles(Pass::Mutate, self.operation) {
            plugin.mutate(&attributes, &mut object).await?;
        }
        if plugin.handles(Pass::Validate, self.operation) {
            plugin.validate(&attributes, Some(&object)).await?;
        }
        Ok(Some(object))
    }
}

/// Namespaces `default`, `kube-system` and the ending `going`; accounts `default` (with a pull
/// secret in `default`) and `robot`; and what a test adds.
#[derive(Default)]
pub(crate) struct Cluster(Vec<Object>);

impl Cluster {
    /// Holding these objects, which name their kinds.
    pub(crate) fn of(objects: impl IntoIterator<Item = Value>) -> Self {
        Self(objects.into_iter().filter_map(Object::from_value).collect())
    }

    fn namespace(name: &str) -> Option<Object> {
        let namespace = match name {
            "default" | "kube-system" => json!({"metadata": {"name": name}}),
            "going" => json!({
                "metadata": {"name": name, "deletionTimestamp": "2026-01-01T00:00:00Z"},
            }),
            _ => return None,
        };
        Object::from_value(namespace)
    }

    fn of_kind<'a>(
        &'a self,
        group: &'a str,
        kind: &'a str,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a Object> {
        self.0.iter().filter(move |object| {
            let gvk = object.gvk().expect("a test names its kinds");
            gvk.group == group && gvk.kind == kind && ["", object.namespace()].contains(&namespace)
        })
    }
}

impl ObjectSource for Cluster {
    fn get<'a>(
        &'a self,
        group: &'static str,
        kind: &'static str,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Object>, StatusError>> {
        let mut found = self.of_kind(group, kind, namespace);
        let found = found.find(|object| object.name() == name).cloned();
        let found = found.or_else(|| Self::namespace(name).filter(|_| kind == "Namespace"));
        Box::pin(std::future::ready(Ok(found)))
    }

    fn list<'a>(
        &'a self,
        group: &'static str,
        kind: &'static str,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Encoded>, StatusError>> {
        let found = self.of_kind(group, kind, namespace);
        let found = found.map(|object| Encoded::from_object(object, 1, TraceId::NONE));
        let found = found.collect();
        Box::pin(std::future::ready(Ok(found)))
    }
}

impl ServiceAccountSource for Cluster {
    fn account<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Object>, StatusError>> {
        let added = self.of_kind("", "ServiceAccount", namespace);
        let added = added.filter(|account| account.name() == name).last();
        let account = match (namespace, name) {
            ("default", "default") => Some(json!({"imagePullSecrets": [{"name": "pull"}]})),
            (_, "robot") => Some(json!({})),
            _ => None,
        };
        let account = added.cloned().or(account.and_then(Object::from_value));
        Box::pin(std::future::ready(Ok(account)))
    }
}

impl AudienceSource for Cluster {
    fn may_request(&self, _: &UserInfo, audience: &str, _: &str, _: &str) -> bool {
        audience == "granted"
    }
}
