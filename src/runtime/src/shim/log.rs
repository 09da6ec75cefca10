//! The container's log file, in the format of the container runtime interface:
//! `<RFC 3339 with nanoseconds> stdout|stderr F|P <text>`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// Most bytes of output put into one line; the rest follows in further partial lines.
pub const CHUNK: usize = 16 * 1024;

/// Lines written by one system call.
const BATCH: usize = 64;

/// Which of a container's outputs a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// An open log file; it keeps no output back, so a crash loses nothing that was read.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
}

impl LogFile {
    /// Opens the file for appending, creating it and its directories.
    ///
    /// # Errors
    /// The underlying I/O error.
    pub fn open(path: &Path) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        // Kubelets make logs readable for the group that collects them; 0640 as containerd does.
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o640)
            .open(path)?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Opens the path anew, after the file was renamed away.
    ///
    /// # Errors
    /// The underlying I/O error; the old file stays open then.
    pub fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open(&self.path)?;
        Ok(())
    }

    /// Appends what one read of an output gave. Text without a newline at its end becomes a
    /// partial line at once: readers join it with what follows.
    ///
    /// # Errors
    /// The underlying I/O error; some lines may then be missing.
    pub fn append(&mut self, stream: Stream, at: Timestamp, output: &[u8]) -> io::Result<()> {
        let full = format!("{at:.9} {} F ", stream.name());
        let partial = format!("{at:.9} {} P ", stream.name());
        let mut slices = Vec::with_capacity(3 * BATCH.min(1 + output.len()));
        for line in output.split_inclusive(|byte| *byte == b'\n') {
            if line.ends_with(b"\n") {
                slices.push(IoSlice::new(full.as_bytes()));
                slices.push(IoSlice::new(line));
            } else {
                slices.push(IoSlice::new(partial.as_bytes()));
                slices.push(IoSlice::new(line));
                slices.push(IoSlice::new(b"\n"));
            }
            if slices.len() >= 3 * BATCH - 3 {
                write_all(&mut self.file, &mut slices)?;
                slices.clear();
            }
        }
        write_all(&mut self.file, &mut slices)
    }
}

/// `write_all_vectored`, which the standard library has not stabilised.
fn write_all(file: &mut File, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    let mut rest = &mut slices[..];
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(chunks: &[(Stream, &str)], expected: &Expect) {
        let directory = std::env::temp_dir().join(format!("log-{}", base::random::uuid()));
        let path = directory.join("app/0.log");
        let mut log = LogFile::open(&path).expect("opened");
        for (stream, chunk) in chunks {
            log.append(*stream, Timestamp::UNIX_EPOCH, chunk.as_bytes())
                .expect("appended");
        }
        expected.assert_eq(&fs::read_to_string(&path).expect("readable"));
        fs::remove_dir_all(directory).expect("removable");
    }

    #[test]
    fn lines_are_whole_or_partial() {
        check(
            &[
                (Stream::Stdout, "one\ntwo\n"),
                (Stream::Stderr, "warn"),
                (Stream::Stderr, "ing\n\ntail"),
            ],
            &expect![[r#"
                1970-01-01T00:00:00.000000000Z stdout F one
                1970-01-01T00:00:00.000000000Z stdout F two
                1970-01-01T00:00:00.000000000Z stderr P warn
                1970-01-01T00:00:00.000000000Z stderr F ing
                1970-01-01T00:00:00.000000000Z stderr F 
                1970-01-01T00:00:00.000000000Z stderr P tail
            "#]],
        );
    }

    #[test]
    fn many_lines_take_several_writes() {
        let output = "x\n".repeat(1000);
        let directory = std::env::temp_dir().join(format!("log-{}", base::random::uuid()));
        let path = directory.join("0.log");
        let mut log = LogFile::open(&path).expect("opened");
        log.append(Stream::Stdout, Timestamp::UNIX_EPOCH, output.as_bytes())
            .expect("appended");
        let lines = fs::read_to_string(&path).expect("readable");
        assert_eq!(lines.lines().count(), 1000);
        assert!(lines.lines().all(|line| line.ends_with(" stdout F x")));
        fs::remove_dir_all(directory).expect("removable");
    }
}
