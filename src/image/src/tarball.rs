//! A tar reader for hostile input: ustar, PAX and GNU long names; every number checked, nothing
//! of unbounded size held in memory, sizes as Go's `archive/tar` reads them.
//!
//! Two readers that disagree about an entry's size see different files in one archive
//! (CVE-2025-62518). Here a PAX `size` overrides the header's, and links, devices and directories
//! carry no data whatever their size says: what containerd and Docker do.
//! [`Reader::next_entry`] is the way in; the entry's data is then read from the reader itself.

use std::io::{self, Read};

mod header;
mod pax;

pub use header::{Kind, Time};

use header::{BLOCK, Header};

/// Longest extension (PAX records, GNU long name) that is read into memory; Go's limit.
const MAX_EXTENSION: u64 = 1 << 20;

/// Why a tar stream is refused.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The stream broke or ended early.
    #[error("read tar: {0}")]
    Io(#[from] io::Error),
    /// A block that should be a header is none.
    #[error("invalid tar header at offset {offset}: {reason}")]
    Header { offset: u64, reason: &'static str },
    /// A PAX extension that is no list of records.
    #[error("invalid PAX records at offset {offset}: {reason}")]
    Pax { offset: u64, reason: &'static str },
    /// Sparse files and the like, which no image builder writes.
    #[error("tar entry {name:?} is {what}, which is not supported")]
    Unsupported { name: String, what: &'static str },
}

/// One member of an archive; its data is read from the [`Reader`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As written: may be absolute, hold `..`, or end with a slash. Never holds a NUL.
    pub name: Vec<u8>,
    pub kind: Kind,
    /// Target of a link, as written.
    pub link: Vec<u8>,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Bytes of data that follow; zero for all but regular files.
    pub size: u64,
    pub mtime: Time,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Names and values, in order of appearance.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Something whose bytes can be passed over, by seeking where that is cheaper.
pub trait Skip: Read {
    /// Passes over exactly `count` bytes.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when there are fewer, or the reader's.
    fn skip(&mut self, count: u64) -> io::Result<()>;
}

/// Any reader as a [`Skip`], by reading.
pub struct Stream<R>(pub R);

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Skip for Stream<R> {
    fn skip(&mut self, count: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.0.by_ref().take(count), &mut io::sink())?;
        if skipped < count {
            Err(io::ErrorKind::UnexpectedEof.into())
        } else {
            Ok(())
        }
    }
}

/// Reads entries one after the other. As [`Read`], gives the data of the current entry.
pub struct Reader<R> {
    input: R,
    offset: u64,
    /// Data of the current entry not read yet, and the padding behind it.
    data: u64,
    padding: u64,
    ended: bool,
}

/// What extension headers say about the entry that follows them.
#[derive(Default)]
struct Extensions {
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    pax: pax::Records,
}

impl<R: Skip> Reader<R> {
    /// At the first header.
    pub fn new(input: R) -> Self {
        Self {
            input,
            offset: 0,
            data: 0,
            padding: 0,
            ended: false,
        }
    }

    /// Where the next byte comes from; right after [`Reader::next_entry`], where the entry's data
    /// begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the block that ends an archive was met, and not just the end of the stream.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The underlying reader, wherever it stands.
    pub fn into_inner(self) -> R {
        self.input
    }

    /// The next entry, or `None` at the end of the archive.
    ///
    /// # Errors
    /// [`TarError`]; the reader is of no use afterwards.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, TarError> {
        let mut extensions = Extensions::default();
        loop {
            self.skip_data()?;
            let offset = self.offset;
            let Some(header) = self.read_header()? else {
                return Ok(None);
            };
            match header.flag() {
                b'x' => extensions.pax = self.read_pax(&header, offset)?,
                b'L' => extensions.long_name = Some(self.read_long(&header, offset)?),
                b'K' => extensions.long_link = Some(self.read_long(&header, offset)?),
                b'g' => self.expect_data(header.size(offset)?),
                _ => {
                    let entry = entry(&header, offset, extensions)?;
                    self.expect_data(entry.size);
                    return Ok(Some(entry));
                }
            }
        }
    }

    /// A header, or `None` at a block of zeros or at the end of the stream.
    fn read_header(&mut self) -> Result<Option<Header>, TarError> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.input.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let offset = self.offset;
        self.offset += BLOCK as u64;
        if block == [0; BLOCK] {
            self.ended = true;
            return Ok(None);
        }
        Header::parse(block, offset).map(Some)
    }

    fn expect_data(&mut self, size: u64) {
        self.data = size;
        self.padding = size.next_multiple_of(BLOCK as u64) - size;
    }

    fn skip_data(&mut self) -> Result<(), TarError> {
        let rest = self.data + self.padding;
        self.input.skip(rest)?;
        self.offset += rest;
        self.expect_data(0);
        Ok(())
    }

    fn read_extension(&mut self, header: &Header, offset: u64) -> Result<Vec<u8>, TarError> {
        let size = header.size(offset)?;
        if size > MAX_EXTENSION {
            return Err(TarError::Header {
                offset,
                reason: "extension of more than 1 MiB",
            });
        }
        self.expect_data(size);
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn read_pax(&mut self, header: &Header, offset: u64) -> Result<pax::Records, TarError> {
        let bytes = self.read_extension(header, offset)?;
        pax::parse(&bytes).map_err(|reason| TarError::Pax { offset, reason })
    }

    fn read_long(&mut self, header: &Header, offset: u64) -> Result<Vec<u8>, TarError> {
        let mut bytes = self.read_extension(header, offset)?;
        bytes.truncate(
            bytes
                .iter()
                .position(|byte| *byte == 0)
                .unwrap_or(bytes.len()),
        );
        Ok(bytes)
    }
}

impl<R: Skip> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.data == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let wanted = usize::try_from(self.data)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = self.input.read(&mut buffer[..wanted])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.data -= read as u64;
        self.offset += read as u64;
        Ok(read)
    }
}

/// The header and what the extensions before it override.
fn entry(header: &Header, offset: u64, extensions: Extensions) -> Result<Entry, TarError> {
    let Extensions {
        long_name,
        long_link,
        pax,
    } = extensions;
    let name = pax.path.or(long_name).unwrap_or_else(|| header.name());
    let unsupported = |what| TarError::Unsupported {
        name: String::from_utf8_lossy(&name).into_owned(),
        what,
    };
    if pax.sparse || header.flag() == b'S' {
        return Err(unsupported("a sparse file"));
    }
    let kind = header
        .kind(&name)
        .ok_or_else(|| unsupported("of an unknown type"))?;
    let written = match pax.size {
        Some(size) => size,
        None => header.size(offset)?,
    };
    Ok(Entry {
        kind,
        link: pax.link.or(long_link).unwrap_or_else(|| header.link()),
        mode: header.mode(offset)?,
        uid: pax.uid.map_or_else(|| header.uid(offset), Ok)?,
        gid: pax.gid.map_or_else(|| header.gid(offset), Ok)?,
        size: if kind == Kind::File { written } else { 0 },
        mtime: pax.mtime.map_or_else(|| header.mtime(offset), Ok)?,
        device: header.device(offset)?,
        xattrs: pax.xattrs,
        name,
    })
}

#[cfg(test)]
mod tests;
