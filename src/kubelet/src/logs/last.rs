//! The end of a log, for a container's last words.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::LogOptions;
use super::line::Filter;
use super::tail;

/// What the last `lines` lines say, cut to the last `bytes` bytes.
///
/// # Errors
/// When the file cannot be read.
pub fn last_words(path: &Path, lines: usize, bytes: usize) -> io::Result<String> {
    let mut file = File::open(path)?;
    let start = tail::offset(&mut file, lines)?;
    file.seek(SeekFrom::Start(start))?;
    let mut raw = Vec::new();
    file.read_to_end(&mut raw)?;
    let mut filter = Filter::new(LogOptions::default());
    let lines = raw
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let text: Vec<u8> = lines.flat_map(|line| filter.apply(line)).collect();
    let text = String::from_utf8_lossy(&text);
    let start = text.ceil_char_boundary(text.len().saturating_sub(bytes));
    Ok(text[start..].to_owned())
}
