//! A Service's cluster IP: a key per address, put with the Service and deleted with it.

use std::net::Ipv4Addr;

use apimachinery::{FieldError, FieldErrors, Object, Path, StatusError};
use resources::Resource;
use serde_json::{Value, json};
use store::Op;

use super::claims::Claims;
use crate::Registry;

const CLAIMS: Claims = Claims("cluster-ip");

/// In place of an address: a headless Service.
const HEADLESS: &str = "None";

/// Plans the allocation and the release that turning `old` into `new` needs.
pub async fn plan(
    registry: &Registry,
    row: &Resource,
    old: Option<&Object>,
    new: Option<&mut Object>,
    ops: &mut Vec<Op>,
) -> Result<(), StatusError> {
    let before = old
        .map(|service| wanted(service).to_owned())
        .unwrap_or_default();
    let mut after = String::new();
    if let Some(service) = new {
        if !needs_address(service) {
            // ExternalName: validation has seen to it that no address is asked for.
        } else if wanted(service).is_empty() {
            let address = free_address(registry).await?;
            set_address(service, &address);
            after = address;
        } else {
            after = wanted(service).to_owned();
            if after != before && is_address(&after) {
                check_free(registry, row, service, &after).await?;
            }
        }
    }
    if before == after {
        return Ok(());
    }
    if is_address(&after) {
        ops.push(CLAIMS.take(&after));
    }
    if is_address(&before) {
        ops.push(CLAIMS.release(&before));
    }
    Ok(())
}

fn needs_address(service: &Object) -> bool {
    service.at("/spec/type").and_then(Value::as_str) != Some("ExternalName")
}

fn wanted(service: &Object) -> &str {
    service
        .at("/spec/clusterIP")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn is_address(text: &str) -> bool {
    !text.is_empty() && text != HEADLESS
}

fn set_address(service: &mut Object, address: &str) {
    let spec = service.map_mut("spec");
    spec.insert("clusterIP".into(), address.into());
    spec.insert("clusterIPs".into(), json!([address]));
}

/// A random free address of the upper part of the network: the lower part (at most 256
/// addresses) is for those that are asked for by name, as upstream keeps it.
async fn free_address(registry: &Registry) -> Result<String, StatusError> {
    let (first, prefix) = registry.allocation.service_network;
    let size = 1u32 << (32 - u32::from(prefix.min(30)));
    let reserved = (size / 16).clamp(1, 256);
    let span = size - reserved - 1;
    let start = u32::from_ne_bytes(base::random::bytes()) % span;
    for offset in 0..span {
        let host = reserved + (start + offset) % span;
        let address = Ipv4Addr::from(u32::from(first) + host).to_string();
        if !CLAIMS.is_taken(registry, &address).await? {
            return Ok(address);
        }
    }
    Err(StatusError::internal(format!(
        "failed to allocate a serviceIP: range {first}/{prefix} is full"
    )))
}

async fn check_free(
    registry: &Registry,
    row: &Resource,
    service: &Object,
    address: &str,
) -> Result<(), StatusError> {
    let (first, prefix) = registry.allocation.service_network;
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    let network = u32::from(first) & mask;
    // Neither the network's own address nor its broadcast address is anybody's.
    let inside = address
        .parse::<Ipv4Addr>()
        .is_ok_and(|ip| (network + 1..network | !mask).contains(&u32::from(ip)));
    let why = if !inside {
        format!(
            "failed to allocate IP {address}: the provided IP ({address}) is not in the valid \
             range. The range of valid IPs is {first}/{prefix}"
        )
    } else if CLAIMS.is_taken(registry, address).await? {
        format!("failed to allocate IP {address}: provided IP is already allocated")
    } else {
        return Ok(());
    };
    let path = Path::new("spec").child("clusterIPs");
    let errors = FieldErrors(vec![FieldError::invalid(&path, json!([address]), why)]);
    Err(StatusError::invalid(&row.gvk(), service.name(), &errors))
}
