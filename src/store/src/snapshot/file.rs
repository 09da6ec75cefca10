//! The file of a snapshot, written and read as a stream.
//!
//! ```text
//! 0   "rk3s-snapshot 1\n"
//! 16  u64 revision, u64 creation in milliseconds since 1970, u32 crc of all so far
//! 36  blocks: u32 length, the records (u64 revision, u32 length, record whole),
//!     u32 crc of the file so far
//! ..  u32 zero, u64 number of records, u32 crc of the file so far, and no byte more
//! ```
//! Numbers are little-endian. Each crc covers everything before it, so that no block can be
//! missing, doubled or out of place.

use std::fs::{self, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base::fsio;
use crc32fast::Hasher;
use jiff::Timestamp;

use super::{File, Info, SnapshotError, at};
use crate::Revision;
use crate::sled_store::record::Record;

const WORD: &[u8] = b"rk3s-snapshot ";
const VERSION: u32 = 1;
const MAGIC: &[u8; 16] = b"rk3s-snapshot 1\n";
/// A block is closed when it has this size.
const BLOCK: usize = 64 << 10;
/// No block is longer: one record beyond the size above.
const LONGEST: u32 = 300 << 20;

/// A snapshot being written. Dropped before its end it leaves nothing.
pub(super) struct Writer {
    path: PathBuf,
    unborn: PathBuf,
    out: BufWriter<File>,
    crc: Hasher,
    block: Vec<u8>,
    info: Info,
    finished: bool,
}

impl Writer {
    pub(super) fn create(
        path: &Path,
        revision: Revision,
        created: Timestamp,
    ) -> Result<Self, SnapshotError> {
        // A clock before 1970 reads as 1970.
        let milliseconds = u64::try_from(created.as_millisecond()).unwrap_or(0);
        let mut unborn = path.as_os_str().to_owned();
        unborn.push(format!(".tmp-{}", base::random::name_suffix(8)));
        let unborn = PathBuf::from(unborn);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600);
        let file = file.open(&unborn).map_err(at(&unborn))?;
        let mut writer = Self {
            path: path.to_owned(),
            unborn,
            out: BufWriter::new(file),
            crc: Hasher::new(),
            block: Vec::new(),
            info: Info {
                revision,
                keys: 0,
                bytes: 0,
                created: from_milliseconds(milliseconds).unwrap_or_default(),
            },
            finished: false,
        };
        let created = milliseconds.to_le_bytes();
        let head = [&MAGIC[..], &revision.0.to_le_bytes(), &created];
        writer.checked(&head.concat())?;
        Ok(writer)
    }

    pub(super) fn record(&mut self, record: &Record) -> Result<(), SnapshotError> {
        self.block.extend(record.revision.0.to_le_bytes());
        let len = u32::try_from(record.len()).expect("it fits the store's format");
        self.block.extend(len.to_le_bytes());
        record.encode_whole(&mut self.block);
        self.info.keys += 1;
        if self.block.len() >= BLOCK {
            self.end_block()?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Info, SnapshotError> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        let keys = self.info.keys.to_le_bytes();
        self.checked(&[&[0; 4][..], &keys].concat())?;
        let done = (|| {
            self.out.flush()?;
            self.out.get_ref().sync_data()?;
            fs::rename(&self.unborn, &self.path)?;
            self.finished = true;
            fsio::sync_directory(self.path.parent().unwrap_or(Path::new(".")))
        })();
        done.map_err(at(&self.path))?;
        Ok(self.info)
    }

    fn end_block(&mut self) -> Result<(), SnapshotError> {
        let len = u32::try_from(self.block.len()).expect("a block is bounded");
        let block = std::mem::take(&mut self.block);
        self.checked(&[&len.to_le_bytes()[..], &block].concat())
    }

    /// Writes bytes and the checksum of the file up to them.
    fn checked(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.crc.update(bytes);
        let crc = self.crc.clone().finalize().to_le_bytes();
        self.crc.update(&crc);
        let written = self.out.write_all(bytes);
        let written = written.and_then(|()| self.out.write_all(&crc));
        written.map_err(at(&self.unborn))?;
        self.info.bytes += (bytes.len() + crc.len()) as u64;
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.finished {
            // A leftover has a name that nobody takes for a snapshot.
            drop(fs::remove_file(&self.unborn));
        }
    }
}

fn from_milliseconds(milliseconds: u64) -> Option<Timestamp> {
    let milliseconds = i64::try_from(milliseconds).ok()?;
    Timestamp::from_millisecond(milliseconds).ok()
}

/// A snapshot being read.
pub(super) struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    crc: Hasher,
    /// Bytes read.
    at: u64,
    block: Vec<u8>,
    /// How much of the block has been given away.
    given: usize,
    keys: u64,
    head: (Revision, Timestamp),
    ended: bool,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, SnapshotError> {
        let file = File::open(path).map_err(at(path))?;
        let mut reader = Self {
            path: path.to_owned(),
            file: BufReader::new(file),
            crc: Hasher::new(),
            at: 0,
            block: Vec::new(),
            given: 0,
            keys: 0,
            head: (Revision::ZERO, Timestamp::UNIX_EPOCH),
            ended: false,
        };
        let magic: [u8; 16] = reader.take()?;
        if magic != *MAGIC {
            return Err(reader.foreign(&magic));
        }
        let revision = Revision(u64::from_le_bytes(reader.take()?));
        let created = u64::from_le_bytes(reader.take()?);
        reader.check()?;
        let created =
            from_milliseconds(created).ok_or_else(|| reader.damaged("the time is out of range"))?;
        reader.head = (revision, created);
        Ok(reader)
    }

    /// The next record; `None` after the last one, when the whole file has been checked.
    pub(super) fn next(&mut self) -> Result<Option<Record>, SnapshotError> {
        if self.ended {
            return Ok(None);
        }
        if self.given == self.block.len() && !self.next_block()? {
            return Ok(None);
        }
        let record = self.parse();
        record
            .ok_or_else(|| self.damaged("a record is malformed"))
            .map(Some)
    }

    pub(super) fn info(&self) -> Result<Info, SnapshotError> {
        let (revision, created) = self.head;
        Ok(Info {
            revision,
            keys: self.keys,
            bytes: self.at,
            created,
        })
    }

    fn parse(&mut self) -> Option<Record> {
        let rest = self.block.get(self.given..)?;
        let (revision, rest) = rest.split_first_chunk::<8>()?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
        let revision = Revision(u64::from_le_bytes(*revision));
        let record = Record::decode_whole(revision, rest.get(..len)?)?;
        self.given += 12 + len;
        self.keys += 1;
        Some(record)
    }

    /// Reads a block, or the end: then false.
    fn next_block(&mut self) -> Result<bool, SnapshotError> {
        let len = u32::from_le_bytes(self.take()?);
        if len == 0 {
            let keys = u64::from_le_bytes(self.take()?);
            self.check()?;
            if keys != self.keys {
                return Err(self.damaged("records are missing"));
            }
            if self.file.read(&mut [0]).map_err(at(&self.path))? != 0 {
                return Err(self.damaged("something follows its end"));
            }
            self.ended = true;
            return Ok(false);
        }
        if len > LONGEST {
            return Err(self.damaged("a block is too long"));
        }
        // Grows with what is there: a damaged length asks for no memory.
        let mut block = std::mem::take(&mut self.block);
        block.clear();
        let read = self
            .file
            .by_ref()
            .take(u64::from(len))
            .read_to_end(&mut block);
        let read = read.map_err(at(&self.path))?;
        if u32::try_from(read) != Ok(len) {
            return Err(self.damaged("it is cut off"));
        }
        self.crc.update(&block);
        self.at += u64::from(len);
        (self.block, self.given) = (block, 0);
        self.check()?;
        Ok(true)
    }

    fn check(&mut self) -> Result<(), SnapshotError> {
        let want = self.crc.clone().finalize();
        let found = u32::from_le_bytes(self.take()?);
        if want != found {
            return Err(self.damaged("the checksum does not match"));
        }
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let mut bytes = [0; N];
        match self.file.read_exact(&mut bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(self.damaged("it is cut off"));
            }
            other => other.map_err(at(&self.path))?,
        }
        self.crc.update(&bytes);
        self.at += N as u64;
        Ok(bytes)
    }

    fn foreign(&self, magic: &[u8; 16]) -> SnapshotError {
        let version = magic
            .strip_prefix(WORD)
            .map(|rest| String::from_utf8_lossy(rest));
        match version.as_deref().map(str::trim).map(str::parse::<u32>) {
            Some(Ok(found)) if found > VERSION => SnapshotError::Newer {
                path: self.path.clone(),
                found: found.to_string(),
                supported: VERSION,
            },
            _ => SnapshotError::Damaged {
                path: self.path.clone(),
                offset: 0,
                problem: "it does not begin like a snapshot of rk3s",
            },
        }
    }

    fn damaged(&self, problem: &'static str) -> SnapshotError {
        SnapshotError::Damaged {
            path: self.path.clone(),
            offset: self.at,
            problem,
        }
    }
}
