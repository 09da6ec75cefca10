//! The end of a log, for a container's last words.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::LogOptions;
use super::line::Filter;

/// As much of a log's end is looked at: the runtime's longest line (16 KiB), and some of few words.
const WINDOW: u64 = 64 * 1024;

/// What the last `lines` lines say, cut to the last `bytes` bytes. Reads no more than 64 KiB,
/// however long the log.
///
/// # Errors
/// When the file cannot be read.
pub fn last_words(path: &Path, lines: usize, bytes: usize) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    let start = file.seek(SeekFrom::Start(length.saturating_sub(WINDOW)))?;
    let mut raw = Vec::new();
    file.take(WINDOW).read_to_end(&mut raw)?;
    let mut all = raw.split(|byte| *byte == b'\n');
    if start > 0 {
        // It began before the window.
        all.next();
    }
    let all: Vec<&[u8]> = all.filter(|line| !line.is_empty()).collect();
    let last = &all[all.len().saturating_sub(lines)..];
    let mut filter = Filter::new(LogOptions::default());
    let text: Vec<u8> = last.iter().flat_map(|line| filter.apply(line)).collect();
    let text = String::from_utf8_lossy(&text);
    let start = text.ceil_char_boundary(text.len().saturating_sub(bytes));
    Ok(text[start..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_log_is_read_alone() {
        let path = std::env::temp_dir().join(format!("last-{}", base::random::uuid()));
        let line = |tag: &str, text: &str| format!("2026-01-01T00:00:00Z stdout {tag} {text}\n");
        let long = "x".repeat(16 * 1024);
        let head: String = (0..1000).map(|_| line("P", &long)).collect();
        // A log, how many of its lines and bytes are wanted, and what they say.
        let rows = [
            (
                line("F", "first") + &line("F", "last"),
                80,
                2048,
                "first\nlast\n".to_owned(),
            ),
            (
                line("F", "first") + &line("F", "last"),
                1,
                2048,
                "last\n".to_owned(),
            ),
            (
                head.clone() + &line("F", "end"),
                80,
                2048,
                "x".repeat(2044) + "end\n",
            ),
            (
                head.clone() + &line("F", "") + &line("F", "end"),
                1,
                2048,
                "end\n".to_owned(),
            ),
            (head, 80, 10, "x".repeat(10)),
            (String::new(), 80, 2048, String::new()),
        ];
        for (log, lines, bytes, expected) in rows {
            std::fs::write(&path, &log).expect("writable");
            let words = last_words(&path, lines, bytes).expect("readable");
            assert_eq!(words, expected, "{} bytes", log.len());
        }
        std::fs::remove_file(path).expect("removable");
    }
}
