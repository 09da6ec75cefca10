//! Where the last n lines of a file begin, found from its end.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

const BLOCK: u64 = 16 * 1024;

/// The offset of the first of the last `lines` whole lines (a partial runtime line counts as
/// its continuation's).
pub fn offset(file: &mut File, lines: usize) -> io::Result<u64> {
    let mut at = file.seek(SeekFrom::End(0))?;
    if lines == 0 {
        return Ok(at);
    }
    let mut wanted = lines;
    let mut first = true;
    while at > 0 {
        let start = at.saturating_sub(BLOCK);
        let length = usize::try_from(at - start).map_err(io::Error::other)?;
        let mut block = vec![0; length];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut block)?;
        for (index, byte) in block.iter().enumerate().rev() {
            if *byte != b'\n' {
                first = false;
                continue;
            }
            // The newline that ends the file begins no line.
            if std::mem::take(&mut first) {
                continue;
            }
            wanted -= 1;
            if wanted == 0 {
                return Ok(start + index as u64 + 1);
            }
        }
        at = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_last_lines() {
        let path = std::env::temp_dir().join(format!("tail-{}", base::random::uuid()));
        let long = "x".repeat(40_000);
        std::fs::write(&path, format!("a\n{long}\nb\nc\n")).expect("written");
        let mut file = File::open(&path).expect("readable");
        let end = 2 + 40_001 + 4;
        for (lines, expected) in [(0, end), (1, end - 2), (2, end - 4), (3, 2), (4, 0), (9, 0)] {
            assert_eq!(
                offset(&mut file, lines).expect("seekable"),
                expected,
                "{lines}"
            );
        }
        std::fs::remove_file(path).expect("removable");
    }
}
