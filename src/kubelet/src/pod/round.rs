//! One round of a pod worker: look, decide, act, look again, and say how it stands.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::core::Pod;
use jiff::{SignedDuration, Timestamp};
use tracing::debug;

use super::config::{PodPaths, identity, is_host_network, termination_log};
use super::plan::{Plan, SandboxStep, Situation, plan};
use super::publish::publish;
use super::start::log_link;
use super::status::{Facts, Waiting, compute, is_terminal};
use super::termination;
use super::view::PodView;
use super::worker::{RoundError, Worker, earliest};
use crate::logs;

impl Worker {
    pub(super) async fn round(&mut self, pod: &Arc<Pod>) -> Result<Option<Duration>, RoundError> {
        let pod = self.newest(pod);
        let view = self.look(&pod).await?;
        let running = view
            .live()
            .filter(|run| run.state == cri::ContainerState::Running);
        for run in running {
            // A start whose answer was lost may have succeeded.
            self.holds.release(&run.metadata.name);
        }
        let now = self.shared.clock.wall();
        let deadline = self.check_deadline(&pod, now);
        let probes = self.probes.verdicts(&pod, &view);
        let plan = plan(&Situation {
            pod: &pod,
            view: &view,
            restarts: &self.restarts,
            probes: &probes,
            over: self.failed.is_some(),
            now,
        });
        self.note_crash_loops(&pod, &plan);
        if plan.sandbox != SandboxStep::Keep || !plan.start.is_empty() {
            // Containers run while the API is away; what it missed is written below.
            if let Err(error) = self.publish(&pod, &view, false).await {
                debug!(pod = pod.metadata.name, %error, "the status waits");
            }
        }
        let acted = self.act(&pod, &view, &plan).await;
        let view = self.look(&pod).await?;
        let published = self.publish(&pod, &view, false).await;
        self.remove_old_runs(&pod, &view).await;
        let next = earliest(acted?, plan.again_after);
        published?;
        Ok(earliest(next, deadline))
    }

    /// What there is of the pod; its probes are started and stopped to match.
    pub(super) async fn look(&mut self, pod: &Pod) -> Result<PodView, RoundError> {
        let uid = identity(pod).2;
        let mut view = PodView::read(&*self.shared.runtime, uid).await?;
        termination::read_messages(&mut view, pod, &PodPaths::of(&self.shared.options, pod));
        view.recall(pod);
        self.recover(pod, &view).await;
        self.probes.follow(pod, &view, &self.pod_ips);
        Ok(view)
    }

    /// After a restart of rk3s: addresses are those that the network remembers, back-offs those
    /// that the runs show.
    async fn recover(&mut self, pod: &Pod, view: &PodView) {
        if !std::mem::replace(&mut self.recovered, true) {
            for run in view
                .containers
                .iter()
                .filter(|run| run.metadata.attempt > 0)
            {
                let name = &run.metadata.name;
                let newest = view.newest(name).is_some_and(|newest| newest.id == run.id);
                if newest {
                    let before = view.runs(name).nth(1).and_then(|run| run.finished_at);
                    self.restarts.recover(name, run.created_at, before);
                }
            }
        }
        if !self.pod_ips.is_empty() || view.ready_sandbox().is_none() {
            return;
        }
        if is_host_network(pod) {
            self.pod_ips = vec![self.shared.options.node_ip.to_string()];
            return;
        }
        match self.shared.network.check(identity(pod).2).await {
            Ok(attachment) => {
                self.pod_ips = attachment.ips.iter().map(ToString::to_string).collect();
            }
            Err(error) => debug!(pod = pod.metadata.name, %error, "a pod without addresses"),
        }
    }

