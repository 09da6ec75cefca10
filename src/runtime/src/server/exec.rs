//! Commands run to their end.

use std::convert::Infallible;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use cri::{Error, ExecResult, Result};
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use super::internal;
use super::operations::unexpected;
use super::runtime::Core;
use super::sandbox::Sandbox;
use crate::shim::protocol::{Call, Reply};

/// Most bytes kept of each output (containerd's number); the rest is read and dropped.
const MAX_OUTPUT: usize = 16 << 20;

impl Core {
    /// Runs a command in a container; the shim enforces the time limit.
    pub async fn exec(
        &self,
        sandbox: &Sandbox,
        id: &str,
        args: Vec<String>,
        timeout: Option<Duration>,
    ) -> Result<ExecResult> {
        let what = args.join(" ");
        let null = std::fs::File::open("/dev/null").map_err(internal("opening /dev/null"))?;
        let (mut stdout, stdout_end) = output()?;
        let (mut stderr, stderr_end) = output()?;
        let timeout_ms =
            timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        let call = Call::Exec {
            id: id.to_owned(),
            args,
            timeout_ms,
        };
        let fds = [null.as_fd(), stdout_end.as_fd(), stderr_end.as_fd()];
        let mut result = ExecResult::default();
        // We hold the writing ends meanwhile, so that reading never ends by itself and a process
        // that the command left behind does not hold the caller up.
        let reply = tokio::select! {
            reply = sandbox.client.call(call, &fds) => reply,
            never = collect(&mut stdout, &mut result.stdout) => match never {},
            never = collect(&mut stderr, &mut result.stderr) => match never {},
        };
        drain(&stdout, &mut result.stdout);
        drain(&stderr, &mut result.stderr);
        match reply {
            Ok(Reply::Exited { code }) => {
                result.exit_code = code;
                Ok(result)
            }
            Ok(Reply::TimedOut) => Err(Error::DeadlineExceeded(format!("command {what:?}"))),
            Ok(other) => Err(unexpected("running a command", other)),
            Err(gone) => Err(Error::Internal(gone.to_string())),
        }
    }
}

/// A pipe: our asynchronous end, and the command's.
fn output() -> Result<(Receiver, OwnedFd)> {
    let (reader, writer) =
        pipe_with(PipeFlags::CLOEXEC).map_err(|error| internal("making a pipe")(error.into()))?;
    let reader = Receiver::from_owned_fd(reader).map_err(internal("making a pipe"))?;
    Ok((reader, writer))
}

/// Reads for ever.
async fn collect(pipe: &mut Receiver, output: &mut Vec<u8>) -> Infallible {
    let mut buffer = vec![0; 8192];
    loop {
        match pipe.read(&mut buffer).await {
            Ok(count) if count > 0 => keep(output, &buffer[..count]),
            // A pipe whose other end we hold neither ends nor fails; wait for the answer.
            _ => std::future::pending().await,
        }
    }
}

/// Takes what is in the pipe now; what the command left behind may go on writing. Asks the kernel:
/// tokio may have heard of the answer and not yet of what was written before it.
fn drain(pipe: &Receiver, output: &mut Vec<u8>) {
    let waiting = rustix::io::ioctl_fionread(pipe).unwrap_or(0);
    let mut buffer = vec![0; usize::try_from(waiting).unwrap_or(0)];
    let read = rustix::io::retry_on_intr(|| rustix::io::read(pipe, &mut buffer));
    keep(output, &buffer[..read.unwrap_or(0)]);
}

fn keep(output: &mut Vec<u8>, bytes: &[u8]) {
    let room = MAX_OUTPUT.saturating_sub(output.len());
    output.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_tokio_has_not_heard_of_is_taken() {
        let (stdout, writer) = output().expect("a pipe");
        rustix::io::write(&writer, b"late").expect("written");
        let mut taken = Vec::new();
        drain(&stdout, &mut taken);
        assert_eq!(taken, b"late");
    }
}
