//! The data directory: who has it open, and which format it is in.
//!
//! ```text
//! <path>/lock    flock held while open; the holder's process id
//! <path>/format  "rk3s-store 2"
//! <path>/acknowledged  a revision that is surely in there: written at each opening, compaction
//!                and orderly close
//! <path>/sled/   sled's own files
//! <path>/wal/    the write-ahead log, since format 2
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base::fsio;
use rustix::fs::FlockOperation;
use tracing::warn;

use crate::{OpenError, Revision};

/// The format this version writes, and the newest it reads.
pub(crate) const FORMAT: u32 = 2;
const FORMAT_WORD: &str = "rk3s-store";

/// A data directory, open by this store alone for as long as this lives.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// As found.
    format: u32,
    _lock: Lock,
}

impl Directory {
    /// Makes the directory if need be, locks it, and checks its format.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        create_private(path)?;
        let lock = lock(path)?;
        let mut directory = Self {
            path: path.to_owned(),
            format: FORMAT,
            _lock: lock,
        };
        directory.format = directory.check_format()?;
        Ok(directory)
    }

    /// The format the files were in when this was opened.
    pub(crate) fn format(&self) -> u32 {
        self.format
    }

    /// Where the write-ahead log is.
    pub(crate) fn wal(&self) -> PathBuf {
        self.path.join("wal")
    }

    /// Says that the files are in this version's format.
    pub(crate) fn note_format(&self) -> io::Result<()> {
        let text = format!("{FORMAT_WORD} {FORMAT}\n");
        fsio::write_atomic(&self.path.join("format"), text.as_bytes(), 0o600)
    }

    /// Where sled keeps its files.
    pub(crate) fn sled(&self) -> PathBuf {
        self.path.join("sled")
    }

    /// Where sled's files are made the first time, before they get their name: a crash on the
    /// way leaves nothing that looks like data.
    pub(crate) fn sled_unborn(&self) -> PathBuf {
        self.path.join("sled.new")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes a durable revision. Sled ends its log at the first damaged place without a word;
    /// this is how the next opening knows that more was there.
    pub(crate) fn note_acknowledged(&self, revision: Revision) -> io::Result<()> {
        fsio::write_atomic(
            &self.acknowledged(),
            format!("{revision}\n").as_bytes(),
            0o600,
        )
    }

    /// Refuses a log that ends before what was noted.
    pub(crate) fn check_acknowledged(&self, revision: Revision) -> Result<(), OpenError> {
        let path = self.acknowledged();
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(OpenError::Io { path, source }),
        };
        let Ok(noted) = text.trim_end().parse::<u64>() else {
            return Err(OpenError::Format {
                path: self.path.clone(),
                problem: format!("its file `acknowledged` reads {text:?}"),
            });
        };
        if revision < Revision(noted) {
            return Err(OpenError::Damaged {
                path: self.path.clone(),
                problem: format!(
                    "the log in sled/db is readable up to revision {revision} only, though \
                     {noted} was acknowledged; to accept the loss, remove the file `acknowledged`"
                ),
            });
        }
        Ok(())
    }

    fn acknowledged(&self) -> PathBuf {
        self.path.join("acknowledged")
    }

    fn check_format(&self) -> Result<u32, OpenError> {
        let path = self.path.join("format");
        match fs::read_to_string(&path) {
            Ok(text) => self.check_version(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.sled().exists() => {
                self.note_format().map_err(at(&path))?;
                Ok(FORMAT)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(OpenError::Format {
                path: self.path.clone(),
                problem: "it holds data, but the file `format` is missing".to_owned(),
            }),
            Err(source) => Err(OpenError::Io { path, source }),
        }
    }

    fn check_version(&self, text: &str) -> Result<u32, OpenError> {
        let version = text
            .trim_end()
            .strip_prefix(FORMAT_WORD)
            .map(str::trim_start);
        match version.and_then(|version| version.parse::<u32>().ok()) {
            Some(found @ 1..=FORMAT) => Ok(found),
            Some(found) if found > FORMAT => Err(OpenError::Newer {
                path: self.path.clone(),
                found,
                supported: FORMAT,
            }),
            _ => Err(OpenError::Format {
                path: self.path.clone(),
                problem: format!("its file `format` reads {text:?}"),
            }),
        }
    }
}

/// The error of a path, for `map_err`.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io { path, source }
}

