//! The objects every cluster begins with. Written below authorization, as upstream's API server
//! writes them over its loopback: nobody exists yet who could be allowed to.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use apimachinery::admission::AlwaysAdmit;
use apimachinery::{Object, RequestCx};
use base::TraceId;
use registry::{DeleteOptions, Registry, Target, WriteOptions};
use resources::Resource;
use serde_json::{Value, json};

/// Upstream's system namespaces, in its order.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Upstream's system classes: name, value, description.
const PRIORITY_CLASSES: [(&str, i64, &str); 2] = [
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another \
         node if necessary.",
    ),
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
];

/// Makes what is missing; what is there stays as it is, but for the API server's own Service,
/// which follows its address and port.
pub async fn objects(registry: &Registry, service_ip: Ipv4Addr, port: u16) -> Result<()> {
    let namespaces = NAMESPACES.map(|name| {
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        });
        create(registry, "", namespace)
    });
    futures::future::try_join_all(namespaces).await?;
    let classes = PRIORITY_CLASSES.map(|(name, value, description)| {
        let class = json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
            "metadata": {"name": name}, "value": value, "description": description,
        });
        create(registry, "", class)
    });
    futures::future::try_join_all(classes).await?;
    keep_service(registry, service_ip, port).await
}

/// Upstream's controller of this Service puts the ports right; an address cannot be changed, so
/// the Service is made anew in a new network.
async fn keep_service(registry: &Registry, service_ip: Ipv4Addr, port: u16) -> Result<()> {
    let ports = json!([{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}]);
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": "kubernetes", "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": service_ip.to_string(), "clusterIPs": [service_ip.to_string()],
            "ports": ports,
        },
    });
    let (cx, row) = (cx(), row("Service")?);
    let writer = registry.writer(row, &cx, &AlwaysAdmit);
    let target = Target {
        namespace: "default",
        name: "kubernetes",
    };
    let stored = registry.find(row, target).await;
    if let Some(stored) = stored.context("cannot read the Service kubernetes")? {
        let stored = stored.to_object()?;
        let is_at = |pointer, value: &Value| stored.at(pointer) == Some(value);
        if is_at("/spec/clusterIP", &service_ip.to_string().into()) {
            if is_at("/spec/ports/0/targetPort", &port.into()) {
                return Ok(());
            }
            let change = |old: &Object| Ok(with_ports(old, &ports));
            let options = WriteOptions::default();
            let updated = writer.update(target, &change, &options).await;
            updated.context("cannot update the Service kubernetes")?;
            return Ok(());
        }
        tracing::warn!(%service_ip, "the Service kubernetes moves to a new address");
        let options = DeleteOptions::default();
        let deleted = writer.delete(target, &options).await;
        deleted.context("cannot replace the Service kubernetes")?;
    }
    create(registry, "default", service).await
}

fn with_ports(service: &Object, ports: &Value) -> Object {
    let mut service = service.clone();
    if let Some(spec) = service.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("ports".into(), ports.clone());
    }
    service
}

fn row(kind: &str) -> Result<&'static Resource> {
    resources::by_kind("", kind).context("a kind of the table")
}

/// The API server itself.
pub fn cx() -> RequestCx {
    RequestCx::new(auth::identity::api_server(), TraceId::generate())
}

pub async fn create(registry: &Registry, namespace: &str, object: Value) -> Result<()> {
    let object = Object::from_value(object).context("a JSON object")?;
    let kind = object.gvk().context("an object that names its kind")?;
    let row = resources::by_kind(&kind.group, &kind.kind).context("a kind of the table")?;
    let target = Target {
        namespace,
        name: object.name(),
    };
    let found = registry.find(row, target).await;
    let found = found.context("cannot read the cluster's first objects")?;
    if found.is_some() {
        return Ok(());
    }
    let (cx, options) = (cx(), WriteOptions::default());
    let writer = registry.writer(row, &cx, &AlwaysAdmit);
    match writer.create(namespace, object, &options).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_already_exists() => Ok(()),
        Err(error) => Err(error).context("cannot make the cluster's first objects"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base::Clock;
    use registry::Allocation;

    use super::*;

    #[tokio::test]
    async fn the_service_follows_the_servers_address_and_port() {
        let clock = Clock::system();
        let store = Arc::new(store::MemStore::new(store::Options::new(clock.clone())));
        let registry = Registry::new(store, clock, Allocation::default());
        let target = Target {
            namespace: "default",
            name: "kubernetes",
        };
        for (address, port) in [(1, 6443), (1, 6443), (1, 7443), (2, 7443)] {
            let address = Ipv4Addr::new(10, 43, 0, address);
            objects(&registry, address, port).await.expect("made");
            let row = row("Service").expect("a row");
            let service = registry.get(row, target).await.expect("there");
            let service = service.to_object().expect("an object");
            let at = |pointer| service.at(pointer).cloned().expect("set");
            assert_eq!(at("/spec/clusterIP"), address.to_string());
            assert_eq!(at("/spec/ports/0/targetPort"), port);
            assert_eq!(at("/spec/ports/0/port"), 443);
        }
    }
}
