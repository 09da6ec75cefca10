//! Files that are whole or absent after a power cut.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes `contents` to `path` with `mode`, atomically and durably: temporary file in the same
/// directory, fdatasync, rename, fsync of the directory.
///
/// # Errors
/// The underlying I/O error; the old file, if any, is then still whole.
pub fn write_atomic(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::other("path names no file"))?;
    let mut temporary = name.to_owned();
    temporary.push(format!(".tmp-{}", crate::random::name_suffix(8)));
    let temporary = directory.join(temporary);
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&temporary)?;
        file.write_all(contents)?;
        file.sync_data()?;
        fs::rename(&temporary, path)?;
        sync_directory(directory)
    })();
    if written.is_err() {
        // The error below is the one that matters; a leftover temporary file does no harm.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Makes the names in `directory` durable.
///
/// # Errors
/// The underlying I/O error.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    let directory = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn replaces_a_file_and_sets_its_mode() {
        let directory = std::env::temp_dir().join(format!("fsio-{}", crate::random::uuid()));
        fs::create_dir(&directory).expect("fresh directory");
        let path = directory.join("state");
        write_atomic(&path, b"one", 0o600).expect("written");
        write_atomic(&path, b"two", 0o600).expect("replaced");
        assert_eq!(fs::read(&path).expect("readable"), b"two");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&directory).expect("readable").count(), 1);
        fs::remove_dir_all(&directory).expect("removable");
    }
}