fn create_private(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(at(path))?;
    let parent = path.parent().unwrap_or(Path::new("."));
    fsio::sync_directory(parent).map_err(at(parent))
}

/// Keeps every store out of a data directory for as long as it lives: for work on what lies beside
/// the store, and that no server may run during.
#[derive(Debug)]
pub struct Hold {
    _lock: Lock,
}

impl Hold {
    /// Takes the place of a store in its directory, which must be there.
    ///
    /// # Errors
    /// [`OpenError::Locked`] while a store is open in it, or what the file system says.
    pub fn take(directory: &Path) -> Result<Self, OpenError> {
        lock(directory).map(|lock| Self { _lock: lock })
    }
}

/// The file whose lock is held.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone frees it only once every child that is about to execute has closed it too.
        if let Err(error) = rustix::fs::flock(&self.0, FlockOperation::Unlock) {
            warn!(%error, "could not unlock the data directory");
        }
    }
}

fn lock(directory: &Path) -> Result<Lock, OpenError> {
    let path = directory.join("lock");
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    let mut file = options.open(&path).map_err(at(&path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = String::new();
            // Without a legible id the error just names no process.
            let pid = file
                .read_to_string(&mut text)
                .ok()
                .and_then(|_| text.trim().parse().ok());
            return Err(OpenError::Locked {
                path: directory.to_owned(),
                pid,
            });
        }
        Err(error) => return Err(at(&path)(error.into())),
    }
    let pid = format!("{}\n", std::process::id());
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(pid.as_bytes()))
        .map_err(at(&path))?;
    Ok(Lock(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[track_caller]
    fn check(format: &str, want: &Expect) {
        let root = tempfile::tempdir().expect("fresh directory");
        let path = root.path().join("store");
        fs::create_dir(&path).expect("created");
        fs::write(path.join("format"), format).expect("written");
        fs::create_dir(path.join("sled")).expect("created");
        let opened = Directory::open(&path).map(|_| "opened".to_owned());
        let shown = opened.unwrap_or_else(|error| error.to_string());
        want.assert_eq(&shown.replace(&*path.to_string_lossy(), "DIR"));
    }

    #[test]
    fn formats_are_read_or_refused_in_words() {
        check("rk3s-store 1\n", &expect!["opened"]);
        check("rk3s-store 2\n", &expect!["opened"]);
        check(
            "rk3s-store 3\n",
            &expect![
                "the data directory DIR has store format 3, but this version of rk3s reads formats up to 2: run the version that wrote it, or restore a snapshot into a new directory"
            ],
        );
        check(
            "rk3s-store x\n",
            &expect![[
                r#"DIR does not look like a store of rk3s: its file `format` reads "rk3s-store x\n"; restore it from a backup, or choose another directory"#
            ]],
        );
        check(
            "",
            &expect![[
                r#"DIR does not look like a store of rk3s: its file `format` reads ""; restore it from a backup, or choose another directory"#
            ]],
        );
    }

    #[test]
    fn data_without_a_format_is_refused() {
        let root = tempfile::tempdir().expect("fresh directory");
        fs::create_dir(root.path().join("sled")).expect("created");
        let error = Directory::open(root.path()).expect_err("refused");
        assert!(matches!(error, OpenError::Format { .. }), "{error}");
    }

    #[test]
    fn a_second_opener_learns_who_the_first_is() {
        let root = tempfile::tempdir().expect("fresh directory");
        let first = Directory::open(root.path()).expect("opened");
        let error = Directory::open(root.path()).expect_err("refused");
        let want = format!(
            "the data directory {} is in use by process {}; stop it first, or choose another directory",
            root.path().display(),
            std::process::id()
        );
        assert_eq!(error.to_string(), want);
        drop(first);
        Directory::open(root.path()).expect("opened again");
    }

    /// As in a child between fork and exec.
    #[test]
    fn a_copy_of_the_file_does_not_keep_the_lock() {
        let root = tempfile::tempdir().expect("fresh directory");
        let hold = Hold::take(root.path()).expect("free");
        let copy = hold._lock.0.try_clone().expect("copied");
        drop(hold);
        Directory::open(root.path()).expect("free again");
        drop(copy);
    }
}
