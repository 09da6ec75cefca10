//! The end of a pod: containers, sandbox, network, volumes, cgroup, and then the object.

use std::time::Duration;

use api::core::Pod;
use client::{DeleteOptions, Preconditions};
use futures::future::join_all;

use super::config::{PodPaths, identity};
use super::publish::is_gone;
use super::view::PodView;
use super::worker::{Wanted, Worker, text};
use crate::{resources, volumes};

/// Even a pod deleted with force gets this long (kubelet-cri-facts §11).
const LEAST_GRACE: Duration = Duration::from_secs(2);

impl Worker {
    /// Stops everything and removes it; repeating it goes on where the last try failed.
    pub(super) async fn terminate(&mut self, wanted: &Wanted) -> Result<(), String> {
        let pod = wanted.pod().clone();
        let (_, _, uid) = identity(&pod);
        let runtime = self.shared.runtime.clone();
        let view = PodView::read(&*runtime, uid).await.map_err(text)?;
        self.stop_containers(&pod, &view).await?;
        for sandbox in &view.sandboxes {
            runtime.stop_pod_sandbox(&sandbox.id).await.map_err(text)?;
        }
        let view = PodView::read(&*runtime, uid).await.map_err(text)?;
        self.waiting.clear();
        if matches!(wanted, Wanted::Pod(_)) {
            self.publish_as(&pod, &view, true).await?;
        }
        self.clean_up(&pod, &view).await?;
        if matches!(wanted, Wanted::Pod(_)) {
            self.delete_object(&pod).await?;
        }
        Ok(())
    }

    async fn stop_containers(&mut self, pod: &Pod, view: &PodView) -> Result<(), String> {
        for run in view.live() {
            let name = &run.metadata.name;
            self.normal(
                pod,
                Some(name),
                "Killing",
                &format!("Stopping container {name}"),
            );
        }
        let mut wanted = self.updates();
        loop {
            let latest = wanted.borrow_and_update().clone();
            let grace = remaining_grace(&latest, self.shared.clock.wall());
            let runtime = &self.shared.runtime;
            let stops = view
                .live()
                .map(|run| runtime.stop_container(&run.id, grace));
            tokio::select! {
                stopped = join_all(stops) => {
                    return stopped.into_iter().collect::<Result<(), _>>().map_err(text);
                }
                // A second delete may have shortened the grace period: stop again, sooner. Once
                // the sender is gone nothing can shorten it, and the stop runs to its end.
                Ok(()) = wanted.changed() => {}
            }
        }
    }

    async fn clean_up(&mut self, pod: &Pod, view: &PodView) -> Result<(), String> {
        let (_, _, uid) = identity(pod);
        let options = &self.shared.options;
        for sandbox in &view.sandboxes {
            self.shared
                .runtime
                .remove_pod_sandbox(&sandbox.id)
                .await
                .map_err(text)?;
        }
        self.shared.network.teardown(uid).await.map_err(text)?;
        let paths = PodPaths::of(options, pod);
        volumes::teardown(&paths.root).map_err(text)?;
        let cgroup = resources::pod_cgroup(&options.cgroup_root, pod, uid);
        self.shared.cgroups.remove(&cgroup).map_err(text)?;
        remove_logs(&paths, pod, &options.log_dir).map_err(text)
    }

    async fn delete_object(&self, pod: &Pod) -> Result<(), String> {
        let (namespace, name, uid) = identity(pod);
        let options = DeleteOptions {
            grace_period_seconds: Some(0),
            preconditions: Some(Preconditions {
                uid: Some(uid.to_owned()),
                ..Preconditions::default()
            }),
            ..DeleteOptions::default()
        };
        let api = self.shared.client.typed::<Pod>().in_namespace(namespace);
        match api.delete(name, &options).await {
            Ok(_) => Ok(()),
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What is left of the grace period: it runs from the deletion, also across a restart of rk3s.
fn remaining_grace(wanted: &Wanted, now: jiff::Timestamp) -> Duration {
    let Wanted::Pod(pod) = wanted else {
        return LEAST_GRACE;
    };
    let metadata = &pod.metadata;
    let (Some(at), Some(grace)) = (
        &metadata.deletion_timestamp,
        metadata.deletion_grace_period_seconds,
    ) else {
        return super::act::grace(pod);
    };
    let grace = Duration::from_secs(grace.max(0).unsigned_abs());
    let left = Duration::try_from(at.0.duration_since(now)).unwrap_or_default();
    // The timestamp is in whole seconds: the last one counts in full.
    (left + Duration::from_secs(1)).min(grace).max(LEAST_GRACE)
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
