//! What earlier runs of rk3s left behind of pods that the API does not know any more.

use std::collections::BTreeSet;
use std::path::Path;

use tracing::{info, warn};

use crate::shared::Shared;
use crate::volumes;

/// Removes everything of pods whose uid is not in `known`: sandboxes, addresses, directories,
/// cgroups. What cannot be removed is logged and tried again at the next start.
pub async fn remove(shared: &Shared, known: &[String]) {
    let unknown = |uid: &String| !known.contains(uid);
    let mut gone: BTreeSet<String> = BTreeSet::new();
    let sandboxes = match shared.runtime.list_pod_sandboxes().await {
        Ok(sandboxes) => sandboxes,
        Err(error) => return warn!(%error, "cannot look for what earlier runs left behind"),
    };
    for sandbox in sandboxes
        .iter()
        .filter(|sandbox| unknown(&sandbox.metadata.uid))
    {
        info!(
            pod = sandbox.metadata.name,
            uid = sandbox.metadata.uid,
            "removing a pod that is gone"
        );
        log(shared.runtime.stop_pod_sandbox(&sandbox.id).await);
        log(shared.runtime.remove_pod_sandbox(&sandbox.id).await);
        gone.insert(sandbox.metadata.uid.clone());
    }
    match shared.network.list().await {
        Ok(attached) => {
            gone.extend(attached.into_iter().map(|pod| pod.uid).filter(unknown));
        }
        Err(error) => warn!(%error, "cannot look for addresses of pods that are gone"),
    }
    let pods = shared.options.root_dir.join("pods");
    for entry in std::fs::read_dir(&pods)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
    {
        gone.extend(entry.file_name().into_string().ok().filter(unknown));
    }
    for uid in &gone {
        log(shared.network.teardown(uid).await);
        log(volumes::teardown(&pods.join(uid)));
    }
    for entry in std::fs::read_dir(&shared.options.log_dir)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
    {
        if pod_of_logs(&entry.path()).is_some_and(|uid| unknown(&uid)) {
            log(std::fs::remove_dir_all(entry.path()));
        }
    }
    for class in ["", "/burstable", "/besteffort"] {
        let parent = format!("{}{class}", shared.options.cgroup_root);
        for name in shared.cgroups.children(&parent) {
            let uid = name.strip_prefix("pod").map(str::to_owned);
            if uid.is_some_and(|uid| unknown(&uid)) {
                log(shared.cgroups.remove(&format!("{parent}/{name}")));
            }
        }
    }
}

fn log<E: std::fmt::Display>(outcome: Result<(), E>) {
    if let Err(error) = outcome {
        warn!(%error, "something of a pod that is gone is left until the next start");
    }
}

/// The uid in the name of a pod's log directory, `NS_NAME_UID`; other programs may keep other
/// things beside.
pub fn pod_of_logs(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let mut parts = name.split('_').skip(2);
    let uid = parts.next()?;
    (parts.next().is_none() && path.is_dir()).then(|| uid.to_owned())
}
