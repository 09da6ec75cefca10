//! Where the shim's own messages go, and libcontainer's: its errors lose their causes, which it
//! only logs, partly from inside the new container. A subscriber of a few lines, because every
//! private page of a shim counts.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber, level_filters::LevelFilter};

/// The descriptor that messages are written to; standard error is the shim's log file.
static TARGET: AtomicI32 = AtomicI32::new(2);

/// Starts it for this process and those cloned from it.
pub fn start() {
    // A second call would find the first in place.
    let _already_set = tracing::subscriber::set_global_default(Lines);
}

/// Collects messages of this process and its clones in memory instead.
pub struct Capture(File);

impl Capture {
    /// Starts to collect.
    ///
    /// # Errors
    /// When the kernel gives no memory file.
    pub fn start() -> std::io::Result<Self> {
        let fd = rustix::fs::memfd_create("rk3s-diagnostics", rustix::fs::MemfdFlags::CLOEXEC)?;
        TARGET.store(fd.as_raw_fd(), Ordering::Relaxed);
        Ok(Self(File::from(fd)))
    }

    /// What was collected, on one line.
    pub fn text(mut self) -> String {
        let mut text = String::new();
        // The messages explain an error that is reported in any case.
        let _unexplained = self
            .0
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.0.read_to_string(&mut text));
        text.lines().collect::<Vec<_>>().join("; ")
    }
}

struct Lines;

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::ERROR)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        line.0.push('\n');
        let fd = TARGET.load(Ordering::Relaxed);
        // SAFETY: the descriptor is standard error or the live capture; the file is never
        // dropped, so it is not closed here.
        let mut file = ManuallyDrop::new(unsafe { File::from_raw_fd(fd) });
        // There is nowhere to report that a report was lost.
        let _lost = std::io::Write::write_all(&mut *file, line.0.as_bytes());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// `message field=value …`
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let separator = if self.0.is_empty() { "" } else { " " };
        // Writing to a string does not fail.
        let _infallible = if field.name() == "message" {
            write!(self.0, "{separator}{value:?}")
        } else {
            write!(self.0, "{separator}{}={value:?}", field.name())
        };
    }
}
