//! The cgroups of pods: `/kubepods[/burstable|/besteffort]/pod<uid>` in every controller, v1,
//! hybrid or v2. Containers' own cgroups, below, are the runtime's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cri::LinuxResources;

/// Where the host mounts its cgroups.
const MOUNT: &str = "/sys/fs/cgroup";

/// A cgroup could not be made, limited or removed.
#[derive(Debug, thiserror::Error)]
#[error("cgroup {}: cannot {doing}: {source}", path.display())]
pub struct Error {
    path: PathBuf,
    doing: &'static str,
    source: io::Error,
}

/// How the host arranges its cgroups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hierarchy {
    /// One directory per v1 controller; the v2 tree, if mounted beside, has no controllers.
    V1 {
        controllers: Vec<PathBuf>,
    },
    V2 {
        root: PathBuf,
    },
}

impl Hierarchy {
    /// Looks at what is mounted.
    ///
    /// # Errors
    /// When `/sys/fs/cgroup` cannot be read.
    pub fn detect() -> Result<Self, Error> {
        let root = PathBuf::from(MOUNT);
        if root.join("cgroup.controllers").exists() {
            return Ok(Self::V2 { root });
        }
        let entries = fs::read_dir(&root).map_err(|e| failed(&root, "list", e))?;
        let mut controllers: Vec<PathBuf> = entries
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            // `cpu` and `cpuacct` may be links to one mount: once is enough.
            .filter(|path| !path.is_symlink() && path.join("cgroup.procs").exists())
            .collect();
        controllers.sort();
        Ok(Self::V1 { controllers })
    }

    fn roots(&self) -> &[PathBuf] {
        match self {
            Self::V1 { controllers } => controllers,
            Self::V2 { root } => std::slice::from_ref(root),
        }
    }

    /// Creates a cgroup in every controller and sets its limits. Repeating it sets them again.
    ///
    /// # Errors
    /// The first file that cannot be made or written.
    pub fn create(&self, cgroup: &str, limits: &LinuxResources) -> Result<(), Error> {
        for root in self.roots() {
            let path = root.join(cgroup.trim_start_matches('/'));
            if let Self::V2 { root } = self {
                delegate(root, &path)?;
            }
            fs::create_dir_all(&path).map_err(|e| failed(&path, "create", e))?;
            if root.ends_with("cpuset") {
                inherit_cpuset(root, &path)?;
            }
        }
        for (file, value) in self.settings(limits) {
            for root in self.roots() {
                let path = root.join(cgroup.trim_start_matches('/')).join(file);
                if path.exists() {
                    fs::write(&path, &value).map_err(|e| failed(&path, "limit", e))?;
                }
            }
        }
        Ok(())
    }

    /// File and value of each limit, in this hierarchy's own terms.
    fn settings(&self, limits: &LinuxResources) -> Vec<(&'static str, String)> {
        let mut settings = Vec::new();
        let v2 = matches!(self, Self::V2 { .. });
        if let Some(shares) = limits.cpu_shares {
            // The v2 range is 1 to 10000, v1's 2 to 262144 (kubelet-cri-facts §4).
            let weight = 1 + shares.saturating_sub(2) * 9999 / 262_142;
            settings.push(if v2 {
                ("cpu.weight", weight.to_string())
            } else {
                ("cpu.shares", shares.to_string())
            });
        }
        if let Some(quota) = limits.cpu_quota {
            let period = limits.cpu_period.unwrap_or(100_000);
            if v2 {
                let quota = if quota < 0 {
                    "max".to_owned()
                } else {
                    quota.to_string()
                };
                settings.push(("cpu.max", format!("{quota} {period}")));
            } else {
                settings.push(("cpu.cfs_period_us", period.to_string()));
                settings.push(("cpu.cfs_quota_us", quota.to_string()));
            }
        }
        if let Some(bytes) = limits.memory_limit_bytes {
            let file = if v2 {
                "memory.max"
            } else {
                "memory.limit_in_bytes"
            };
            settings.push((file, bytes.to_string()));
        }
        if let Some(pids) = limits.pids_limit {
            settings.push(("pids.max", pids.to_string()));
        }
        settings
    }

    /// Removes a cgroup and what is empty below it, in every controller. An absent one is a
    /// success.
    ///
    /// # Errors
    /// When a process still lives in it.
    pub fn remove(&self, cgroup: &str) -> Result<(), Error> {
        for root in self.roots() {
            remove_tree(&root.join(cgroup.trim_start_matches('/')))?;
        }
        Ok(())
    }

