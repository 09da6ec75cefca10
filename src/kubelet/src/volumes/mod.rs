//! Volumes: a plugin per type, a directory or file on the node per volume.

mod atomic;
mod config_map;
mod downward;
mod empty_dir;
mod host_path;
mod keys;
mod projected;
mod secret;
mod token;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use api::core::Volume;
use futures::future::BoxFuture;

use crate::env::PodFacts;
use crate::references::References;
use crate::tokens::Tokens;

/// A volume cannot be set up; the text ends the FailedMount event.
#[derive(Debug, thiserror::Error)]
#[error("MountVolume.SetUp failed for volume {volume:?} : {why}")]
pub struct MountError {
    pub volume: String,
    pub why: String,
}

/// What every plugin works with.
pub struct VolumeCx<'a> {
    pub facts: &'a PodFacts<'a>,
    pub references: &'a dyn References,
    pub tokens: &'a Tokens,
    /// `<root>/pods/<uid>/volumes`.
    pub directory: &'a Path,
}

impl VolumeCx<'_> {
    /// `kubernetes.io~empty-dir/<name>`, as upstream lays volumes out.
    fn path(&self, plugin: &str, volume: &str) -> PathBuf {
        self.directory
            .join(format!("kubernetes.io~{plugin}"))
            .join(volume)
    }

    /// The group that owns the pod's files (`fsGroup`).
    fn group(&self) -> Option<u32> {
        let security = self.facts.pod.spec.as_ref()?.security_context.as_ref()?;
        u32::try_from(security.fs_group?).ok()
    }
}

/// One type of volume. Setting up again refreshes what changes and keeps what does not.
pub trait VolumePlugin: Send + Sync {
    fn supports(&self, volume: &Volume) -> bool;

    /// Makes the volume, and gives the path to mount into containers.
    fn setup<'a>(
        &'a self,
        volume: &'a Volume,
        cx: &'a VolumeCx<'a>,
    ) -> BoxFuture<'a, Result<PathBuf, String>>;
}

/// Every type there is.
pub static PLUGINS: &[&dyn VolumePlugin] = &[
    &empty_dir::EmptyDir,
    &host_path::HostPath,
    &config_map::ConfigMap,
    &secret::Secret,
    &downward::DownwardApi,
    &projected::Projected,
];

/// Sets up all volumes of a pod; gives each one's path by name.
///
/// # Errors
/// The first volume that cannot be set up, or is of a type that is not supported.
pub async fn setup(
    volumes: &[Volume],
    cx: &VolumeCx<'_>,
) -> Result<BTreeMap<String, PathBuf>, MountError> {
    let mut paths = BTreeMap::new();
    for volume in volumes {
        let failed = |why: String| MountError {
            volume: volume.name.clone(),
            why,
        };
        let plugin = PLUGINS
            .iter()
            .find(|plugin| plugin.supports(volume))
            .ok_or_else(|| failed("rk3s does not support this type of volume yet".to_owned()))?;
        paths.insert(
            volume.name.clone(),
            plugin.setup(volume, cx).await.map_err(failed)?,
        );
    }
    Ok(paths)
}

/// Whether what a volume shows may change while the pod runs.
#[must_use]
pub fn changes(volume: &Volume) -> bool {
    let shows = [
        volume.config_map.is_some(),
        volume.secret.is_some(),
        volume.downward_api.is_some(),
        volume.projected.is_some(),
    ];
    shows.contains(&true)
}

/// Unmounts what is mounted below a pod's directory and removes the directory. An absent one is
/// a success.
///
/// # Errors
/// The first mount or directory that stays; nothing beyond a mount is ever removed.
pub fn teardown(pod_directory: &Path) -> std::io::Result<()> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
    let mut below: Vec<PathBuf> = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|point| PathBuf::from(point.replace("\\040", " ")))
        .filter(|point| point.starts_with(pod_directory))
        .collect();
    // The deepest first.
    below.sort_by_key(|point| std::cmp::Reverse(point.components().count()));
    for point in below {
        rustix::mount::unmount(&point, rustix::mount::UnmountFlags::DETACH)?;
    }
    match std::fs::remove_dir_all(pod_directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
