//! Ports of the host that containers take.

use std::collections::HashMap;

use api::PodSpec;

/// One port on one address, `0.0.0.0` for all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    pub address: String,
    pub protocol: String,
    pub port: i32,
}

const ALL: &str = "0.0.0.0";

impl HostPort {
    /// Whether both cannot be bound on one host.
    #[must_use]
    pub fn conflicts(&self, other: &Self) -> bool {
        let same_address = self.address == other.address;
        let overlaps = same_address || self.address == ALL || other.address == ALL;
        overlaps && self.port == other.port && self.protocol == other.protocol
    }
}

/// The host ports of a pod's containers and sidecars.
#[must_use]
pub fn host_ports(spec: &PodSpec) -> Vec<HostPort> {
    let sidecars = spec.init_containers.iter().flatten();
    let sidecars = sidecars.filter(|container| api::pod::is_sidecar(container));
    let containers = spec.containers.iter().chain(sidecars);
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports
        .filter_map(|port| {
            let text = |given: &Option<String>, otherwise: &str| {
                let given = given.as_deref().filter(|text| !text.is_empty());
                given.unwrap_or(otherwise).to_owned()
            };
            Some(HostPort {
                address: text(&port.host_ip, ALL),
                protocol: text(&port.protocol, "TCP"),
                port: port.host_port.filter(|port| *port > 0)?,
            })
        })
        .collect()
}

/// The ports in use on a node, with how many pods hold each: an over-full node may have two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsedPorts(HashMap<HostPort, usize>);

impl UsedPorts {
    pub fn add(&mut self, ports: &[HostPort]) {
        for port in ports {
            *self.0.entry(port.clone()).or_default() += 1;
        }
    }

    pub fn remove(&mut self, ports: &[HostPort]) {
        for port in ports {
            if let Some(count) = self.0.get_mut(port) {
                *count -= 1;
                if *count == 0 {
                    self.0.remove(port);
                }
            }
        }
    }

    /// Whether one of the ports is taken.
    #[must_use]
    pub fn conflict(&self, ports: &[HostPort]) -> bool {
        let taken = |port: &HostPort| self.0.keys().any(|used| used.conflicts(port));
        ports.iter().any(taken)
    }
}
