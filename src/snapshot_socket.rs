//! The socket over which `rk3s snapshot save` asks a running server, which has the store to itself.
//!
//! One request, a line `save PATH`; one answer, `saved REVISION` or `failed WHY`.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use base::Shutdown;
use store::{SledStore, snapshot};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tracing::warn;

use crate::snapshot::Places;

/// The longest request: a path, and more.
const LONGEST: u64 = 8 << 10;

/// Asks the running server for a snapshot in the file `path`.
pub async fn ask(socket: &Path, path: &Path) -> Result<()> {
    let stream = UnixStream::connect(socket).await.with_context(|| {
        format!(
            "a server has the store open, but does not listen at {}",
            socket.display()
        )
    })?;
    let mut stream = BufReader::new(stream);
    stream
        .write_all(format!("save {}\n", path.display()).as_bytes())
        .await?;
    let mut answer = String::new();
    stream.read_line(&mut answer).await?;
    match answer.trim_end().split_once(' ') {
        Some(("saved", _)) => Ok(()),
        Some(("failed", why)) => Err(anyhow!("the server could not save it: {why}")),
        _ => Err(anyhow!("the server went away; its log says why")),
    }
}

/// The server's end: takes a snapshot whenever one is asked for, until `shutdown`.
pub fn serve(
    data_dir: &Path,
    store: Arc<SledStore>,
    shutdown: Shutdown,
) -> Result<impl Future<Output = ()> + use<>> {
    let Places {
        socket, snapshots, ..
    } = Places::new(data_dir);
    // The store's lock is ours, so whoever left a socket here is gone.
    match fs::remove_file(&socket) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", socket.display()));
        }
        _ => {}
    }
    let listener = UnixListener::bind(&socket)
        .with_context(|| format!("cannot listen at {}", socket.display()))?;
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600))?;
    Ok(async move {
        tokio::select! {
            () = shutdown.stopping() => {}
            () = answer_all(&listener, &store, &snapshots) => shutdown.stopping().await,
        }
        // The next server removes it if this does not.
        drop(fs::remove_file(&socket));
    })
}

/// How long a client may take to ask: others wait for it.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// One at a time: a snapshot reads the whole store. Ends when nothing more can be accepted.
async fn answer_all(listener: &UnixListener, store: &Arc<SledStore>, snapshots: &Path) {
    loop {
        let answered = match listener.accept().await {
            Ok((stream, _)) => answer(stream, store, snapshots).await,
            Err(error) => return warn!(%error, "no more snapshots on request"),
        };
        if let Err(error) = answered {
            warn!(%error, "a request for a snapshot failed");
        }
    }
}

async fn answer(stream: UnixStream, store: &Arc<SledStore>, snapshots: &Path) -> Result<()> {
    let own = rustix::process::geteuid().as_raw();
    let peer = stream.peer_cred()?.uid();
    if peer != own && peer != 0 {
        bail!("user {peer} asked for it");
    }
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let mut request = (&mut stream).take(LONGEST);
    let clock = base::Clock::system();
    let asked = clock.timeout(PATIENCE, request.read_line(&mut line));
    asked.await.context("it asked for nothing")??;
    let path = line.trim_end().strip_prefix("save ").map(PathBuf::from);
    let path = path.filter(|path| path.parent() == Some(snapshots));
    let path = path.context("it asked for something else")?;
    let store = store.clone();
    let saved = tokio::task::spawn_blocking(move || snapshot::save(&store, &path)).await?;
    let text = match saved {
        Ok(info) => format!("saved {}\n", info.revision),
        Err(error) => format!("failed {error}\n"),
    };
    stream.write_all(text.as_bytes()).await?;
    Ok(())
}
