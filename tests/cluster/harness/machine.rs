//! A machine of the tests' own: a network namespace with one interface and no default route, so
//! that neither ports, interfaces, rules nor routes meet those of the host.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Set in the process that already is in the namespace.
const INSIDE: &str = "RK3S_TEST_MACHINE";
/// This machine's address, on the interface [`INTERFACE`].
pub const ADDRESS: &str = "192.0.2.10";
pub const INTERFACE: &str = "test0";

/// Starts this program again inside a new network namespace, unless it runs there already. The
/// namespace goes away with the last process in it.
pub fn enter() -> Result<()> {
    if std::env::var_os(INSIDE).is_some() {
        let address = format!("{ADDRESS}/24");
        let lines: [&[&str]; 5] = [
            &["link", "set", "lo", "up"],
            // Not every kernel has dummy interfaces; a pair of veth is one that is up.
            &[
                "link", "add", INTERFACE, "type", "veth", "peer", "name", "test1",
            ],
            &["addr", "add", &address, "dev", INTERFACE],
            &["link", "set", INTERFACE, "up"],
            &["link", "set", "test1", "up"],
        ];
        return lines.iter().try_for_each(|line| run("ip", line));
    }
    let error = Command::new("unshare")
        .arg("--net")
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "yes")
        .exec();
    Err(error).context("unshare (Debian: util-linux)")
}

/// A host program that must succeed, with its words when it does not.
pub fn run(program: &str, args: &[&str]) -> Result<()> {
    output(program, args).map(drop)
}

/// Standard output of a host program that must succeed.
pub fn output(program: &str, args: &[&str]) -> Result<String> {
    succeeded(Command::new(program).args(args))
}

/// Standard output of a command that must succeed.
pub fn succeeded(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?}: {words}");
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The release binary under test.
pub fn binary() -> Result<PathBuf> {
    from_environment("RK3S_BINARY")
}

/// The real kubectl.
pub fn real_kubectl() -> Result<PathBuf> {
    from_environment("KUBECTL")
}

/// An archive with `docker.io/library/busybox:1.35`.
pub fn busybox_archive() -> Result<PathBuf> {
    from_environment("RK3S_TEST_IMAGE")
}

/// The directory that holds the Python client.
pub fn python_client() -> Result<PathBuf> {
    from_environment("RK3S_TEST_PYTHON")
}

fn from_environment(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os(name)
        .map(PathBuf::from)
        .with_context(|| format!("{name} is not set: run scripts/test-cluster.sh"))?;
    if !path.exists() {
        bail!("{name}={} does not exist", path.display());
    }
    Ok(path)
}

/// Process ids whose command line or cgroup `matches`.
pub fn processes(matches: impl Fn(&str, &str) -> bool) -> Result<Vec<(i32, String)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        // A process that ends meanwhile is not there.
        let read = |file: &str| std::fs::read(entry.path().join(file)).unwrap_or_default();
        let command = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
        let cgroups = String::from_utf8_lossy(&read("cgroup")).into_owned();
        if matches(&command, &cgroups) {
            found.push((pid, command));
        }
    }
    Ok(found)
}

/// Mount points of this mount namespace, deepest last.
pub fn mounts_below(directory: &Path) -> Result<Vec<PathBuf>> {
    let table = std::fs::read_to_string("/proc/self/mountinfo")?;
    let points = table.lines().filter_map(|line| line.split(' ').nth(4));
    let below = points
        .map(PathBuf::from)
        .filter(|point| point.starts_with(directory));
    Ok(below.collect())
}

/// Directories named `root` (below any controller's hierarchy).
pub fn cgroups(root: &str) -> Result<Vec<PathBuf>> {
    let root = root.trim_start_matches('/');
    let mut found = Vec::new();
    for mount in std::fs::read_dir("/sys/fs/cgroup")? {
        let group = mount?.path().join(root);
        if group.is_dir() {
            found.push(group);
        }
    }
    let unified = Path::new("/sys/fs/cgroup").join(root);
    found.extend(unified.is_dir().then_some(unified));
    Ok(found)
}
