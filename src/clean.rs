//! `rk3s clean-node`: ends all pods of this node and takes away what they left, without a server.

use std::io::ErrorKind;

use anyhow::{Context, Result, bail};
use base::{Clock, Shutdown};
use cri::RuntimeService;
use image::ImageStore;
use runtime::{Runtime, RuntimeOptions};

use crate::node::network_options;
use crate::options::Options;

/// Removes sandboxes, network, volumes, cgroups and run-time files. The data directory stays.
pub async fn run(options: Options) -> Result<()> {
    if options.text("cgroup-root").trim_matches('/').is_empty() {
        bail!("--cgroup-root / holds every process of this machine: nothing is cleaned there");
    }
    let clock = Clock::system();
    let (root, of) = (
        options.path("data-dir").join("agent/images.d"),
        clock.clone(),
    );
    let images = tokio::task::spawn_blocking(move || ImageStore::open(&root, of)).await?;
    let images = images.context("is rk3s server still running? Stop it first")?;
    let runtime = Runtime::open(RuntimeOptions {
        state_dir: options.path("run-dir").join("sandboxes"),
        shim_command: vec!["/proc/self/exe".into(), "shim".into()],
        clock,
        shutdown: Shutdown::new(),
        rootfs: images,
    })
    .await?;
    for sandbox in runtime.list_pod_sandboxes().await? {
        runtime.stop_pod_sandbox(&sandbox.id).await?;
        runtime.remove_pod_sandbox(&sandbox.id).await?;
    }
    network::cleanup(network_options(&options)?)
        .await
        .context("cannot clean the network")?;
    kubelet::clean(
        &options.path("kubelet-dir"),
        &options.path("log-dir"),
        options.text("cgroup-root"),
    )
    .context("cannot clean the kubelet's files")?;
    // What rk3s made itself, by name: the directory may be the user's own.
    let run_dir = options.path("run-dir");
    for made in ["sandboxes", "netns"] {
        match std::fs::remove_dir_all(run_dir.join(made)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {made}"));
            }
            _ => {}
        }
    }
    match std::fs::remove_dir(&run_dir) {
        Err(error)
            if !matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty
            ) =>
        {
            Err(error).with_context(|| format!("cannot remove {}", run_dir.display()))
        }
        _ => Ok(()),
    }
}
