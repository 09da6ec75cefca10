//! Last words of containers: the file they wrote, or the end of their log.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use api::core::{Container, Pod};
use cri::{ContainerState, ContainerStatus};

use super::config::{PodPaths, termination_log};
use super::view::{PodView, containers, init_containers};
use crate::logs;

/// Of the file (kubelet-cri-facts, events-and-timing §6).
const FILE_LIMIT: usize = 4096;
/// Of the log.
const LOG_LIMIT: usize = 2048;
const LOG_LINES: usize = 80;
/// Of all containers of a pod together.
const POD_LIMIT: usize = 12 * 1024;

/// Fills in the messages of ended runs that the runtime itself says nothing about. It reads where
/// the pod worker runs: of each run 4 KiB of a file of the node's own, which no container can
/// replace, and 64 KiB of a log at most.
pub fn read_messages(view: &mut PodView, pod: &Pod, paths: &PodPaths) {
    let all = || init_containers(pod).iter().chain(containers(pod));
    let share = POD_LIMIT / all().count().max(1);
    for run in &mut view.containers {
        if run.state != ContainerState::Exited || !run.message.is_empty() {
            continue;
        }
        if let Some(spec) = all().find(|spec| spec.name == run.metadata.name) {
            run.message = message(spec, run, paths);
            run.message.truncate(run.message.floor_char_boundary(share));
        }
    }
}

fn message(spec: &Container, run: &ContainerStatus, paths: &PodPaths) -> String {
    let file = termination_log(paths, &spec.name, run.metadata.attempt);
    // Without a file, as after a crash of the node, nothing was said.
    let text = head(&file, FILE_LIMIT).unwrap_or_default();
    let falls_back = spec.termination_message_policy.as_deref() == Some("FallbackToLogsOnError");
    if text.is_empty() && falls_back && run.exit_code != 0 {
        // The log may be rotated away or never made; the exit code remains.
        return logs::last_words(&run.log_path, LOG_LINES, LOG_LIMIT).unwrap_or_default();
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn head(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let limit = u64::try_from(limit).map_err(io::Error::other)?;
    File::open(path)?.take(limit).read_to_end(&mut text)?;
    Ok(text)
}
