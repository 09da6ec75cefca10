//! One 512-byte tar header: POSIX ustar and GNU.

use super::TarError;

/// The unit of a tar stream.
pub const BLOCK: usize = 512;

/// Data above this would overflow offsets; no file system holds such a file.
const MAX_SIZE: u64 = 1 << 62;

/// What an entry makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    HardLink,
    Symlink,
    CharDevice,
    BlockDevice,
    Directory,
    Fifo,
}

/// Seconds since 1970, negative before, and the nanoseconds added to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Time {
    pub seconds: i64,
    pub nanoseconds: u32,
}

/// A block whose checksum fits.
pub struct Header {
    block: [u8; BLOCK],
}

impl Header {
    pub fn parse(block: [u8; BLOCK], offset: u64) -> Result<Self, TarError> {
        let header = Self { block };
        let wanted = header.number(148, 8, offset)?;
        let signed = wanted.cast_signed();
        let sum = |value: fn(u8) -> i64| -> i64 {
            let bytes = block.iter().enumerate();
            bytes
                .map(|(at, b)| {
                    if (148..156).contains(&at) {
                        32
                    } else {
                        value(*b)
                    }
                })
                .sum()
        };
        // Some old writers summed signed bytes.
        if signed == sum(i64::from) || signed == sum(|byte| i64::from(byte.cast_signed())) {
            Ok(header)
        } else {
            Err(TarError::Header {
                offset,
                reason: "wrong checksum",
            })
        }
    }

    fn field(&self, start: usize, length: usize) -> &[u8] {
        let field = &self.block[start..start + length];
        &field[..field.iter().position(|byte| *byte == 0).unwrap_or(length)]
    }

    pub fn flag(&self) -> u8 {
        self.block[156]
    }

    /// `None` for a type this reader does not know. Before POSIX, a directory was a file whose
    /// name ends with a slash.
    pub fn kind(&self, name: &[u8]) -> Option<Kind> {
        Some(match self.flag() {
            0 if name.ends_with(b"/") => Kind::Directory,
            0 | b'0' | b'7' => Kind::File,
            b'1' => Kind::HardLink,
            b'2' => Kind::Symlink,
            b'3' => Kind::CharDevice,
            b'4' => Kind::BlockDevice,
            b'5' => Kind::Directory,
            b'6' => Kind::Fifo,
            _ => return None,
        })
    }

    /// The name, with ustar's prefix in front; GNU's header has other fields there.
    pub fn name(&self) -> Vec<u8> {
        let name = self.field(0, 100);
        let prefix = self.field(345, 155);
        if &self.block[257..263] == b"ustar\0" && !prefix.is_empty() {
            [prefix, b"/", name].concat()
        } else {
            name.to_vec()
        }
    }

    pub fn link(&self) -> Vec<u8> {
        self.field(157, 100).to_vec()
    }

    pub fn size(&self, offset: u64) -> Result<u64, TarError> {
        match self.number(124, 12, offset)? {
            size if size <= MAX_SIZE => Ok(size),
            _ => Err(TarError::Header {
                offset,
                reason: "size out of range",
            }),
        }
    }

    pub fn mode(&self, offset: u64) -> Result<u32, TarError> {
        let mode = self.number(100, 8, offset)?;
        Ok(u32::try_from(mode & 0o7777).expect("twelve bits fit"))
    }

    pub fn uid(&self, offset: u64) -> Result<u32, TarError> {
        owner(self.number(108, 8, offset)?).ok_or(TarError::Header {
            offset,
            reason: "user id out of range",
        })
    }

    pub fn gid(&self, offset: u64) -> Result<u32, TarError> {
        owner(self.number(116, 8, offset)?).ok_or(TarError::Header {
            offset,
            reason: "group id out of range",
        })
    }

    pub fn mtime(&self, offset: u64) -> Result<Time, TarError> {
        let seconds = self.number(136, 12, offset)?.cast_signed();
        Ok(Time {
            seconds,
            nanoseconds: 0,
        })
    }

    pub fn device(&self, offset: u64) -> Result<(u32, u32), TarError> {
        let number = |start| -> Result<u32, TarError> {
            u32::try_from(self.number(start, 8, offset)?).map_err(|_| TarError::Header {
                offset,
                reason: "device number out of range",
            })
        };
        match self.flag() {
            b'3' | b'4' => Ok((number(329)?, number(337)?)),
            _ => Ok((0, 0)),
        }
    }

    /// Octal digits between blanks and NULs, or, with the top bit set, a big-endian number whose
    /// sign is the second bit. A negative number comes back in two's complement.
    fn number(&self, start: usize, length: usize, offset: u64) -> Result<u64, TarError> {
        let field = &self.block[start..start + length];
        let number = if field[0] & 0x80 != 0 {
            base256(field)
        } else {
            octal(field)
        };
        number.ok_or(TarError::Header {
            offset,
            reason: "invalid number",
        })
    }
}

/// -1 would tell chown to leave the owner as it is.
pub fn owner(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|id| *id != u32::MAX)
}

fn octal(field: &[u8]) -> Option<u64> {
    let blank = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field
        .iter()
        .position(|byte| !blank(byte))
        .unwrap_or(field.len());
    let digits = &field[start..];
    let digits = &digits[..digits.iter().position(blank).unwrap_or(digits.len())];
    digits.iter().try_fold(0_u64, |number, digit| match digit {
        b'0'..=b'7' => number.checked_mul(8)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}

fn base256(field: &[u8]) -> Option<u64> {
    let negative = field[0] & 0x40 != 0;
    // The marker bit is no part of the number; a negative one is extended with ones.
    let first = if negative { field[0] } else { field[0] & 0x7f };
    let fill = if negative { 0xff } else { 0 };
    let mut bytes = [fill; 16];
    bytes[16 - field.len()..].copy_from_slice(field);
    bytes[16 - field.len()] = first;
    let number = i128::from_be_bytes(bytes);
    i64::try_from(number).ok().map(i64::cast_unsigned)
}
