//! Runs that the runtime has lost (a reboot, a cleared directory), as the API remembers them.
//!
//! Without them a finished pod would run again after a reboot, and restart counts would fall.

use std::collections::BTreeMap;

use api::core::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod};
use cri::ContainerMetadata;

use super::view::PodView;

/// Reason and text of a run whose end nobody saw (events-and-timing §6).
pub const LOST: &str = "ContainerStatusUnknown";
pub const LOST_EXIT_CODE: i32 = 137;
const USED_TO_RUN: &str = "The container could not be located when the pod was deleted.  The \
                           container used to be Running";

impl PodView {
    /// Adds the last run of each container that the API knows a run of and the runtime does not.
    pub fn recall(&mut self, pod: &Pod) {
        let Some(status) = &pod.status else { return };
        let init = status.init_container_statuses.iter().flatten();
        for known in init.chain(status.container_statuses.iter().flatten()) {
            if self.newest(&known.name).is_none()
                && let Some(run) = lost_run(known)
            {
                self.containers.push(run);
            }
        }
    }
}

fn lost_run(known: &ContainerStatus) -> Option<cri::ContainerStatus> {
    let id = known.container_id.as_deref()?;
    let id = id.split_once("://").map_or(id, |(_, id)| id);
    let end = end(known)?;
    let started_at = end.started_at.map(|time| time.0);
    Some(cri::ContainerStatus {
        id: id.to_owned(),
        pod_sandbox_id: String::new(),
        metadata: ContainerMetadata {
            name: known.name.clone(),
            attempt: u32::try_from(known.restart_count).unwrap_or_default(),
        },
        state: cri::ContainerState::Exited,
        created_at: started_at.unwrap_or_default(),
        started_at,
        finished_at: end.finished_at.map(|time| time.0),
        exit_code: end.exit_code,
        signal: end.signal,
        image: known.image.clone(),
        image_id: known.image_id.clone(),
        reason: end.reason.unwrap_or_default(),
        message: end.message.unwrap_or_default(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        log_path: std::path::PathBuf::new(),
        pid: None,
    })
}

/// How the last run ended; one that was running ended unseen, one that only waits never began.
fn end(known: &ContainerStatus) -> Option<ContainerStateTerminated> {
    let terminated =
        |state: &Option<ContainerState>| state.as_ref().and_then(|state| state.terminated.clone());
    let running = known.state.as_ref().and_then(|state| state.running.clone());
    let unseen = running.map(|running| ContainerStateTerminated {
        exit_code: LOST_EXIT_CODE,
        reason: Some(LOST.to_owned()),
        message: Some(USED_TO_RUN.to_owned()),
        started_at: running.started_at,
        ..ContainerStateTerminated::default()
    });
    let ended = terminated(&known.state).or(unseen);
    ended.or_else(|| terminated(&known.last_state))
}
