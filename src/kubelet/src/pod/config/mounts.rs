//! Volumes in containers, whole or below a sub-path.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use api::core::Container;
use cri::Mount;

use crate::env::ConfigError;
use crate::expand::expand;

pub(super) fn volume_mounts(
    spec: &Container,
    volumes: &BTreeMap<String, PathBuf>,
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Mount>, ConfigError> {
    let mut mounts = Vec::new();
    for mount in spec.volume_mounts.iter().flatten() {
        let volume = volumes.get(&mount.name).ok_or_else(|| {
            ConfigError(format!(
                "cannot find volume {:?} to mount into container {:?}",
                mount.name, spec.name
            ))
        })?;
        let sub_path = match (&mount.sub_path, &mount.sub_path_expr) {
            (Some(path), _) => path.clone(),
            (None, Some(expression)) => expand(expression, &lookup),
            (None, None) => String::new(),
        };
        mounts.push(Mount {
            container_path: mount.mount_path.clone(),
            host_path: sub_directory(volume, &sub_path)?,
            readonly: mount.read_only == Some(true),
            recursive_read_only: matches!(
                mount.recursive_read_only.as_deref(),
                Some("Enabled" | "IfPossible")
            ),
            propagation: match mount.mount_propagation.as_deref() {
                Some("HostToContainer") => cri::MountPropagation::HostToContainer,
                Some("Bidirectional") => cri::MountPropagation::Bidirectional,
                _ => cri::MountPropagation::Private,
            },
        });
    }
    Ok(mounts)
}

/// A path below a volume, made when it is absent. No link on the way may lead out.
fn sub_directory(volume: &Path, sub_path: &str) -> Result<PathBuf, ConfigError> {
    if sub_path.is_empty() {
        return Ok(volume.to_owned());
    }
    let refuse = |why: &str| ConfigError(format!("failed to prepare subPath {sub_path:?}: {why}"));
    let relative = Path::new(sub_path);
    if relative.is_absolute() || relative.components().any(|c| c.as_os_str() == "..") {
        return Err(refuse("it must be a relative path without '..'"));
    }
    let wanted = volume.join(relative);
    let io = |error: std::io::Error| refuse(&error.to_string());
    let base = volume.canonicalize().map_err(io)?;
    let mut existing = wanted.as_path();
    while !existing.exists() {
        existing = existing
            .parent()
            .ok_or_else(|| refuse("it has no parent"))?;
    }
    if !existing.canonicalize().map_err(io)?.starts_with(&base) {
        return Err(refuse("a link in it leads out of the volume"));
    }
    std::fs::create_dir_all(&wanted)
        .or_else(|e| if wanted.exists() { Ok(()) } else { Err(e) })
        .map_err(io)?;
    let made = wanted.canonicalize().map_err(io)?;
    // A container that shares the volume may have put a link there meanwhile.
    if !made.starts_with(&base) {
        return Err(refuse("a link in it leads out of the volume"));
    }
    Ok(made)
}
