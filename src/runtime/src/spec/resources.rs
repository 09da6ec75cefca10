//! Limits of the container's own cgroup.

use std::collections::HashMap;

use libcontainer::oci_spec::runtime::{
    LinuxCpu, LinuxDeviceCgroup, LinuxDeviceType, LinuxHugepageLimit, LinuxMemory, LinuxPids,
    LinuxResources,
};

use super::Input;
use crate::cgroup::Hierarchies;

/// The limits that this host has controllers for.
pub fn resources(input: &Input<'_>) -> LinuxResources {
    let limits = &input.config.resources;
    let cpu =
        (limits.cpu_period.is_some() || limits.cpu_quota.is_some() || limits.cpu_shares.is_some())
            .then(|| {
                let mut cpu = LinuxCpu::default();
                cpu.set_shares(limits.cpu_shares)
                    .set_quota(limits.cpu_quota)
                    .set_period(limits.cpu_period);
                cpu
            });
    let memory = limits.memory_limit_bytes.map(|bytes| {
        let mut memory = LinuxMemory::default();
        memory.set_limit(Some(bytes));
        memory
    });
    let pids = limits.pids_limit.map(|count| {
        let mut pids = LinuxPids::default();
        pids.set_limit(count);
        pids
    });
    let mut resources = LinuxResources::default();
    resources
        .set_devices(Some(devices(input)))
        .set_cpu(cpu)
        .set_memory(memory)
        .set_pids(pids)
        .set_hugepage_limits(hugepages(input))
        .set_block_io(None)
        .set_network(None)
        .set_rdma(None)
        .set_unified(unified(input));
    resources
}

/// As the kubelet asks of runtimes on v2: a container that exceeds its memory dies as a whole.
/// v1 has no such thing.
fn unified(input: &Input<'_>) -> Option<HashMap<String, String>> {
    let unified = matches!(input.host.cgroups, Hierarchies::Unified(_));
    unified.then(|| HashMap::from([("memory.oom.group".to_owned(), "1".to_owned())]))
}

/// libcontainer fails on a limit without its controller; the kernel enforces none then anyway.
fn hugepages(input: &Input<'_>) -> Option<Vec<LinuxHugepageLimit>> {
    let limits = &input.config.resources.hugepage_limits;
    if limits.is_empty() || !input.host.cgroups.has("hugetlb") {
        return None;
    }
    let limit = |(size, bytes): (&String, &u64)| {
        let mut limit = LinuxHugepageLimit::default();
        limit.set_page_size(size.clone());
        limit.set_limit(i64::try_from(*bytes).unwrap_or(i64::MAX));
        limit
    };
    Some(limits.iter().map(limit).collect())
}

/// Everything is denied but what is named; libcontainer adds the devices of every container.
fn devices(input: &Input<'_>) -> Vec<LinuxDeviceCgroup> {
    let privileged = input.config.security.privileged;
    let mut rules = vec![rule(privileged, LinuxDeviceType::A, None, "rwm")];
    if !privileged {
        rules.extend(input.devices.iter().map(|node| {
            rule(
                true,
                node.kind,
                Some((node.major, node.minor)),
                &node.permissions,
            )
        }));
    }
    rules
}

fn rule(
    allow: bool,
    kind: LinuxDeviceType,
    number: Option<(i64, i64)>,
    access: &str,
) -> LinuxDeviceCgroup {
    let mut rule = LinuxDeviceCgroup::default();
    rule.set_allow(allow)
        .set_typ(Some(kind))
        .set_major(number.map(|(major, _)| major))
        .set_minor(number.map(|(_, minor)| minor))
        .set_access(Some(access.to_owned()));
    rule
}
