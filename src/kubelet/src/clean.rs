//! What the kubelet of a stopped server left on the node.

use std::io;
use std::path::Path;

use crate::cgroup::Hierarchy;
use crate::orphans;
use crate::volumes;

/// Unmounts and removes pods' directories, logs and cgroups.
///
/// # Errors
/// The first thing that stays.
pub fn clean(root_dir: &Path, log_dir: &Path, cgroup_root: &str) -> io::Result<()> {
    for entry in list(&root_dir.join("pods"))? {
        volumes::teardown(&entry)?;
    }
    for entry in list(log_dir)? {
        if orphans::pod_of_logs(&entry).is_some() {
            std::fs::remove_dir_all(entry)?;
        }
    }
    if let Some(links) = log_dir.parent().map(|parent| parent.join("containers")) {
        for link in list(&links)? {
            if link.is_symlink() && !link.exists() {
                std::fs::remove_file(link)?;
            }
        }
    }
    let hierarchy = Hierarchy::detect().map_err(io::Error::other)?;
    hierarchy.remove(cgroup_root).map_err(io::Error::other)
}

fn list(directory: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    match std::fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
