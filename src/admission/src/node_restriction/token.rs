//! A kubelet asks for the tokens of its own pods, for those whom these name.

use apimachinery::admission::Attributes;
use apimachinery::{GroupResource, Object, StatusError};
use serde_json::Value;

use super::NodeRestriction;
use crate::request::{forbidden, items, text};

impl NodeRestriction {
    /// Judges a TokenRequest.
    pub(super) async fn token(
        &self,
        node: &str,
        attributes: &Attributes<'_>,
        request: &Object,
    ) -> Result<(), StatusError> {
        let refuse = |why: &str| forbidden(attributes, why);
        let of = |field: &str| text(request, &format!("/spec/boundObjectRef/{field}"));
        let (name, uid) = (of("name"), of("uid"));
        if of("apiVersion") != "v1" || of("kind") != "Pod" || name.is_empty() {
            return Err(refuse("node requested token not bound to a pod"));
        }
        if uid.is_empty() {
            let why = "node requested token with a pod binding without a uid";
            return Err(refuse(why));
        }
        let pod = self.objects.get("", "Pod", attributes.namespace, name);
        let pods = GroupResource::new("", "pods");
        let pod = pod
            .await?
            .ok_or_else(|| StatusError::not_found(&pods, name))?;
        if uid != pod.uid() {
            return Err(refuse(&format!(
                "the UID in the bound object reference ({uid}) does not match the UID in record. \
                 The object might have been deleted and then recreated"
            )));
        }
        if text(&pod, "/spec/nodeName") != node {
            let why = "node requested token bound to a pod scheduled on a different node";
            return Err(refuse(why));
        }
        self.audience(attributes, request, &pod).await
    }

    /// The one that the token is for; none is the API server.
    async fn audience(
        &self,
        attributes: &Attributes<'_>,
        request: &Object,
        pod: &Object,
    ) -> Result<(), StatusError> {
        let mut audiences = items(request, "/spec/audiences").filter_map(Value::as_str);
        let audience = audiences.next().unwrap_or_default();
        if audiences.next().is_some() {
            let why = "node may only request 0 or 1 audiences";
            return Err(forbidden(attributes, why));
        }
        let user = &attributes.cx.user;
        let may = || {
            let (namespace, account) = (attributes.namespace, attributes.name);
            self.audiences
                .may_request(user, audience, namespace, account)
        };
        if self.is_named(attributes.namespace, pod, audience).await? || may() {
            return Ok(());
        }
        let why = format!(
            "audience {audience:?} not found in pod spec volume, {} is not authorized to request \
             tokens for this audience",
            user.name
        );
        Err(forbidden(attributes, &why))
    }

    /// Whether one of the pod's volumes needs a token for this audience.
    async fn is_named(
        &self,
        namespace: &str,
        pod: &Object,
        audience: &str,
    ) -> Result<bool, StatusError> {
        for volume in items(pod, "/spec/volumes") {
            let sources = volume.pointer("/projected/sources");
            let sources = sources.and_then(Value::as_array).into_iter().flatten();
            let mut tokens = sources.filter_map(|source| source.get("serviceAccountToken"));
            if tokens.any(|token| is_for(token, audience)) {
                return Ok(true);
            }
            let Some(driver) = self.driver(namespace, pod, volume).await? else {
                continue;
            };
            let found = self.objects.get("storage.k8s.io", "CSIDriver", "", &driver);
            let named = found.await?.is_some_and(|driver| {
                let mut requests = items(&driver, "/spec/tokenRequests");
                requests.any(|request| is_for(request, audience))
            });
            if named {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The CSI driver of a volume: its own, or that of the claim's PersistentVolume.
    async fn driver(
        &self,
        namespace: &str,
        pod: &Object,
        volume: &Value,
    ) -> Result<Option<String>, StatusError> {
        let of = |pointer| volume.pointer(pointer).and_then(Value::as_str);
        if let Some(driver) = of("/csi/driver") {
            return Ok(Some(driver.to_owned()));
        }
        let claim = if volume.pointer("/ephemeral/volumeClaimTemplate").is_some() {
            format!("{}-{}", pod.name(), of("/name").unwrap_or_default())
        } else if let Some(claim) = of("/persistentVolumeClaim/claimName") {
            claim.to_owned()
        } else {
            return Ok(None);
        };
        let claims = self
            .objects
            .get("", "PersistentVolumeClaim", namespace, &claim);
        let Some(claim) = claims.await? else {
            return Ok(None);
        };
        let name = text(&claim, "/spec/volumeName");
        if name.is_empty() {
            return Ok(None);
        }
        let volume = self.objects.get("", "PersistentVolume", "", name).await?;
        let driver = volume.map(|volume| text(&volume, "/spec/csi/driver").to_owned());
        Ok(driver.filter(|driver| !driver.is_empty()))
    }
}

fn is_for(request: &Value, audience: &str) -> bool {
    let named = request.get("audience").and_then(Value::as_str);
    named.unwrap_or_default() == audience
}
