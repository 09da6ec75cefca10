//! Volumes in containers, whole or below a sub-path.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use api::core::Container;
use cri::Mount;

use crate::env::ConfigError;
use crate::expand::expand;
use crate::volumes::sub_path;

/// `places`: where parts of volumes are mounted, of this container alone.
pub(super) fn volume_mounts(
    spec: &Container,
    places: &Path,
    volumes: &BTreeMap<String, PathBuf>,
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Mount>, ConfigError> {
    let mut mounts = Vec::new();
    for (index, mount) in spec.volume_mounts.iter().flatten().enumerate() {
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
        let host_path = if sub_path.is_empty() {
            volume.clone()
        } else {
            let place = places.join(index.to_string());
            sub_path::bind(volume, &sub_path, &place).map_err(|why| {
                ConfigError(format!("failed to prepare subPath {sub_path:?}: {why}"))
            })?;
            place
        };
        mounts.push(Mount {
            container_path: mount.mount_path.clone(),
            host_path,
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