    /// `activeDeadlineSeconds`: how long is left; past it the pod fails.
    fn check_deadline(&mut self, pod: &Pod, now: Timestamp) -> Option<Duration> {
        let seconds = pod.spec.as_ref()?.active_deadline_seconds?;
        let began = pod.status.as_ref()?.start_time.as_ref()?.0;
        let end = began
            .saturating_add(SignedDuration::from_secs(seconds))
            .ok()?;
        if self.failed.is_some() || is_terminal(api::pod::phase(pod)) {
            return None;
        }
        let left = Duration::try_from(end.duration_since(now)).unwrap_or_default();
        if !left.is_zero() {
            return Some(left);
        }
        let text = "Pod was active on the node longer than the specified deadline";
        self.normal(pod, None, "DeadlineExceeded", text);
        self.failed = Some(Waiting {
            reason: "DeadlineExceeded".to_owned(),
            message: text.to_owned(),
        });
        None
    }

    /// An event when a back-off begins, not each time somebody looks.
    fn note_crash_loops(&mut self, pod: &Pod, plan: &Plan) {
        let (namespace, name, uid) = identity(pod);
        let place = format!("{name}_{namespace}({uid})");
        let message = |container: &String| {
            let delay = crate::duration::go(self.restarts.delay(container));
            let text =
                format!("back-off {delay} restarting failed container={container} pod={place}");
            (container.clone(), text)
        };
        let crash_loops = plan.backing_off.keys().map(message).collect();
        for container in self.holds.set_crash_loops(crash_loops) {
            let text = format!("Back-off restarting failed container {container} in pod {place}");
            self.warning(pod, Some(&container), "BackOff", &text);
        }
    }

    /// Writes the status when it differs from what the API has. `stopped`: nothing can run any
    /// more.
    pub(super) async fn publish(
        &mut self,
        pod: &Arc<Pod>,
        view: &PodView,
        stopped: bool,
    ) -> Result<(), RoundError> {
        let base = self.newest(pod);
        let status = compute(
            &base,
            &Facts {
                view,
                waiting: self.holds.waiting(),
                probes: &self.probes.verdicts(&base, view),
                pod_ips: &self.pod_ips,
                host_ip: &self.shared.options.host_ip,
                failed: self.failed.as_ref(),
                stopped,
                now: self.shared.clock.wall(),
            },
        );
        if status.phase.as_deref() == Some("Running")
            && let Some(seen_at) = self.seen_at.take()
            && api::pod::phase(&base) != "Running"
        {
            let now = self.shared.clock.monotonic();
            self.shared.metrics.started(now.saturating_sub(seen_at));
        }
        if let Some(answer) = publish(&self.shared.client, &base, &status).await? {
            self.written = Some(Arc::new(answer));
        }
        Ok(())
    }

    /// Keeps the newest run of each container and the one before, as `logs --previous` needs, and
    /// dead sandboxes only while they hold one of these.
    async fn remove_old_runs(&self, pod: &Pod, view: &PodView) {
        let runtime = &self.shared.runtime;
        let paths = PodPaths::of(&self.shared.options, pod);
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        let mut holding: Vec<&str> = Vec::new();
        for run in &view.containers {
            let count = seen.entry(&run.metadata.name).or_default();
            *count += 1;
            if *count <= 2 || run.state != cri::ContainerState::Exited {
                holding.push(&run.pod_sandbox_id);
                continue;
            }
            if let Err(error) = runtime.remove_container(&run.id).await {
                debug!(container = run.id, %error, "an old run is left to the next round");
                continue;
            }
            // Its files go with it: nothing refers to them any more.
            let (name, attempt) = (&run.metadata.name, run.metadata.attempt);
            let link = log_link(&self.shared.options.log_dir, pod, name, &run.id);
            // Without a directory there is no log.
            let mut files = logs::files(&run.log_path).unwrap_or_default();
            files.push(termination_log(&paths, name, attempt));
            files.extend(link);
            for file in files {
                if let Err(error) = std::fs::remove_file(&file) {
                    debug!(file = %file.display(), %error, "a file of an old run stays");
                }
            }
        }
        for sandbox in view.sandboxes.iter().skip(1) {
            if !holding.contains(&sandbox.id.as_str())
                && let Err(error) = runtime.remove_pod_sandbox(&sandbox.id).await
            {
                debug!(sandbox = sandbox.id, %error, "an old sandbox is left to the next round");
            }
        }
    }
}
