//! The container's log file, in the format of the container runtime interface:
//! `<RFC 3339 with nanoseconds> stdout|stderr F|P <text>`.
//!
//! The shim rotates it as it grows: it alone knows the size without asking, and a log must not
//! fill the disk while no server runs.

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

/// How much of a log is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes after which a file is rotated.
    pub bytes: u64,
    /// Files, the current one included.
    pub files: usize,
}

/// The kubelet's defaults (`containerLogMaxSize`, `containerLogMaxFiles`).
pub const LIMITS: Limits = Limits {
    bytes: 10 * 1024 * 1024,
    files: 5,
};

/// An open log file; it keeps no output back, so a crash loses nothing that was read.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    limits: Limits,
    /// Bytes left until the file is rotated.
    room: u64,
}

impl LogFile {
    /// Opens the file for appending, creating it and its directories.
    ///
    /// # Errors
    /// The underlying I/O error.
    pub fn open(path: &Path, limits: Limits) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        // Kubelets make logs readable for the group that collects them; 0640 as containerd does.
        let file = appending(path)?;
        Ok(Self {
            room: limits.bytes.saturating_sub(file.metadata()?.len()),
            path: path.to_owned(),
            file,
            limits,
        })
    }

    /// Opens the path anew, after the file was renamed away.
    ///
    /// # Errors
    /// The underlying I/O error; the old file stays open then.
    pub fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open(&self.path, self.limits)?;
        Ok(())
    }

    /// Appends what one read of an output gave. Text without a newline at its end becomes a
    /// partial line at once: readers join it with what follows.
    ///
    /// # Errors
    /// The underlying I/O error; some lines may then be missing.
    pub fn append(&mut self, stream: Stream, at: Timestamp, output: &[u8]) -> io::Result<()> {
        if self.room == 0 {
            // Parts of a line stay together, unless the line never ends.
            let line_end = output.iter().position(|byte| *byte == b'\n');
            let (line, rest) = output.split_at(line_end.map_or(0, |end| end + 1));
            if line_end.is_some() || self.beyond()? {
                self.write(stream, at, line)?;
                self.rotate(at)?;
                return self.write(stream, at, rest);
            }
        }
        self.write(stream, at, output)
    }

    /// Whether the file is twice as long as it may be.
    fn beyond(&self) -> io::Result<bool> {
        Ok(self.file.metadata()?.len() >= self.limits.bytes.saturating_mul(2))
    }

    fn write(&mut self, stream: Stream, at: Timestamp, output: &[u8]) -> io::Result<()> {
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
            let written = u64::try_from(full.len() + line.len()).unwrap_or(u64::MAX);
            self.room = self.room.saturating_sub(written);
        }
        write_all(&mut self.file, &mut slices)
    }

    /// Puts an empty file in the place of this one, at once, so that whoever sees the old one go
    /// finds the new one; drops the oldest.
    fn rotate(&mut self, at: Timestamp) -> io::Result<()> {
        // After a failure the next try comes when as much again has been written.
        self.room = self.limits.bytes;
        let fresh = named(&self.path, "fresh");
        let file = appending(&fresh)?;
        fs::hard_link(
            &self.path,
            named(&self.path, &at.strftime("%Y%m%d-%H%M%S.%9f").to_string()),
        )?;
        fs::rename(&fresh, &self.path)?;
        self.file = file;
        let old = rotated(&self.path)?;
        let surplus = old
            .len()
            .saturating_sub(self.limits.files.saturating_sub(1));
        old.iter().take(surplus).try_for_each(fs::remove_file)
    }
}

fn appending(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o640).open(path)
}

/// `0.log` and `fresh` make `0.log.fresh`.
fn named(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// The files that a log was before it was rotated, the oldest first.
///
/// # Errors
/// When the directory cannot be read.
pub fn rotated(path: &Path) -> io::Result<Vec<PathBuf>> {
    let prefix = named(path, "");
    let mut found = Vec::new();
    for entry in fs::read_dir(path.parent().unwrap_or(path))? {
        let file = entry?.path();
        let is_old = file
            .as_os_str()
            .as_encoded_bytes()
            .starts_with(prefix.as_os_str().as_encoded_bytes());
        if is_old {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
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
        let mut log = LogFile::open(&path, LIMITS).expect("opened");
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
        let mut log = LogFile::open(&path, LIMITS).expect("opened");
        log.append(Stream::Stdout, Timestamp::UNIX_EPOCH, output.as_bytes())
            .expect("appended");
        let lines = fs::read_to_string(&path).expect("readable");
        assert_eq!(lines.lines().count(), 1000);
        assert!(lines.lines().all(|line| line.ends_with(" stdout F x")));
        fs::remove_dir_all(directory).expect("removable");
    }

    #[test]
    fn a_log_is_rotated_between_lines_and_the_oldest_goes() {
        let directory = std::env::temp_dir().join(format!("log-{}", base::random::uuid()));
        let path = directory.join("0.log");
        let limits = Limits {
            bytes: 100,
            files: 3,
        };
        let mut log = LogFile::open(&path, limits).expect("opened");
        for second in 0..10_u8 {
            let at = Timestamp::UNIX_EPOCH + std::time::Duration::from_secs(second.into());
            for text in ["a part of ", &format!("line {second}\n")] {
                log.append(Stream::Stdout, at, text.as_bytes())
                    .expect("appended");
            }
        }
        let read = |path: &PathBuf| fs::read_to_string(path).expect("readable");
        let old = rotated(&path).expect("listed");
        assert_eq!(old.len(), 2, "{old:?}");
        let lines: String = old.iter().chain([&path]).map(read).collect();
        let texts: Vec<&str> = lines.lines().map(|line| &line[38..]).collect();
        assert_eq!(
            texts[texts.len() - 4..],
            ["P a part of ", "F line 8", "P a part of ", "F line 9",]
        );
        assert!(old.iter().all(|file| read(file).len() >= 100));
        fs::remove_dir_all(directory).expect("removable");
    }

    /// Reads of a pipe end anywhere, and some programs never end a line.
    #[test]
    fn no_output_keeps_a_log_from_being_rotated() {
        for output in ["no end ", "a line\nand a part of the next "] {
            let directory = std::env::temp_dir().join(format!("log-{}", base::random::uuid()));
            let path = directory.join("0.log");
            let limits = Limits {
                bytes: 1000,
                files: 2,
            };
            let mut log = LogFile::open(&path, limits).expect("opened");
            for second in 0..200 {
                let at = Timestamp::UNIX_EPOCH + std::time::Duration::from_secs(second);
                log.append(Stream::Stdout, at, output.as_bytes())
                    .expect("appended");
            }
            let mut files = rotated(&path).expect("listed");
            assert_eq!(files.len(), 1, "{output:?}");
            files.push(path);
            for file in files {
                let size = fs::metadata(&file).expect("there").len();
                assert!(size < 2200, "{output:?}: {size}");
            }
            fs::remove_dir_all(directory).expect("removable");
        }
    }
}
