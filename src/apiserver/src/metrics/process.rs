//! The process and its build.

use std::fmt::Write;
use std::fs;

use base::metrics::Make;

use crate::version;

/// The kernel's clock ticks in a second, fixed for user space on Linux.
const TICKS: f64 = 100.0;
const PAGE: f64 = 4096.0;

/// `kubernetes_build_info`, which is always 1.
pub(super) fn build_info(make: &Make<'_>) {
    let document = version::document();
    let of = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
    let values = [
        "buildDate",
        "compiler",
        "gitCommit",
        "gitTreeState",
        "gitVersion",
        "goVersion",
        "major",
        "minor",
        "platform",
    ]
    .map(of);
    let labels = [
        "build_date",
        "compiler",
        "git_commit",
        "git_tree_state",
        "git_version",
        "go_version",
        "major",
        "minor",
        "platform",
    ];
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let help = "[ALPHA] A metric with a constant '1' value labeled by major, minor, git version, \
                git commit, git tree state, build date, Go version, and compiler from which \
                Kubernetes was built, and platform on which it is running.";
    make.gauges("kubernetes_build_info", help, &labels)
        .with_label_values(&values)
        .set(1);
}

/// The `process_*` family, as the Prometheus clients of all languages write it. What the kernel
/// does not tell is left out.
pub(super) fn text() -> String {
    let mut text = String::new();
    let mut put = |name: &str, kind: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            write!(
                text,
                "# HELP process_{name} {help}\n# TYPE process_{name} {kind}\nprocess_{name} {value}\n"
            )
            .expect("writing to a string cannot fail");
        }
    };
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold spaces; the fields after it are numbered from 3.
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace()
        .collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let cpu = field(14)
        .zip(field(15))
        .map(|(user, system)| (user + system) / TICKS);
    put(
        "cpu_seconds_total",
        "counter",
        "Total user and system CPU time spent in seconds.",
        cpu,
    );
    put(
        "start_time_seconds",
        "gauge",
        "[ALPHA] Start time of the process since unix epoch in seconds.",
        field(22)
            .zip(boot_time())
            .map(|(ticks, boot)| boot + ticks / TICKS),
    );
    put(
        "virtual_memory_bytes",
        "gauge",
        "Virtual memory size in bytes.",
        field(23),
    );
    put(
        "resident_memory_bytes",
        "gauge",
        "Resident memory size in bytes.",
        field(24).map(|pages| pages * PAGE),
    );
    put(
        "open_fds",
        "gauge",
        "Number of open file descriptors.",
        open_files(),
    );
    put(
        "max_fds",
        "gauge",
        "Maximum number of open file descriptors.",
        most_files(),
    );
    text
}

fn boot_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()
}

fn open_files() -> Option<f64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    // One of them is the directory that is being read.
    u32::try_from(count.saturating_sub(1)).ok().map(f64::from)
}

/// The soft limit of open files.
pub(crate) fn most_files() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}
