//! Container logs: the runtime's lines, selected and stripped as a client asks.

mod follow;
mod last;
mod line;
mod tail;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::Timestamp;
use tokio::sync::watch;

pub use last::last_words;

/// `PodLogOptions`, without the container's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    pub follow: bool,
    pub timestamps: bool,
    /// Only lines from this time on.
    pub since: Option<Timestamp>,
    pub tail_lines: Option<usize>,
    pub limit_bytes: Option<usize>,
}

/// A log file of one run of a container.
pub struct LogFile {
    pub path: PathBuf,
    /// Turns true when the run has ended: a follower then reads to the end and stops.
    pub ended: watch::Receiver<bool>,
}

/// A run's log and what was rotated away from it.
pub fn files(log: &Path) -> std::io::Result<Vec<PathBuf>> {
    let name = log.file_name().unwrap_or_default().as_encoded_bytes();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(log.parent().unwrap_or(log))? {
        let entry = entry?;
        let own = entry.file_name();
        let rest = own.as_encoded_bytes().strip_prefix(name);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b".")) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Streams the log; an error is the last item.
pub fn read(file: LogFile, options: LogOptions) -> BoxStream<'static, std::io::Result<Bytes>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(16);
    base::tasks::spawn("log", async move {
        if let Err(error) = follow::run(file, options, &sender).await {
            // The reader may be gone, which is how most followers end.
            let _ = sender.send(Err(error)).await;
        }
    });
    Box::pin(futures::stream::unfold(receiver, |mut receiver| async {
        Some((receiver.recv().await?, receiver))
    }))
}
