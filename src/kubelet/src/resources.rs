//! From requests and limits to what a cgroup understands (kubelet-cri-facts §4).

use std::collections::BTreeMap;

use api::core::{Container, Pod};
use api::requests::{self, ResourceList};
use apimachinery::Quantity;
use cri::LinuxResources;

/// The period of the CPU quota, in microseconds.
const PERIOD: i64 = 100_000;

/// A pod's quality of service, which names its cgroup's parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qos {
    Guaranteed,
    Burstable,
    BestEffort,
}

impl Qos {
    /// As the API server has classed it.
    #[must_use]
    pub fn of(pod: &Pod) -> Self {
        match pod
            .status
            .as_ref()
            .and_then(|status| status.qos_class.as_deref())
        {
            Some("Guaranteed") => Self::Guaranteed,
            Some("Burstable") => Self::Burstable,
            _ => Self::BestEffort,
        }
    }

    /// Below the root of all pods.
    fn directory(self) -> &'static str {
        match self {
            Self::Guaranteed => "",
            Self::Burstable => "/burstable",
            Self::BestEffort => "/besteffort",
        }
    }
}

/// `/kubepods/burstable/pod<uid>`.
#[must_use]
pub fn pod_cgroup(root: &str, pod: &Pod, uid: &str) -> String {
    format!("{root}{}/pod{uid}", Qos::of(pod).directory())
}

