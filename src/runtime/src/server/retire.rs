//! The end of a shim: nobody touches a sandbox' files while its process still exists.

use std::path::Path;
use std::time::Duration;

use base::Clock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use super::client::ShimClient;
use crate::process::Identity;
use crate::shim::IDENTITY;
use crate::shim::protocol::Call;

/// How long a shim that was told to end may take; it has nothing left to do.
const LIMIT: Timespec = Timespec {
    tv_sec: 2,
    tv_nsec: 0,
};

/// How long it may take to answer that it will.
const ANSWER: Duration = Duration::from_secs(2);

/// Tells the shim of a sandbox to end and waits until it has. One that does not is killed, and
/// one that is gone is a success.
pub async fn retire(client: &ShimClient, directory: &Path, clock: &Clock) {
    let shim = identity(directory);
    // One that is stopped accepts the call and never answers.
    let call = clock
        .timeout(ANSWER, client.call(Call::Shutdown, &[]))
        .await;
    let told = matches!(call, Ok(Ok(_)));
    let Some(shim) = shim else { return };
    if told && ends(&shim).await {
        return;
    }
    kill(&shim);
    if !ends(&shim).await {
        tracing::error!(pid = shim.pid, "a killed shim does not end");
    }
}

/// Whether a shim that does not answer is there all the same, and not about to end.
pub async fn lives_on(directory: &Path) -> bool {
    match identity(directory) {
        Some(shim) => !ends(&shim).await,
        None => false,
    }
}

fn identity(directory: &Path) -> Option<Identity> {
    let bytes = std::fs::read(directory.join(IDENTITY)).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn kill(shim: &Identity) {
    if let Some(pid) = Pid::from_raw(shim.pid)
        && shim.is_alive()
    {
        // Gone meanwhile is what is wanted.
        let _gone = kill_process(pid, Signal::KILL);
    }
}

/// Whether the process is gone (or a zombie, which its parent will see to) within the limit.
async fn ends(shim: &Identity) -> bool {
    let shim = shim.clone();
    let ended = tokio::task::spawn_blocking(move || {
        let Some(pid) = Pid::from_raw(shim.pid) else {
            return true;
        };
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else {
            return true;
        };
        // Checked after opening, so that it is this process the descriptor stands for.
        if !shim.is_alive() {
            return true;
        }
        let mut fds = [PollFd::new(&process, PollFlags::IN)];
        matches!(poll(&mut fds, Some(&LIMIT)), Ok(1))
    });
    ended.await.unwrap_or(false)
}
