//! Volumes: a plugin per type, a directory or file on the node per volume.

mod atomic;
mod config_map;
mod downward;
mod empty_dir;
mod host_path;
mod keys;
mod projected;
mod secret;
pub mod sub_path;
mod token;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStringExt;
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
    // The kernel names mounts without the links on the way.
    let pod_directory = match pod_directory.canonicalize() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    let mut below = mounts_below(&pod_directory)?;
    // The deepest first.
    below.sort_by_key(|point| std::cmp::Reverse(point.components().count()));
    for point in below {
        rustix::mount::unmount(&point, rustix::mount::UnmountFlags::DETACH)?;
    }
    // One mount may have covered another; a part of somebody's volume must not be removed.
    if let Some(point) = mounts_below(&pod_directory)?.first() {
        let text = format!("{} is still mounted", point.display());
        return Err(std::io::Error::new(std::io::ErrorKind::ResourceBusy, text));
    }
    std::fs::remove_dir_all(pod_directory)
}

fn mounts_below(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mounts = std::fs::read("/proc/self/mountinfo")?;
    let points = mounts
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .map(unescaped);
    Ok(points
        .filter(|point| point.starts_with(directory))
        .collect())
}

/// A path as the kernel writes it: blanks and backslashes as three octal digits.
fn unescaped(text: &[u8]) -> PathBuf {
    let mut path = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match (byte, tail) {
            (b'\\', [a, b, c, tail @ ..]) => {
                let digit = |d: &u8| d.wrapping_sub(b'0');
                path.push(digit(a).wrapping_mul(64) + digit(b).wrapping_mul(8) + digit(c));
                rest = tail;
            }
            (byte, _) => path.push(*byte),
        }
    }
    std::ffi::OsString::from_vec(path).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_found_through_links_and_odd_names() {
        let directory = crate::testing::Directory::new();
        let (real, link) = (directory.join("a b\\c"), directory.join("link"));
        std::fs::create_dir_all(real.join("pod/volume")).expect("made");
        let outside = directory.join("outside");
        std::fs::create_dir_all(outside.join("kept")).expect("made");
        std::os::unix::fs::symlink(&real, &link).expect("linked");
        rustix::mount::mount_bind(&outside, real.join("pod/volume")).expect("mounted");
        rustix::mount::mount_bind(&outside, real.join("pod/volume")).expect("mounted twice");
        teardown(&link.join("pod")).expect("removed");
        assert!(!real.join("pod").exists());
        assert!(outside.join("kept").exists());
    }
}
