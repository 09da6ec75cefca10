//! The objects every cluster begins with. Written below authorization, as upstream's API server
//! writes them over its loopback: nobody exists yet who could be allowed to.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use apimachinery::admission::Plugin;
use apimachinery::{Object, RequestCx, UserInfo};
use base::TraceId;
use registry::{Registry, Target, WriteOptions};
use serde_json::{Value, json};

/// Upstream's system namespaces, in its order.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Nothing is admitted or refused here.
struct Nobody;

impl Plugin for Nobody {
    fn name(&self) -> &'static str {
        "None"
    }
}

/// Makes what is missing; what is there stays as it is.
pub async fn objects(registry: &Registry, service_ip: Ipv4Addr, port: u16) -> Result<()> {
    for name in NAMESPACES {
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        });
        create(registry, "Namespace", "", namespace).await?;
    }
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": "kubernetes", "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": service_ip.to_string(), "clusterIPs": [service_ip.to_string()],
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}],
        },
    });
    create(registry, "Service", "default", service).await
}

async fn create(registry: &Registry, kind: &str, namespace: &str, object: Value) -> Result<()> {
    let row = resources::by_kind("", kind).context("a kind of the table")?;
    let object = Object::from_value(object).context("a JSON object")?;
    let target = Target {
        namespace,
        name: object.name(),
    };
    match registry.get(row, target).await {
        Ok(_) => return Ok(()),
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error).context("cannot read the cluster's first objects"),
    }
    let cx = RequestCx::new(UserInfo::new("system:apiserver", &[]), TraceId::generate());
    let options = WriteOptions::default();
    let writer = registry.writer(row, &cx, &Nobody);
    match writer.create(namespace, object, &options).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_already_exists() => Ok(()),
        Err(error) => Err(error).context("cannot make the cluster's first objects"),
    }
}
