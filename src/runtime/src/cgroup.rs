//! A container's cgroup as this host has it: v2 alone, or v1 hierarchies (hybrid included).
//!
//! libcontainer makes the group and sets the first limits; what it does not do is here: killing
//! all that is inside, counting OOM kills, changing limits while it runs, and removal.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cri::LinuxResources;
use rustix::process::{Pid, Signal, kill_process};

/// Where the hierarchies are mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hierarchies {
    /// One mount for all controllers.
    Unified(PathBuf),
    /// A mount per controller set, with the names of its controllers.
    Legacy(Vec<(Vec<String>, PathBuf)>),
}

impl Hierarchies {
    /// What is mounted here.
    ///
    /// # Errors
    /// When `/proc/self/mounts` is unreadable or names no cgroup at all.
    pub fn discover() -> io::Result<Self> {
        Self::parse(&fs::read_to_string("/proc/self/mounts")?)
            .ok_or_else(|| io::Error::other("no cgroup hierarchy is mounted"))
    }

    fn parse(mounts: &str) -> Option<Self> {
        let mut legacy = Vec::new();
        let mut unified = None;
        for line in mounts.lines() {
            let mut fields = line.split(' ');
            let (Some(_), Some(target), Some(kind), Some(options)) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            match kind {
                "cgroup2" => unified = Some(PathBuf::from(target)),
                "cgroup" => legacy.push((controllers(options), PathBuf::from(target))),
                _ => {}
            }
        }
        // With both, the controllers are in v1: libcontainer ignores the v2 mount then.
        if legacy.is_empty() {
            unified.map(Self::Unified)
        } else {
            Some(Self::Legacy(legacy))
        }
    }

    /// The directories of `group` (`/kubepods/…/<id>`), whether they exist or not.
    #[must_use]
    pub fn directories(&self, group: &Path) -> Vec<PathBuf> {
        let group = group.strip_prefix("/").unwrap_or(group);
        match self {
            Self::Unified(root) => vec![root.join(group)],
            Self::Legacy(mounts) => mounts.iter().map(|(_, root)| root.join(group)).collect(),
        }
    }

    /// The directory of `group` that holds a controller's files.
    #[must_use]
    pub fn directory(&self, controller: &str, group: &Path) -> Option<PathBuf> {
        let group = group.strip_prefix("/").unwrap_or(group);
        match self {
            Self::Unified(root) => Some(root.join(group)),
            Self::Legacy(mounts) => mounts
                .iter()
                .find(|(names, _)| names.iter().any(|name| name == controller))
                .map(|(_, root)| root.join(group)),
        }
    }

    /// Whether a controller can be used at all.
    #[must_use]
    pub fn has(&self, controller: &str) -> bool {
        match self {
            Self::Unified(root) => fs::read_to_string(root.join("cgroup.controllers"))
                .is_ok_and(|names| names.split_whitespace().any(|name| name == controller)),
            Self::Legacy(_) => self.directory(controller, Path::new("")).is_some(),
        }
    }

    /// The processes of `group` and of the groups a privileged container made below it.
    fn processes(&self, group: &Path) -> BTreeSet<i32> {
        let mut pids = BTreeSet::new();
        for directory in self.directories(group) {
            collect_processes(&directory, &mut pids);
        }
        pids
    }

    /// Sends SIGKILL to every process inside; `true` when there was none.
    ///
    /// Where the kernel cannot do it in one step the group is frozen meanwhile, so that nothing
    /// forks away, and then thawed, because a frozen process does not die.
    pub fn kill(&self, group: &Path) -> bool {
        let pids = self.processes(group);
        if pids.is_empty() {
            return true;
        }
        if let Self::Unified(root) = self {
            let switch = root
                .join(group.strip_prefix("/").unwrap_or(group))
                .join("cgroup.kill");
            if fs::write(switch, "1").is_ok() {
                return false;
            }
        }
        self.freeze(group, true);
        for pid in self.processes(group) {
            if let Some(pid) = Pid::from_raw(pid) {
                // Gone already is what is wanted.
                let _gone = kill_process(pid, Signal::KILL);
            }
        }
        self.freeze(group, false);
        false
    }

    fn freeze(&self, group: &Path, frozen: bool) {
        let Some(directory) = self.directory("freezer", group) else {
            return;
        };
        let (file, value) = match (self, frozen) {
            (Self::Unified(_), _) => ("cgroup.freeze", if frozen { "1" } else { "0" }),
            (Self::Legacy(_), true) => ("freezer.state", "FROZEN"),
            (Self::Legacy(_), false) => ("freezer.state", "THAWED"),
        };
        // Without a freezer the caller's retries do the same more slowly.
        let _unfrozen = fs::write(directory.join(file), value);
    }

    /// How many processes of the group the kernel has killed for want of memory.
    #[must_use]
    pub fn oom_kills(&self, group: &Path) -> u64 {
        let file = match self {
            Self::Unified(_) => "memory.events",
            Self::Legacy(_) => "memory.oom_control",
        };
        self.directory("memory", group)
            .and_then(|directory| fs::read_to_string(directory.join(file)).ok())
            .and_then(|text| {
                let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
                line.and_then(|count| count.trim().parse().ok())
            })
            .unwrap_or(0)
    }