/// The cgroups of the classes, below the root of all pods: best-effort pods share what is left.
#[must_use]
pub fn class_limits() -> [(&'static str, LinuxResources); 3] {
    let shares = |shares| LinuxResources {
        cpu_shares: shares,
        ..LinuxResources::default()
    };
    [
        ("", shares(None)),
        ("/burstable", shares(None)),
        ("/besteffort", shares(Some(2))),
    ]
}

/// The limits of a pod's own cgroup.
#[must_use]
pub fn pod_limits(pod: &Pod) -> LinuxResources {
    let Some(spec) = &pod.spec else {
        return LinuxResources::default();
    };
    let (requests, limits) = (requests::pod_requests(spec), requests::pod_limits(spec));
    let mut all = spec
        .containers
        .iter()
        .chain(spec.init_containers.iter().flatten());
    let mut all_limit = |name: &str| {
        all.clone().next().is_some()
            && all.all(|c| {
                c.resources
                    .as_ref()
                    .and_then(|r| r.limits.as_ref())
                    .is_some_and(|l| l.contains_key(name))
            })
    };
    let cpu = all_limit("cpu").then(|| milli(&limits, "cpu")).flatten();
    let mut all = spec
        .containers
        .iter()
        .chain(spec.init_containers.iter().flatten());
    let all_memory = all.all(|c| {
        c.resources
            .as_ref()
            .and_then(|r| r.limits.as_ref())
            .is_some_and(|l| l.contains_key("memory"))
    });
    LinuxResources {
        cpu_shares: Some(shares(milli(&requests, "cpu").unwrap_or(0))),
        cpu_period: cpu.map(|_| PERIOD.unsigned_abs()),
        cpu_quota: cpu.map(quota),
        memory_limit_bytes: limits
            .get("memory")
            .filter(|_| all_memory)
            .map(Quantity::units),
        ..LinuxResources::default()
    }
}

/// The limits of one container.
#[must_use]
pub fn container_limits(pod: &Pod, container: &Container, node_memory: i64) -> LinuxResources {
    let empty = BTreeMap::new();
    let resources = container.resources.as_ref();
    let requests = requests::parse(resources.map_or(Some(&empty), |r| r.requests.as_ref()));
    let limits = requests::parse(resources.map_or(Some(&empty), |r| r.limits.as_ref()));
    let cpu_limit = milli(&limits, "cpu").filter(|milli| *milli > 0);
    let cpu_request = milli(&requests, "cpu").or(cpu_limit).unwrap_or(0);
    let hugepages = limits.iter().filter_map(|(name, size)| {
        let page = name.strip_prefix("hugepages-")?;
        let page: Quantity = page.parse().ok()?;
        Some((page_name(page.units()), size.units().unsigned_abs()))
    });
    LinuxResources {
        cpu_shares: Some(shares(cpu_request)),
        cpu_period: cpu_limit.map(|_| PERIOD.unsigned_abs()),
        cpu_quota: cpu_limit.map(quota),
        memory_limit_bytes: limits
            .get("memory")
            .map(Quantity::units)
            .filter(|bytes| *bytes > 0),
        oom_score_adj: Some(oom_score(pod, &requests, node_memory)),
        pids_limit: None,
        hugepage_limits: hugepages.collect(),
    }
}

fn milli(list: &ResourceList, name: &str) -> Option<i64> {
    list.get(name).map(Quantity::milli)
}

fn shares(milli: i64) -> u64 {
    let shares = milli.saturating_mul(1024) / 1000;
    shares.clamp(2, 262_144).unsigned_abs()
}

fn quota(milli: i64) -> i64 {
    (milli.saturating_mul(PERIOD) / 1000).max(1000)
}

/// `2MB`, `1GB`: as the kernel names its huge page sizes.
fn page_name(bytes: i64) -> String {
    const UNITS: [(&str, i64); 3] = [("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)];
    let unit = UNITS
        .iter()
        .find(|(_, size)| bytes >= *size && bytes % size == 0);
    unit.map_or_else(
        || bytes.to_string(),
        |(name, size)| format!("{}{name}", bytes / size),
    )
}

/// Whom the kernel kills first when memory runs out: 1000 is first, -997 last but rk3s itself.
fn oom_score(pod: &Pod, requests: &ResourceList, node_memory: i64) -> i32 {
    let critical = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.priority_class_name.as_deref())
        == Some("system-node-critical");
    match Qos::of(pod) {
        _ if critical => -997,
        Qos::Guaranteed => -997,
        Qos::BestEffort => 1000,
        Qos::Burstable => {
            let request = requests.get("memory").map_or(0, Quantity::units);
            let score = 1000 - 1000i64.saturating_mul(request) / node_memory.max(1);
            i32::try_from(score.clamp(3, 999)).expect("within 3 and 999")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::Kind;

    fn pod(qos: &str, resources: &str) -> Pod {
        let text = format!(
            r#"{{"spec": {{"containers": [{{"name": "a", "resources": {resources}}}]}},
                "status": {{"qosClass": "{qos}"}}}}"#
        );
        Pod::decode(text.as_bytes()).expect("a pod")
    }

    #[test]
    fn containers_get_upstreams_numbers() {
        let rows = [
            (
                "BestEffort",
                "{}",
                "shares=2 quota=None memory=None oom=1000",
            ),
            (
                "Burstable",
                r#"{"requests": {"cpu": "250m", "memory": "256Mi"}}"#,
                "shares=256 quota=None memory=None oom=750",
            ),
            (
                "Guaranteed",
                r#"{"limits": {"cpu": "500m", "memory": "64Mi"}, "requests": {"cpu": "500m", "memory": "64Mi"}}"#,
                "shares=512 quota=Some(50000) memory=Some(67108864) oom=-997",
            ),
            (
                "Burstable",
                r#"{"limits": {"cpu": "1m"}}"#,
                "shares=2 quota=Some(1000) memory=None oom=999",
            ),
        ];
        for (qos, resources, expected) in rows {
            let pod = pod(qos, resources);
            let container = &pod.spec.as_ref().expect("a spec").containers[0];
            let limits = container_limits(&pod, container, 1 << 30);
            let shown = format!(
                "shares={} quota={:?} memory={:?} oom={}",
                limits.cpu_shares.unwrap_or(0),
                limits.cpu_quota,
                limits.memory_limit_bytes,
                limits.oom_score_adj.unwrap_or(0)
            );
            assert_eq!(shown, expected, "{resources}");
        }
    }

    #[test]
    fn a_pods_cgroup_is_named_by_its_class() {
        for (qos, path) in [
            ("Guaranteed", "/kubepods/podu"),
            ("Burstable", "/kubepods/burstable/podu"),
            ("BestEffort", "/kubepods/besteffort/podu"),
        ] {
            assert_eq!(pod_cgroup("/kubepods", &pod(qos, "{}"), "u"), path);
        }
    }
}
