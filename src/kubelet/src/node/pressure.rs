//! Whether the machine is short of memory, disk or process ids (upstream's hard thresholds).

use std::fs;
use std::path::Path;

/// What is short now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    pub memory: bool,
    pub disk: bool,
    pub pids: bool,
}

/// `memory.available<100Mi`, `nodefs.available<10%`, `nodefs.inodesFree<5%`.
const LEAST_MEMORY_KIB: u64 = 100 * 1024;
const LEAST_DISK_PERCENT: u64 = 10;
const LEAST_INODES_PERCENT: u64 = 5;
/// Of the kernel's own limit.
const LEAST_PIDS_PERCENT: u64 = 5;

impl Pressure {
    /// Looks at the machine. What cannot be read is not short.
    #[must_use]
    pub fn read(root_dir: &Path) -> Self {
        Self {
            memory: memory_is_short(),
            disk: disk_is_short(root_dir),
            pids: pids_are_short(),
        }
    }
}

fn memory_is_short() -> bool {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.is_some_and(|kib| kib < LEAST_MEMORY_KIB)
}

fn disk_is_short(root_dir: &Path) -> bool {
    let below = |free: u64, all: u64, percent: u64| all > 0 && free < all / 100 * percent;
    rustix::fs::statvfs(root_dir).is_ok_and(|fs| {
        below(fs.f_bavail, fs.f_blocks, LEAST_DISK_PERCENT)
            || below(fs.f_favail, fs.f_files, LEAST_INODES_PERCENT)
    })
}

fn pids_are_short() -> bool {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    // `0.1 0.1 0.1 2/345 6789`: running and existing tasks.
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let tasks = load
        .split_whitespace()
        .nth(3)
        .and_then(|pair| number(pair.split_once('/')?.1));
    let most = fs::read_to_string("/proc/sys/kernel/pid_max")
        .ok()
        .and_then(|text| number(&text));
    match (tasks, most) {
        (Some(tasks), Some(most)) => most.saturating_sub(tasks) < most / 100 * LEAST_PIDS_PERCENT,
        _ => false,
    }
}
