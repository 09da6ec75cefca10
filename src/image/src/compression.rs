//! Compression, recognised by the first bytes and never by a name or a media type.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

/// How a stream is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, possibly of several members.
    Gzip,
    /// Zstandard frames.
    Zstd,
}

/// A window larger than this would let an archive of a few bytes take that much memory (128 MiB
/// is what `zstd --long` needs at most without asking).
const ZSTD_WINDOW_LOG: u32 = 27;

impl Compression {
    /// What a stream that begins with `head` is packed with. bzip2, xz and lz4 are recognised in
    /// order to be refused by name.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`], naming the format and what to use instead.
    pub fn of(head: &[u8]) -> io::Result<Self> {
        let unsupported = match head {
            [0x1f, 0x8b, ..] => return Ok(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                return Ok(Self::Zstd);
            }
            [b'B', b'Z', b'h', ..] => "bzip2",
            [0xfd, b'7', b'z', b'X', b'Z', ..] => "xz",
            [0x04, 0x22, 0x4d, 0x18, ..] => "lz4",
            _ => return Ok(Self::None),
        };
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("{unsupported} compression is not supported; use gzip or zstd"),
        ))
    }
}

/// The head is read to recognise the format and put back in front.
type Sniffed<R> = BufReader<Chain<Cursor<Vec<u8>>, R>>;

/// The plain bytes of a stream that may be compressed.
pub enum Decoder<R: Read> {
    /// Passed through.
    Plain(Sniffed<R>),
    /// Boxed because its state is tens of kilobytes.
    Gzip(Box<MultiGzDecoder<Sniffed<R>>>),
    /// The decoder with its window limit set.
    Zstd(Box<zstd::Decoder<'static, Sniffed<R>>>),
}

impl<R: Read> Decoder<R> {
    /// Recognises the compression by the first bytes.
    ///
    /// # Errors
    /// The reader's, or an unsupported format.
    pub fn new(mut input: R) -> io::Result<Self> {
        let mut head = Vec::with_capacity(8);
        input.by_ref().take(8).read_to_end(&mut head)?;
        let compression = Compression::of(&head)?;
        let input = BufReader::with_capacity(64 * 1024, Cursor::new(head).chain(input));
        Ok(match compression {
            Compression::None => Self::Plain(input),
            Compression::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(input))),
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(input)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Self::Zstd(Box::new(decoder))
            }
        })
    }

    /// Gives the reader back after reading what the decoder left unread, so that a digest taken
    /// below covers the whole stream.
    ///
    /// # Errors
    /// The reader's.
    pub fn into_drained(self) -> io::Result<R> {
        let mut buffered = match self {
            Self::Plain(input) => input,
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Zstd(decoder) => decoder.finish(),
        };
        while !buffered.fill_buf()?.is_empty() {
            let length = buffered.buffer().len();
            buffered.consume(length);
        }
        Ok(buffered.into_inner().into_inner().1)
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(input) => input.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    }

    fn check(packed: &[u8], plain: &[u8]) {
        let mut decoder = Decoder::new(crate::digest::HashingReader::new(packed)).expect("known");
        let mut bytes = Vec::new();
        decoder.read_to_end(&mut bytes).expect("decodes");
        assert_eq!(bytes, plain);
        let (digest, length) = decoder
            .into_drained()
            .expect("drained")
            .finish()
            .expect("a slice reads");
        assert_eq!(
            (digest, length),
            (crate::Digest::of(packed), packed.len() as u64)
        );
    }

    #[test]
    fn every_form_decodes_and_is_hashed_to_its_end() {
        check(b"", b"");
        check(b"plain", b"plain");
        check(&gzip(b"one"), b"one");
        check(&[gzip(b"one"), gzip(b"two")].concat(), b"onetwo");
        check(
            &zstd::encode_all(&b"three"[..], 1).expect("encodes"),
            b"three",
        );
    }

    #[test]
    fn a_cut_stream_is_an_error() {
        let whole = gzip(&[7; 10_000]);
        let mut decoder = Decoder::new(&whole[..whole.len() - 4]).expect("known");
        let error = io::copy(&mut decoder, &mut io::sink()).expect_err("cut");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn other_formats_are_refused_by_name() {
        let error = Compression::of(b"BZh91AY").expect_err("unsupported");
        let expected = "bzip2 compression is not supported; use gzip or zstd";
        assert_eq!(error.to_string(), expected);
    }
}
