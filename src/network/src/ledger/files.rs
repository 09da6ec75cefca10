//! The ledger's files: `pods/<uid>.json` and `cursor.json`.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::Ipv4Addr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tracing::error;

use super::Error;

/// Goes up when the meaning of a file changes; older ones are still read.
const VERSION: u64 = 1;
const SUFFIX: &str = ".json";

/// What is known of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Counts the addresses given out, this one included.
    pub sequence: u64,
    pub uid: String,
    pub namespace: String,
    pub name: String,
    pub address: Ipv4Addr,
    /// The host's end of the pod's interface.
    pub interface: String,
}

/// Where the round stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    pub sequence: u64,
    pub address: Option<Ipv4Addr>,
}

impl Cursor {
    pub fn of(record: &Record) -> Self {
        Self {
            sequence: record.sequence,
            address: Some(record.address),
        }
    }
}

/// A file's contents.
#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    version: u64,
    #[serde(flatten)]
    contents: T,
}

/// The part that every version has.
#[derive(Deserialize)]
struct VersionOnly {
    version: u64,
}

#[derive(Debug)]
pub struct Files {
    pods: PathBuf,
    cursor: PathBuf,
}

impl Files {
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let pods = directory.join("pods");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&pods)
            .map_err(at(&pods))?;
        base::fsio::sync_directory(directory).map_err(at(directory))?;
        let cursor = directory.join("cursor.json");
        Ok(Self { pods, cursor })
    }

    fn path(&self, uid: &str) -> PathBuf {
        self.pods.join(format!("{uid}{SUFFIX}"))
    }

    pub fn write(&self, record: &Record) -> Result<(), Error> {
        write(&self.path(&record.uid), record)
    }

    pub fn remove(&self, uid: &str) -> Result<(), Error> {
        let path = self.path(uid);
        match fs::remove_file(&path) {
            Err(source) if source.kind() == ErrorKind::NotFound => {}
            other => other.map_err(at(&path))?,
        }
        base::fsio::sync_directory(&self.pods).map_err(at(&self.pods))
    }

    pub fn write_cursor(&self, cursor: &Cursor) -> Result<(), Error> {
        write(&self.cursor, cursor)
    }

    /// A cursor that is absent or damaged reads as the beginning: it only decides how long
    /// addresses rest.
    pub fn read_cursor(&self) -> Result<Cursor, Error> {
        match read(&self.cursor)? {
            Contents::Whole(cursor) => Ok(cursor),
            Contents::Absent => Ok(Cursor::default()),
            Contents::Damaged(why) => {
                error!(path = %self.cursor.display(), why, "ignored a damaged cursor");
                Ok(Cursor::default())
            }
        }
    }

    /// All whole records. Damaged ones are set aside, half-written ones removed.
    pub fn read_records(&self) -> Result<Vec<Record>, Error> {
        let mut records = Vec::new();
        for entry in fs::read_dir(&self.pods).map_err(at(&self.pods))? {
            let path = entry.map_err(at(&self.pods))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let Some(uid) = name.strip_suffix(SUFFIX) else {
                if name.contains(".json.tmp-") {
                    fs::remove_file(&path).map_err(at(&path))?;
                }
                continue;
            };
            match read::<Record>(&path)? {
                Contents::Whole(record) if record.uid == uid => records.push(record),
                Contents::Whole(_) => self.set_aside(uid, "it names another pod")?,
                Contents::Damaged(why) => self.set_aside(uid, &why)?,
                Contents::Absent => {}
            }
        }
        // Of two that claim one address, the older keeps it.
        records.sort_by_key(|record| record.sequence);
        Ok(records)
    }

    /// Renames a record that cannot be used, for an administrator to look at.
    pub fn set_aside(&self, uid: &str, why: &str) -> Result<(), Error> {
        let path = self.path(uid);
        error!(path = %path.display(), why, "set a pod's network record aside");
        let aside = self.pods.join(format!("{uid}.damaged"));
        fs::rename(&path, aside).map_err(at(&path))
    }
}

/// What a file turned out to hold.
enum Contents<T> {
    Whole(T),
    Absent,
    Damaged(String),
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Contents<T>, Error> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(source) if source.kind() == ErrorKind::NotFound => return Ok(Contents::Absent),
        Err(source) => return Err(at(path)(source)),
    };
    match serde_json::from_slice::<VersionOnly>(&bytes) {
        Ok(VersionOnly { version }) if version > VERSION => {
            let path = path.to_owned();
            return Err(Error::Newer { path, version });
        }
        Ok(_) => {}
        Err(error) => return Ok(Contents::Damaged(error.to_string())),
    }
    match serde_json::from_slice::<Versioned<T>>(&bytes) {
        Ok(versioned) => Ok(Contents::Whole(versioned.contents)),
        Err(error) => Ok(Contents::Damaged(error.to_string())),
    }
}

fn write<T: Serialize>(path: &Path, contents: T) -> Result<(), Error> {
    let versioned = Versioned {
        version: VERSION,
        contents,
    };
    let bytes = serde_json::to_vec(&versioned)
        .map_err(io::Error::from)
        .map_err(at(path))?;
    base::fsio::write_atomic(path, &bytes, 0o600).map_err(at(path))
}

fn at(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io {
        path: path.clone(),
        source,
    }
}
