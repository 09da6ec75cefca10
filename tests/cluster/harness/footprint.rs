//! What rk3s has on this machine, seen from outside: processes, mounts, interfaces, namespaces,
//! cgroups, rules and files.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Result;

use super::machine;
use super::server::{CGROUP, Places};

/// One line for each thing; two footprints are compared whole.
pub fn footprint(places: &Places) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    found.extend(processes(places)?);
    for point in machine::mounts_below(&places.root)? {
        found.insert(format!("mount {}", point.display()));
    }
    for line in machine::output("ip", &["-o", "link"])?.lines() {
        let name = line.split(' ').nth(1).unwrap_or_default();
        found.insert(format!("interface {}", name.trim_end_matches(':')));
    }
    for line in machine::output("ip", &["-o", "route"])?.lines() {
        // Whether a pod is there to carry it changes nothing of the route.
        let line = line.replace(" linkdown", "");
        found.insert(format!("route {}", line.trim()));
    }
    for line in machine::output("nft", &["list", "tables"])?.lines() {
        found.insert(format!("rules {line}"));
    }
    for group in machine::cgroups(CGROUP)? {
        found.insert(format!("cgroup {}", group.display()));
    }
    for name in ["run", "kubelet", "pods", "containers"] {
        files(&places.root.join(name), &mut found)?;
    }
    files(&places.data().join("agent/images.d/snapshots"), &mut found)?;
    Ok(found)
}

/// Processes of the binary other than this test's servers, and all in the test's cgroups.
fn processes(places: &Places) -> Result<Vec<String>> {
    let binary = machine::binary()?.display().to_string();
    let root = places.root.display().to_string();
    let group = format!(":{CGROUP}/");
    let found = machine::processes(|command, cgroups| {
        let ours = command.contains(&root) || command.starts_with(&binary);
        cgroups.contains(&group) || (ours && !command.contains(" server "))
    })?;
    let lines = found
        .into_iter()
        .map(|(pid, command)| format!("process {pid} {command}"));
    Ok(lines.collect())
}

/// Files, not directories: an empty directory holds nothing of a pod.
fn files(directory: &Path, found: &mut BTreeSet<String>) -> Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            files(&path, found)?;
        } else {
            found.insert(format!("file {}", path.display()));
        }
    }
    Ok(())
}

/// What `after` has and `before` has not.
pub fn leaked(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Vec<String> {
    after.difference(before).cloned().collect()
}
