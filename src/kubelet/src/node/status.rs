//! The node's status: addresses, sizes, conditions.

use std::collections::BTreeMap;

use api::QuantityText;
use api::core::{
    DaemonEndpoint, Node, NodeAddress, NodeCondition, NodeDaemonEndpoints, NodeStatus,
    NodeSystemInfo,
};
use api::requests::ResourceList;
use api::time::seconds;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::facts::{NodeFacts, go_arch};
use super::pressure::Pressure;

/// Type, status, reason and message of each condition, Ready last.
fn conditions(pressure: Pressure) -> [(&'static str, &'static str, &'static str, &'static str); 4] {
    let Pressure { memory, disk, pids } = pressure;
    let memory = if memory {
        (
            "True",
            "KubeletHasInsufficientMemory",
            "kubelet has insufficient memory available",
        )
    } else {
        (
            "False",
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available",
        )
    };
    let disk = if disk {
        (
            "True",
            "KubeletHasDiskPressure",
            "kubelet has disk pressure",
        )
    } else {
        (
            "False",
            "KubeletHasNoDiskPressure",
            "kubelet has no disk pressure",
        )
    };
    let pids = if pids {
        (
            "True",
            "KubeletHasInsufficientPID",
            "kubelet has insufficient PID available",
        )
    } else {
        (
            "False",
            "KubeletHasSufficientPID",
            "kubelet has sufficient PID available",
        )
    };
    [
        ("MemoryPressure", memory.0, memory.1, memory.2),
        ("DiskPressure", disk.0, disk.1, disk.2),
        ("PIDPressure", pids.0, pids.1, pids.2),
        (
            "Ready",
            "True",
            "KubeletReady",
            "kubelet is posting ready status",
        ),
    ]
}

/// The whole status; transition times are kept where a condition's status stays.
pub fn of(facts: &NodeFacts, pressure: Pressure, node: &Node, now: Timestamp) -> NodeStatus {
    let mut listed = node
        .status
        .as_ref()
        .and_then(|status| status.conditions.clone());
    for (kind, value, reason, message) in conditions(pressure) {
        let condition = NodeCondition {
            type_: kind.to_owned(),
            status: value.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message.to_owned()),
            last_heartbeat_time: Some(seconds(now)),
            last_transition_time: Some(seconds(now)),
        };
        api::set_condition(&mut listed, condition);
    }
    let address = |kind: &str, address: &str| NodeAddress {
        type_: kind.to_owned(),
        address: address.to_owned(),
    };
    NodeStatus {
        addresses: Some(vec![
            address("InternalIP", &facts.address),
            address("Hostname", &facts.name),
        ]),
        capacity: Some(quantities(&facts.capacity())),
        allocatable: Some(quantities(&facts.allocatable())),
        conditions: listed,
        daemon_endpoints: Some(NodeDaemonEndpoints {
            kubelet_endpoint: Some(DaemonEndpoint { port: facts.port }),
        }),
        node_info: Some(NodeSystemInfo {
            architecture: go_arch().to_owned(),
            boot_id: facts.boot_id.clone(),
            container_runtime_version: facts.runtime_version.clone(),
            kernel_version: facts.kernel_version.clone(),
            kube_proxy_version: String::new(),
            kubelet_version: facts.version.clone(),
            machine_id: facts.machine_id.clone(),
            operating_system: "linux".to_owned(),
            os_image: facts.os_image.clone(),
            system_uuid: facts.machine_id.clone(),
            swap: None,
        }),
        ..NodeStatus::default()
    }
}

/// What `allocatable` lacks of a capacity that is not the machine's own (extended resources are
/// written into the node's status from outside): pods may have all of it, and none, which is
/// null, once it is gone. Empty when all is in order.
pub fn owed_allocatable(facts: &NodeFacts, node: &Node) -> Map<String, Value> {
    let own = facts.capacity();
    let status = node.status.as_ref();
    let others = |list: Option<&BTreeMap<String, QuantityText>>| -> BTreeMap<String, QuantityText> {
        let entries = list.into_iter().flatten();
        entries
            .filter(|(name, _)| !own.contains_key(*name))
            .map(|(name, amount)| (name.clone(), amount.clone()))
            .collect()
    };
    let capacity = others(status.and_then(|status| status.capacity.as_ref()));
    let allocatable = others(status.and_then(|status| status.allocatable.as_ref()));
    let gone = allocatable
        .keys()
        .filter(|name| !capacity.contains_key(*name));
    let mut owed: Map<String, Value> = gone.map(|name| (name.clone(), Value::Null)).collect();
    for (name, amount) in capacity {
        if allocatable.get(&name) != Some(&amount) {
            owed.insert(name, amount.0.into());
        }
    }
    owed
}

fn quantities(list: &ResourceList) -> BTreeMap<String, QuantityText> {
    list.iter()
        .map(|(name, amount)| (name.clone(), QuantityText(amount.to_string())))
        .collect()
}
