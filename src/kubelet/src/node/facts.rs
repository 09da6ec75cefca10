//! What the machine is: read once, at start.

use std::fs;
use std::path::{Path, PathBuf};

use api::requests::ResourceList;
use apimachinery::Quantity;
use serde_json::{Value, json};

use super::pressure::Pressure;

/// The kernel's `uname`, the machine's ids and sizes, and what rk3s is told about the node.
#[derive(Clone, Debug)]
pub struct NodeFacts {
    pub name: String,
    pub address: String,
    /// The kubelet's HTTPS port.
    pub port: i32,
    pub pod_cidr: String,
    pub version: String,
    /// `rk3s://0.1.0`.
    pub runtime_version: String,
    pub cpus: u32,
    pub memory_bytes: i64,
    pub disk_bytes: i64,
    pub max_pods: u32,
    pub kernel_version: String,
    pub os_image: String,
    pub machine_id: String,
    pub boot_id: String,
    /// On the file system whose space pods use.
    pub root_dir: PathBuf,
}

/// Upstream's hard eviction thresholds, taken off what pods may use.
const RESERVED_MEMORY: i64 = 100 << 20;
const RESERVED_DISK_PERCENT: i64 = 10;

impl NodeFacts {
    /// Fills in what the machine says of itself; the rest is the caller's.
    #[must_use]
    pub fn read(name: &str, root_dir: &Path) -> Self {
        let first_line = |path: &str| {
            let text = fs::read_to_string(path).unwrap_or_default();
            text.lines().next().unwrap_or_default().trim().to_owned()
        };
        let disk = rustix::fs::statvfs(root_dir).map_or(0, |fs| fs.f_blocks * fs.f_frsize);
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            name: name.to_owned(),
            address: String::new(),
            port: 0,
            pod_cidr: String::new(),
            version: String::new(),
            runtime_version: String::new(),
            cpus: u32::try_from(cpus).unwrap_or(u32::MAX),
            memory_bytes: memory_bytes(),
            disk_bytes: i64::try_from(disk).unwrap_or(i64::MAX),
            max_pods: 110,
            kernel_version: first_line("/proc/sys/kernel/osrelease"),
            os_image: os_image(),
            machine_id: first_line("/etc/machine-id"),
            boot_id: first_line("/proc/sys/kernel/random/boot_id"),
            root_dir: root_dir.to_owned(),
        }
    }

    /// Labels that every node carries.
    #[must_use]
    pub fn labels(&self) -> Vec<(String, String)> {
        let arch = go_arch();
        [
            ("beta.kubernetes.io/arch", arch),
            ("beta.kubernetes.io/os", "linux"),
            ("kubernetes.io/arch", arch),
            ("kubernetes.io/hostname", &self.name),
            ("kubernetes.io/os", "linux"),
            ("node-role.kubernetes.io/control-plane", "true"),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
    }

    #[must_use]
    pub fn capacity(&self) -> ResourceList {
        self.resources(self.memory_bytes, self.disk_bytes)
    }

    /// What pods may use: the capacity less what eviction keeps free.
    #[must_use]
    pub fn allocatable(&self) -> ResourceList {
        let disk = self.disk_bytes - self.disk_bytes / 100 * RESERVED_DISK_PERCENT;
        self.resources((self.memory_bytes - RESERVED_MEMORY).max(0), disk)
    }

    fn resources(&self, memory: i64, disk: i64) -> ResourceList {
        [
            ("cpu", Quantity::from_units(i64::from(self.cpus))),
            ("ephemeral-storage", Quantity::from_bytes(disk)),
            ("hugepages-1Gi", Quantity::from_units(0)),
            ("hugepages-2Mi", Quantity::from_units(0)),
            ("memory", Quantity::from_bytes(memory)),
            ("pods", Quantity::from_units(i64::from(self.max_pods))),
        ]
        .into_iter()
        .map(|(name, amount)| (name.to_owned(), amount))
        .collect()
    }

    /// All that a report carries except times: a change is reported at once.
    #[must_use]
    pub fn stable(&self, pressure: Pressure) -> Value {
        let Pressure { memory, disk, pids } = pressure;
        json!([
            memory,
            disk,
            pids,
            self.address,
            self.port,
            self.kernel_version,
            self.boot_id,
            self.version
        ])
    }
}

/// The machine's architecture in Go's words.
#[must_use]
pub fn go_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn memory_bytes() -> i64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|rest| {
        rest.trim()
            .trim_end_matches(" kB")
            .trim()
            .parse::<i64>()
            .ok()
    });
    kib.unwrap_or(0) * 1024
}

fn os_image() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.map_or("Linux".to_owned(), |name| name.trim_matches('"').to_owned())
}
