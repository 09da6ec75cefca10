//! A Service's node ports: a key per port and protocol, put with the Service and deleted with it.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors, Object, Path, StatusError};
use resources::Resource;
use serde_json::Value;
use store::Op;

use super::claims::Claims;
use crate::Registry;

const CLAIMS: Claims = Claims("node-port");

/// Plans the allocations and releases that turning `old` into `new` needs.
pub async fn plan(
    registry: &Registry,
    row: &Resource,
    old: Option<&Object>,
    new: Option<&mut Object>,
    ops: &mut Vec<Op>,
) -> Result<(), StatusError> {
    let before = old.map(allocated).unwrap_or_default();
    let mut after = BTreeSet::new();
    if let Some(service) = new
        && takes_node_ports(service)
    {
        let requested = allocated(service);
        for port in requested.difference(&before) {
            check_free(registry, row, service, port).await?;
        }
        after = requested;
        fill(registry, service, &mut after).await?;
    }
    ops.extend(after.difference(&before).map(|port| CLAIMS.take(port)));
    ops.extend(before.difference(&after).map(|port| CLAIMS.release(port)));
    Ok(())
}

fn takes_node_ports(service: &Object) -> bool {
    match service.at("/spec/type").and_then(Value::as_str) {
        Some("NodePort") => true,
        Some("LoadBalancer") => {
            service.at("/spec/allocateLoadBalancerNodePorts") != Some(&Value::Bool(false))
        }
        _ => false,
    }
}

fn protocol(port: &Value) -> &str {
    port.get("protocol")
        .and_then(Value::as_str)
        .unwrap_or("TCP")
}

/// `30080-TCP` for every port that has its number already.
fn allocated(service: &Object) -> BTreeSet<String> {
    let ports = service.at("/spec/ports").and_then(Value::as_array);
    let numbered = ports.into_iter().flatten().filter_map(|port| {
        let number = port
            .get("nodePort")
            .and_then(Value::as_u64)
            .filter(|n| *n > 0)?;
        Some(format!("{number}-{}", protocol(port)))
    });
    numbered.collect()
}

/// Gives a free number to every port that has none.
async fn fill(
    registry: &Registry,
    service: &mut Object,
    taken_here: &mut BTreeSet<String>,
) -> Result<(), StatusError> {
    let ports = service
        .map_mut("spec")
        .get_mut("ports")
        .and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        if port.get("nodePort").and_then(Value::as_u64).unwrap_or(0) > 0 {
            continue;
        }
        let (number, name) = free_port(registry, protocol(port), taken_here).await?;
        taken_here.insert(name);
        if let Some(port) = port.as_object_mut() {
            port.insert("nodePort".into(), number.into());
        }
    }
    Ok(())
}

async fn free_port(
    registry: &Registry,
    protocol: &str,
    taken_here: &BTreeSet<String>,
) -> Result<(u16, String), StatusError> {
    let range = &registry.allocation.node_ports;
    let start = usize::from(u16::from_ne_bytes(base::random::bytes())) % range.len().max(1);
    let numbers = range.clone().cycle().skip(start).take(range.len());
    for number in numbers {
        let name = format!("{number}-{protocol}");
        if !taken_here.contains(&name) && !CLAIMS.is_taken(registry, &name).await? {
            return Ok((number, name));
        }
    }
    Err(StatusError::internal(format!(
        "failed to allocate a nodePort: range {}-{} is full",
        range.start(),
        range.end()
    )))
}

async fn check_free(
    registry: &Registry,
    row: &Resource,
    service: &Object,
    port: &str,
) -> Result<(), StatusError> {
    let number: u16 = port
        .split('-')
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    let range = &registry.allocation.node_ports;
    let why = if !range.contains(&number) {
        format!(
            "provided port is not in the valid range. The range of valid ports is {}-{}",
            range.start(),
            range.end()
        )
    } else if CLAIMS.is_taken(registry, port).await? {
        "provided port is already allocated".to_owned()
    } else {
        return Ok(());
    };
    let ports = service.at("/spec/ports").and_then(Value::as_array);
    let index = ports.and_then(|ports| {
        ports
            .iter()
            .position(|p| p.get("nodePort").and_then(Value::as_u64) == Some(number.into()))
    });
    let path = Path::new("spec")
        .child("ports")
        .index(index.unwrap_or(0))
        .child("nodePort");
    let errors = FieldErrors(vec![FieldError::invalid(&path, number, why)]);
    Err(StatusError::invalid(&row.gvk(), service.name(), &errors))
}
