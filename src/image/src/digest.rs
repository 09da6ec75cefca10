//! Content addresses: `sha256:<64 hex digits>`.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest. Shown, parsed and serialized as `sha256:<hex>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

/// The text is no digest this store can verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// Not `algorithm:hex`.
    #[error("invalid checksum digest format")]
    Format,
    /// The hex part has the wrong length for SHA-256.
    #[error("invalid checksum digest length")]
    Length,
    /// An algorithm other than sha256.
    #[error("unsupported digest algorithm")]
    Algorithm,
}

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// From 64 lower-case hex digits, without the algorithm.
    ///
    /// # Errors
    /// [`DigestError::Length`] or [`DigestError::Format`].
    pub fn from_hex(hex: &str) -> Result<Self, DigestError> {
        if hex.len() != 64 {
            return Err(DigestError::Length);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self(bytes))
    }

    /// 64 lower-case hex digits, without the algorithm: the name of a blob's file.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn nibble(digit: u8) -> Result<u8, DigestError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(DigestError::Format),
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (algorithm, hex) = text.split_once(':').ok_or(DigestError::Format)?;
        if algorithm != "sha256" {
            return Err(DigestError::Algorithm);
        }
        Self::from_hex(hex)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The chain id of a stack of layers: what the bottom `diff_ids.len()` layers look like together
/// (OCI image specification, "Layer ChainID"). One answer per layer, bottom first.
#[must_use]
pub fn chain_ids(diff_ids: &[Digest]) -> Vec<Digest> {
    let mut chain: Vec<Digest> = Vec::with_capacity(diff_ids.len());
    for diff in diff_ids {
        let id = match chain.last() {
            None => *diff,
            Some(parent) => Digest::of(format!("{parent} {diff}").as_bytes()),
        };
        chain.push(id);
    }
    chain
}

/// Hashes and counts what is read through it.
pub struct HashingReader<R> {
    inner: R,
    hash: Sha256,
    count: u64,
}

impl<R: Read> HashingReader<R> {
    /// Nothing read yet.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            count: 0,
        }
    }

    /// Reads to the end; the digest and the length of the whole stream.
    ///
    /// # Errors
    /// The inner reader's.
    pub fn finish(self) -> io::Result<(Digest, u64)> {
        let (digest, count, _) = self.finish_with_inner()?;
        Ok((digest, count))
    }

    /// The same, and gives the inner reader back.
    ///
    /// # Errors
    /// The inner reader's.
    pub fn finish_with_inner(mut self) -> io::Result<(Digest, u64, R)> {
        io::copy(&mut self, &mut io::sink())?;
        Ok((Digest(self.hash.finalize().into()), self.count, self.inner))
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.count += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn shows_and_parses() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse(), Ok(Digest::of(b"")));
        let parse = |text: &str| text.parse::<Digest>().expect_err("refused");
        assert_eq!(parse("sha256:abc"), DigestError::Length);
        assert_eq!(
            parse(&EMPTY.to_uppercase().replace("SHA", "sha")),
            DigestError::Format
        );
        assert_eq!(parse("md5:abc"), DigestError::Algorithm);
        assert_eq!(parse("abc"), DigestError::Format);
    }

    #[test]
    fn a_chain_is_the_hash_of_parent_and_diff() {
        let diffs = [Digest::of(b"a"), Digest::of(b"b")];
        let text = format!("{} {}", diffs[0], diffs[1]);
        assert_eq!(chain_ids(&diffs), [diffs[0], Digest::of(text.as_bytes())]);
    }

    #[test]
    fn hashing_covers_what_nobody_asked_for() {
        let mut reader = HashingReader::new(&b"abcdef"[..]);
        let mut two = [0; 2];
        reader.read_exact(&mut two).expect("six bytes are there");
        assert_eq!(
            reader.finish().expect("a slice reads"),
            (Digest::of(b"abcdef"), 6)
        );
    }
}
