//! `hostPath` volumes: a path of the node, checked or made as its type says.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use api::core::Volume;
use futures::future::BoxFuture;

use super::{VolumeCx, VolumePlugin};

pub struct HostPath;

impl VolumePlugin for HostPath {
    fn supports(&self, volume: &Volume) -> bool {
        volume.host_path.is_some()
    }

    fn setup<'a>(
        &'a self,
        volume: &'a Volume,
        _cx: &'a VolumeCx<'a>,
    ) -> BoxFuture<'a, Result<PathBuf, String>> {
        let prepared = volume
            .host_path
            .as_ref()
            .ok_or("not a hostPath volume".to_owned());
        let prepared = prepared.and_then(|source| {
            let path = PathBuf::from(&source.path);
            prepare(&path, source.type_.as_deref().unwrap_or_default())?;
            Ok(path)
        });
        Box::pin(std::future::ready(prepared))
    }
}

fn prepare(path: &Path, kind: &str) -> Result<(), String> {
    let made = match kind {
        "DirectoryOrCreate" if !path.exists() => fs::create_dir_all(path)
            .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755))),
        "FileOrCreate" if !path.exists() => fs::write(path, b""),
        _ => Ok(()),
    };
    made.map_err(|error| error.to_string())?;
    let is = |check: fn(&fs::FileType) -> bool| {
        fs::metadata(path).is_ok_and(|metadata| check(&metadata.file_type()))
    };
    let (fits, what) = match kind {
        "Directory" | "DirectoryOrCreate" => (is(fs::FileType::is_dir), "a directory"),
        "File" | "FileOrCreate" => (is(fs::FileType::is_file), "a file"),
        "Socket" => (is(FileTypeExt::is_socket), "a socket file"),
        "CharDevice" => (is(FileTypeExt::is_char_device), "a character device"),
        "BlockDevice" => (is(FileTypeExt::is_block_device), "a block device"),
        // Made as a directory when it is absent, as container runtimes do.
        _ if path.exists() => (true, ""),
        _ => (fs::create_dir_all(path).is_ok(), "a path that can be made"),
    };
    if fits {
        Ok(())
    } else {
        Err(format!(
            "hostPath type check failed: {} is not {what}",
            path.display()
        ))
    }
}