    /// Removes the (empty) group everywhere. An absent one is a success.
    ///
    /// # Errors
    /// `ResourceBusy` while a dying process still holds it.
    pub fn remove(&self, group: &Path) -> io::Result<()> {
        self.directories(group)
            .iter()
            .try_for_each(|directory| remove_tree(directory))
    }

    /// Applies new limits to a living group; `None` leaves a value alone.
    ///
    /// # Errors
    /// The file that refused its value.
    pub fn update(&self, group: &Path, limits: &LinuxResources) -> io::Result<()> {
        for (controller, file, value) in self.values(limits) {
            let directory = self.directory(controller, group).ok_or_else(|| {
                io::Error::other(format!("this host has no {controller} controller"))
            })?;
            let path = directory.join(file);
            fs::write(&path, &value).map_err(|error| {
                io::Error::new(error.kind(), format!("{}={value}: {error}", path.display()))
            })?;
        }
        Ok(())
    }

    fn values(&self, limits: &LinuxResources) -> Vec<(&'static str, &'static str, String)> {
        let legacy = matches!(self, Self::Legacy(_));
        let mut values = Vec::new();
        if legacy {
            if let Some(period) = limits.cpu_period {
                values.push(("cpu", "cpu.cfs_period_us", period.to_string()));
            }
            if let Some(quota) = limits.cpu_quota {
                values.push(("cpu", "cpu.cfs_quota_us", quota.to_string()));
            }
        } else if let Some(quota) = limits.cpu_quota {
            let quota = if quota < 0 {
                "max".to_owned()
            } else {
                quota.to_string()
            };
            let period = limits.cpu_period.unwrap_or(100_000);
            values.push(("cpu", "cpu.max", format!("{quota} {period}")));
        }
        if let Some(shares) = limits.cpu_shares {
            values.push(match legacy {
                true => ("cpu", "cpu.shares", shares.to_string()),
                false => ("cpu", "cpu.weight", weight(shares).to_string()),
            });
        }
        if let Some(bytes) = limits.memory_limit_bytes {
            values.push(match legacy {
                true => ("memory", "memory.limit_in_bytes", bytes.to_string()),
                false => ("memory", "memory.max", unlimited(bytes)),
            });
        }
        if let Some(count) = limits.pids_limit {
            values.push(("pids", "pids.max", unlimited(count)));
        }
        values
    }
}

/// v2 spells "no limit" as `max` where v1 and CRI have a negative number.
fn unlimited(value: i64) -> String {
    if value < 0 {
        "max".to_owned()
    } else {
        value.to_string()
    }
}

/// v1 shares (2 to 262144) as v2 weight (1 to 10000), by the kubelet's formula.
fn weight(shares: u64) -> u64 {
    1 + (shares.clamp(2, 262_144) - 2) * 9999 / 262_142
}

/// The controllers among a v1 mount's options; `name=systemd` counts as one called so.
fn controllers(options: &str) -> Vec<String> {
    options
        .split(',')
        .filter(|option| {
            !matches!(
                *option,
                "rw" | "ro" | "nosuid" | "nodev" | "noexec" | "relatime"
            )
        })
        .map(str::to_owned)
        .collect()
}

fn collect_processes(directory: &Path, pids: &mut BTreeSet<i32>) {
    let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
    for child in children(directory) {
        collect_processes(&child, pids);
    }
}

/// The directories below; none when the directory is gone.
fn children(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

fn remove_tree(directory: &Path) -> io::Result<()> {
    for child in children(directory) {
        remove_tree(&child)?;
    }
    match fs::remove_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    const HYBRID: &str = "\
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
";

    #[test]
    fn hybrid_hosts_count_as_v1() {
        let host = Hierarchies::parse(HYBRID).expect("mounted");
        let group = Path::new("/kubepods/x");
        assert_eq!(
            host.directory("cpu", group),
            Some("/sys/fs/cgroup/cpu,cpuacct/kubepods/x".into())
        );
        assert_eq!(host.directory("pids", group), None);
        assert!(host.has("memory") && !host.has("hugetlb"));
    }

    #[test]
    fn limits_in_each_versions_words() {
        let limits = LinuxResources {
            cpu_period: Some(100_000),
            cpu_quota: Some(50_000),
            cpu_shares: Some(1024),
            memory_limit_bytes: Some(-1),
            pids_limit: Some(10),
            ..LinuxResources::default()
        };
        let legacy = Hierarchies::parse(HYBRID).expect("mounted");
        let unified = Hierarchies::Unified("/sys/fs/cgroup".into());
        let text = |host: &Hierarchies| {
            let lines: Vec<_> = host
                .values(&limits)
                .into_iter()
                .map(|(_, file, value)| format!("{file} = {value}\n"))
                .collect();
            lines.concat()
        };
        expect![[r#"
            cpu.cfs_period_us = 100000
            cpu.cfs_quota_us = 50000
            cpu.shares = 1024
            memory.limit_in_bytes = -1
            pids.max = 10
        "#]]
        .assert_eq(&text(&legacy));
        expect![[r#"
            cpu.max = 50000 100000
            cpu.weight = 39
            memory.max = max
            pids.max = 10
        "#]]
        .assert_eq(&text(&unified));
    }
}
