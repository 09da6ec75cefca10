//! The end of a pod: containers, sandbox, network, volumes, cgroup, and then the object.

use std::sync::Arc;
use std::time::Duration;

use api::core::Pod;
use client::DeleteOptions;
use cri::ContainerStatus;
use futures::future::join_all;
use tokio::sync::watch;
use tracing::debug;

use super::act::grace;
use super::config::{PodPaths, identity};
use super::publish::is_gone;
use super::stop::Stopper;
use super::view::{PodView, init_containers, is_sidecar};
use super::worker::{RoundError, Wanted, Worker};
use crate::{resources, volumes};

impl Worker {
    /// Stops everything and removes it; repeating it goes on where the last try failed.
    pub(super) async fn terminate(&mut self, wanted: &Wanted) -> Result<(), RoundError> {
        let pod = self.newest(wanted.pod());
        self.probes.end();
        let view = self.look(&pod).await?;
        self.stop_containers(&pod, &view).await?;
        for sandbox in &view.sandboxes {
            self.shared.runtime.stop_pod_sandbox(&sandbox.id).await?;
        }
        let view = self.look(&pod).await?;
        self.holds.end();
        let exists = matches!(wanted, Wanted::Pod(_));
        if exists {
            self.publish(&pod, &view, true).await?;
        }
        self.clean_up(&pod, &view).await?;
        if exists {
            self.delete_object(&pod).await?;
        }
        Ok(())
    }

    /// Stops all containers within what is left of the grace period, which a second deletion may
    /// shorten, and says meanwhile how the pod stands.
    async fn stop_containers(&mut self, pod: &Arc<Pod>, view: &PodView) -> Result<(), RoundError> {
        let announced = std::mem::replace(&mut self.announced, true);
        for run in view.live().filter(|_| !announced) {
            let name = &run.metadata.name;
            let text = format!("Stopping container {name}");
            self.normal(pod, Some(name), "Killing", &text);
        }
        let clock = self.shared.clock.clone();
        let until = |wanted: &Wanted| clock.monotonic() + remaining_grace(wanted, clock.wall());
        let mut wanted = self.wanted.clone();
        let (deadline, receiver) = watch::channel(until(&wanted.borrow_and_update()));
        let live: Vec<ContainerStatus> = view.live().cloned().collect();
        let stops = stop_all(self.stopper(pod), live, receiver);
        tokio::pin!(stops);
        loop {
            tokio::select! {
                stopped = &mut stops => return Ok(stopped?),
                changed = wanted.changed() => {
                    // The kubelet ends; the next one goes on.
                    changed.map_err(|_| RoundError::GivenUp)?;
                    let sooner = until(&wanted.borrow_and_update());
                    deadline.send_if_modified(|until| {
                        // Whole seconds of a timestamp move by less than one.
                        let shorter = sooner + Duration::from_secs(1) < *until;
                        *until = sooner.min(*until);
                        shorter
                    });
                }
                () = self.wake.notified() => {
                    if let Err(error) = self.show(pod).await {
                        debug!(pod = pod.metadata.name, %error, "the status waits");
                    }
                }
            }
        }
    }

    async fn show(&mut self, pod: &Arc<Pod>) -> Result<(), RoundError> {
        let view = self.look(pod).await?;
        self.publish(pod, &view, false).await
    }

    async fn clean_up(&mut self, pod: &Pod, view: &PodView) -> Result<(), RoundError> {
        let (_, _, uid) = identity(pod);
        let shared = &self.shared;
        for sandbox in &view.sandboxes {
            shared.runtime.remove_pod_sandbox(&sandbox.id).await?;
        }
        shared.network.teardown(uid).await?;
        let paths = PodPaths::of(&shared.options, pod);
        volumes::teardown(&paths.root)?;
        shared.tokens.forget(pod);
        let cgroup = resources::pod_cgroup(&shared.options.cgroup_root, pod, uid);
        shared.cgroups.remove(&cgroup)?;
        Ok(remove_logs(&paths, pod, &shared.options.log_dir)?)
    }

    async fn delete_object(&self, pod: &Pod) -> Result<(), RoundError> {
        let (namespace, name, uid) = identity(pod);
        let options = DeleteOptions {
            grace_period_seconds: Some(0),
            ..DeleteOptions::of_uid(uid)
        };
        let pods = self.shared.client.typed::<Pod>().in_namespace(namespace);
        match pods.delete(name, &options).await {
            Err(error) if !is_gone(&error) => Err(error.into()),
            // Deleted now or before, or a finalizer keeps it: the node is done with it.
            _ => Ok(()),
        }
    }
}

/// All at the same time; sidecars after the others, the last one first.
async fn stop_all(
    stopper: Stopper,
    live: Vec<ContainerStatus>,
    deadline: watch::Receiver<Duration>,
) -> cri::Result<()> {
    let pod = stopper.pod.clone();
    let place = |run: &ContainerStatus| {
        let mut init = init_containers(&pod).iter();
        init.position(|spec| is_sidecar(spec) && spec.name == run.metadata.name)
    };
    let (mut sidecars, others): (Vec<_>, Vec<_>) =
        live.into_iter().partition(|run| place(run).is_some());
    sidecars.sort_by_key(|run| std::cmp::Reverse(place(run)));
    let stops = others.iter().map(|run| stopper.stop(run, deadline.clone()));
    join_all(stops)
        .await
        .into_iter()
        .collect::<cri::Result<()>>()?;
    for sidecar in &sidecars {
        stopper.stop(sidecar, deadline.clone()).await?;
    }
    Ok(())
}

/// What is left of the grace period: it runs from the deletion, also across a restart of rk3s.
fn remaining_grace(wanted: &Wanted, now: jiff::Timestamp) -> Duration {
    let Wanted::Pod(pod) = wanted else {
        return Duration::ZERO;
    };
    let metadata = &pod.metadata;
    let (Some(at), Some(whole)) = (
        &metadata.deletion_timestamp,
        metadata.deletion_grace_period_seconds,
    ) else {
        return grace(pod);
    };
    let whole = Duration::from_secs(whole.max(0).unsigned_abs());
    let left = Duration::try_from(at.0.duration_since(now)).unwrap_or_default();
    // The timestamp is in whole seconds: the last one counts in full.
    (left + Duration::from_secs(1)).min(whole)
}

fn remove_logs(paths: &PodPaths, pod: &Pod, log_dir: &std::path::Path) -> std::io::Result<()> {
    let gone = |result: std::io::Result<()>| match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    gone(std::fs::remove_dir_all(&paths.logs))?;
    let Some(links) = log_dir.parent().map(|parent| parent.join("containers")) else {
        return Ok(());
    };
    let (namespace, name, _) = identity(pod);
    let prefix = format!("{name}_{namespace}_");
    for entry in std::fs::read_dir(links).into_iter().flatten() {
        let entry = entry?;
        let dangling = !entry.path().exists();
        if dangling && entry.file_name().to_string_lossy().starts_with(&prefix) {
            gone(std::fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
}