    /// Names of the cgroups directly below one, over all controllers.
    #[must_use]
    pub fn children(&self, cgroup: &str) -> Vec<String> {
        let mut names = Vec::new();
        for root in self.roots() {
            let Ok(entries) = fs::read_dir(root.join(cgroup.trim_start_matches('/'))) else {
                continue;
            };
            let directories = entries.filter_map(Result::ok).filter(|e| e.path().is_dir());
            names.extend(directories.filter_map(|e| e.file_name().into_string().ok()));
        }
        names.sort();
        names.dedup();
        names
    }
}

fn failed(path: &Path, doing: &'static str, source: io::Error) -> Error {
    Error {
        path: path.to_owned(),
        doing,
        source,
    }
}

fn remove_tree(path: &Path) -> Result<(), Error> {
    let Ok(entries) = fs::read_dir(path) else {
        return Ok(());
    };
    for entry in entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
    {
        remove_tree(&entry.path())?;
    }
    match fs::remove_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, "remove", error)),
        _ => Ok(()),
    }
}

/// In v2 a controller reaches a cgroup only when each parent passes it on.
fn delegate(root: &Path, path: &Path) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(root);
    if parent != root && parent.starts_with(root) {
        delegate(root, parent)?;
        fs::create_dir_all(parent).map_err(|e| failed(parent, "create", e))?;
    }
    let available = parent.join("cgroup.controllers");
    let available = fs::read_to_string(&available).map_err(|e| failed(&available, "read", e))?;
    let control = parent.join("cgroup.subtree_control");
    for controller in available.split_whitespace() {
        if matches!(
            controller,
            "cpu" | "cpuset" | "io" | "memory" | "pids" | "hugetlb"
        ) {
            let text = format!("+{controller}");
            fs::write(&control, text).map_err(|e| failed(&control, "delegate", e))?;
        }
    }
    Ok(())
}

/// A v1 cpuset begins empty, and nothing can run in it until it has CPUs and memory nodes.
fn inherit_cpuset(root: &Path, path: &Path) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(root);
    if parent != root && parent.starts_with(root) {
        inherit_cpuset(root, parent)?;
    }
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let own = path.join(file);
        let current = fs::read_to_string(&own).map_err(|e| failed(&own, "read", e))?;
        if current.trim().is_empty() {
            let from = parent.join(file);
            let value = fs::read_to_string(&from).map_err(|e| failed(&from, "read", e))?;
            fs::write(&own, value.trim()).map_err(|e| failed(&own, "set", e))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_in_both_hierarchies() {
        let limits = LinuxResources {
            cpu_shares: Some(1024),
            cpu_quota: Some(50_000),
            cpu_period: Some(100_000),
            memory_limit_bytes: Some(1 << 20),
            pids_limit: Some(64),
            ..LinuxResources::default()
        };
        let show = |hierarchy: Hierarchy| {
            let settings = hierarchy.settings(&limits).into_iter();
            settings
                .map(|(file, value)| format!("{file}={value}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            show(Hierarchy::V1 {
                controllers: Vec::new()
            }),
            "cpu.shares=1024 cpu.cfs_period_us=100000 cpu.cfs_quota_us=50000 \
             memory.limit_in_bytes=1048576 pids.max=64"
        );
        assert_eq!(
            show(Hierarchy::V2 { root: MOUNT.into() }),
            "cpu.weight=39 cpu.max=50000 100000 memory.max=1048576 pids.max=64"
        );
    }

    #[test]
    fn a_cgroup_is_made_limited_and_removed_on_this_host() {
        let hierarchy = Hierarchy::detect().expect("a host with cgroups");
        let cgroup = format!("/rk3s-test-{}/pod", base::random::name_suffix(8));
        let parent = cgroup.trim_end_matches("/pod").to_owned();
        let limits = LinuxResources {
            pids_limit: Some(7),
            ..LinuxResources::default()
        };
        hierarchy.create(&cgroup, &limits).expect("created");
        assert_eq!(hierarchy.children(&parent), ["pod"]);
        let found = hierarchy
            .roots()
            .iter()
            .find_map(|root| fs::read_to_string(root.join(&cgroup[1..]).join("pids.max")).ok());
        hierarchy.remove(&parent).expect("removed");
        assert_eq!(found.as_deref(), Some("7\n"));
        assert!(hierarchy.children(&parent).is_empty());
    }
}
