//! `emptyDir` volumes: a directory, or a tmpfs, that lives as long as the pod.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use api::core::Volume;
use apimachinery::Quantity;
use futures::future::BoxFuture;

use super::{VolumeCx, VolumePlugin};

pub struct EmptyDir;

impl VolumePlugin for EmptyDir {
    fn supports(&self, volume: &Volume) -> bool {
        volume.empty_dir.is_some()
    }

    fn setup<'a>(
        &'a self,
        volume: &'a Volume,
        cx: &'a VolumeCx<'a>,
    ) -> BoxFuture<'a, Result<PathBuf, String>> {
        let path = cx.path("empty-dir", &volume.name);
        let made = make(volume, &path, cx.group()).map_err(|error| error.to_string());
        Box::pin(std::future::ready(made.map(|()| path)))
    }
}

fn make(volume: &Volume, path: &Path, group: Option<u32>) -> io::Result<()> {
    fs::create_dir_all(path)?;
    let source = volume.empty_dir.as_ref();
    match source
        .and_then(|source| source.medium.as_deref())
        .unwrap_or_default()
    {
        "" => {}
        "Memory" => {
            let limit = source.and_then(|source| source.size_limit.as_ref());
            let limit = limit.and_then(|limit| limit.0.parse::<Quantity>().ok());
            let bytes = limit.map(|limit| limit.units()).filter(|bytes| *bytes > 0);
            mount_tmpfs(path, bytes)?;
        }
        other => {
            let text = format!("emptyDir medium {other:?} is not supported by rk3s yet");
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
    }
    let mode = if group.is_some() { 0o2777 } else { 0o777 };
    if group.is_some() {
        chown(path, None, group)?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Mounts a tmpfs at a directory, unless one is mounted there already.
pub fn mount_tmpfs(path: &Path, bytes: Option<i64>) -> io::Result<()> {
    let parent = path.parent().unwrap_or(path);
    if fs::metadata(path)?.dev() != fs::metadata(parent)?.dev() {
        return Ok(());
    }
    let size = bytes.map_or(String::new(), |bytes| format!(",size={bytes}"));
    let options = std::ffi::CString::new(format!("mode=0777{size}")).expect("no zero byte in it");
    let flags = rustix::mount::MountFlags::NOSUID | rustix::mount::MountFlags::NODEV;
    rustix::mount::mount("tmpfs", path, "tmpfs", flags, options.as_c_str())?;
    Ok(())
}
