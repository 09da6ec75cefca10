//! Reading and writing the files: keys 0600, certificates 0644, directories 0700.

use std::fs::{self, DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use base::fsio::write_atomic;
use tracing::warn;

use crate::error::{Error, Result};

pub(crate) const KEY_MODE: u32 = 0o600;
pub(crate) const CERTIFICATE_MODE: u32 = 0o644;

/// The directory and its parents; those made here are for root alone.
pub(crate) fn create_directory(path: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(path);
    made.map_err(Error::io(path))
}

/// `None` when there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(contents) => Ok(Some(contents)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(path)(error)),
    }
}

/// A key; one that others may read is closed to them.
pub(crate) fn read_key(path: &Path) -> Result<Option<Vec<u8>>> {
    let contents = read(path)?;
    if contents.is_some() {
        let metadata = fs::metadata(path).map_err(Error::io(path))?;
        if metadata.permissions().mode() & 0o077 != 0 {
            warn!(path = %path.display(), "a private key was readable by others; closing it");
            set_mode(path, KEY_MODE)?;
        }
    }
    Ok(contents)
}

pub(crate) fn write(path: &Path, contents: &str, mode: u32) -> Result<()> {
    write_atomic(path, contents.as_bytes(), mode).map_err(Error::io(path))?;
    // The process' umask may have taken bits away.
    set_mode(path, mode)
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(Error::io(path))
}

/// Writes unless the file already says exactly this with exactly this mode. Whether it did.
pub(crate) fn write_if_changed(path: &Path, contents: &str, mode: u32) -> Result<bool> {
    if read(path)?.as_deref() == Some(contents.as_bytes()) {
        let metadata = fs::metadata(path).map_err(Error::io(path))?;
        if metadata.permissions().mode() & 0o7777 == mode {
            return Ok(false);
        }
        set_mode(path, mode)?;
        return Ok(true);
    }
    write(path, contents, mode)?;
    Ok(true)
}
