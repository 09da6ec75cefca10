//! Carries out a plan: sandbox, images, containers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use api::core::{Container, Pod};
use network::PodRequest;

use super::config::{
    Ingredients, PodPaths, container, hostname, identity, is_host_network, sandbox, termination_log,
};
use super::plan::{Group, Plan, SandboxStep, Start};
use super::status::Waiting;
use super::view::{PodView, containers, init_containers};
use super::worker::{Worker, text};
use crate::env::PodFacts;
use crate::volumes::{self, VolumeCx};
use crate::{dns, resources};
use informer::EventType;

impl Worker {
    /// Does what the plan says; gives when to look again.
    pub(super) async fn act(
        &mut self,
        pod: &Pod,
        view: &PodView,
        plan: &Plan,
    ) -> Result<Option<Duration>, String> {
        for kill in &plan.kill {
            self.normal(pod, Some(&kill.name), "Killing", &kill.message);
            let grace = grace(pod);
            self.shared
                .runtime
                .stop_container(&kill.id, grace)
                .await
                .map_err(text)?;
        }
        let sandbox = match plan.sandbox {
            SandboxStep::Stop => {
                self.stop_sandboxes(pod, view).await?;
                return Ok(None);
            }
            SandboxStep::Create { attempt } => self.create_sandbox(pod, view, attempt).await?,
            SandboxStep::Keep => match view.ready_sandbox() {
                Some(sandbox) => sandbox.id.clone(),
                None => return Ok(None),
            },
        };
        if plan.start.is_empty() {
            return Ok(None);
        }
        let volumes = self.volumes(pod).await?;
        let mut next: Option<Duration> = None;
        for start in &plan.start {
            let specs = match start.group {
                Group::Init => init_containers(pod),
                Group::Regular => containers(pod),
            };
            let Some(spec) = specs.get(start.index) else {
                continue;
            };
            match self.start(pod, spec, start, &sandbox, &volumes).await {
                Ok(()) => {
                    self.waiting.remove(&spec.name);
                }
                Err(failure) => {
                    self.waiting.insert(spec.name.clone(), failure.waiting);
                    next = Some(next.map_or(failure.retry_in, |n| n.min(failure.retry_in)));
                }
            }
        }
        Ok(next)
    }

    /// Stops a finished pod's sandbox and frees its address; the containers stay for their logs.
    async fn stop_sandboxes(&mut self, pod: &Pod, view: &PodView) -> Result<(), String> {
        for sandbox in &view.sandboxes {
            self.shared
                .runtime
                .stop_pod_sandbox(&sandbox.id)
                .await
                .map_err(text)?;
        }
        self.shared
            .network
            .teardown(identity(pod).2)
            .await
            .map_err(text)
    }

    async fn create_sandbox(
        &mut self,
        pod: &Pod,
        view: &PodView,
        attempt: u32,
    ) -> Result<String, String> {
        for old in &view.sandboxes {
            self.shared
                .runtime
                .stop_pod_sandbox(&old.id)
                .await
                .map_err(text)?;
        }
        let made = self.try_create_sandbox(pod, attempt).await;
        if let Err(why) = &made {
            let text = format!("Failed to create pod sandbox: {why}");
            self.warning(pod, None, "FailedCreatePodSandBox", &text);
        }
        made
    }

    async fn try_create_sandbox(&mut self, pod: &Pod, attempt: u32) -> Result<String, String> {
        let shared = self.shared.clone();
        let (namespace, name, uid) = identity(pod);
        let paths = PodPaths::of(&shared.options, pod);
        std::fs::create_dir_all(&paths.logs).map_err(text)?;
        std::fs::create_dir_all(&paths.root).map_err(text)?;
        let cgroup = resources::pod_cgroup(&shared.options.cgroup_root, pod, uid);
        shared
            .cgroups
            .create(&cgroup, &resources::pod_limits(pod))
            .map_err(text)?;
        let mut netns = None;
        if is_host_network(pod) {
            self.pod_ips = vec![shared.options.node_ip.to_string()];
        } else {
            let request = PodRequest {
                uid: uid.to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            };
            let attachment = shared.network.setup(request).await.map_err(text)?;
            self.pod_ips = attachment.ips.iter().map(ToString::to_string).collect();
            netns = Some(attachment.netns);
        }
        self.write_hosts(pod, &paths).map_err(text)?;
        // A node without a resolv.conf has nothing to pass on.
        let node = std::fs::read_to_string(&shared.options.resolv_conf).unwrap_or_default();
        let resolv_conf = dns::resolv_conf(&shared.options, pod, &node);
        let config = sandbox(&shared.options, pod, attempt, netns, resolv_conf);
        shared.runtime.run_pod_sandbox(config).await.map_err(text)
    }

    fn write_hosts(&self, pod: &Pod, paths: &PodPaths) -> std::io::Result<()> {
        let spec = pod.spec.as_ref();
        let aliases = spec
            .and_then(|spec| spec.host_aliases.clone())
            .unwrap_or_default();
        let namespace = identity(pod).0;
        let subdomain = spec
            .and_then(|spec| spec.subdomain.as_deref())
            .unwrap_or_default();
        let domain = if subdomain.is_empty() {
            String::new()
        } else {
            format!(
                "{subdomain}.{namespace}.svc.{}",
                self.shared.options.cluster_domain
            )
        };
        let hostname = hostname(&self.shared.options, pod);
        let hosts = dns::hosts(&self.pod_ips, &hostname, &domain, &aliases);
        std::fs::write(paths.etc_hosts(), hosts)
    }

    async fn volumes(&self, pod: &Pod) -> Result<BTreeMap<String, PathBuf>, String> {
        let directory = PodPaths::of(&self.shared.options, pod).root.join("volumes");
        let facts = self.facts(pod);
        let cx = VolumeCx {
            facts: &facts,
            references: &*self.shared.references,
            directory: &directory,
        };
        let volumes = pod.spec.as_ref().and_then(|spec| spec.volumes.as_deref());
        let mounted = volumes::setup(volumes.unwrap_or_default(), &cx).await;
        mounted.map_err(|error| {
            self.warning(pod, None, "FailedMount", &error.to_string());
            error.to_string()
        })
    }

    fn facts<'a>(&'a self, pod: &'a Pod) -> PodFacts<'a> {
        PodFacts {
            pod,
            pod_ips: &self.pod_ips,
            host_ip: &self.shared.options.host_ip,
            allocatable: &self.shared.allocatable,
        }
    }

    async fn start(
        &mut self,
        pod: &Pod,
        spec: &Container,
        start: &Start,
        sandbox: &str,
        volumes: &BTreeMap<String, PathBuf>,
    ) -> Result<(), Failure> {
        let image = self.ensure_image(pod, spec).await?;
        let shared = self.shared.clone();
        let paths = PodPaths::of(&shared.options, pod);
        let ingredients = Ingredients {
            options: &shared.options,
            facts: self.facts(pod),
            references: &*shared.references,
            image: &image,
            attempt: start.attempt,
            volumes,
        };
        let config = container(spec, &ingredients).await;
        let config = config.map_err(|e| self.failed(pod, spec, "CreateContainerConfigError", e))?;
        make_termination_log(&paths, &spec.name, start.attempt)
            .map_err(|e| self.failed(pod, spec, "CreateContainerError", e))?;
        let id = shared.runtime.create_container(sandbox, config).await;
        let id = id.map_err(|e| self.failed(pod, spec, "CreateContainerError", e))?;
        self.normal(pod, Some(&spec.name), "Created", "Container created");
        self.restarts.restarted(&spec.name, shared.clock.wall());
        link_log(&shared.options.log_dir, pod, &spec.name, start.attempt, &id);
        let started = shared.runtime.start_container(&id).await;
        started.map_err(|e| self.failed(pod, spec, "RunContainerError", e))?;
        self.normal(pod, Some(&spec.name), "Started", "Container started");
        Ok(())
    }

    /// A step failed: the event, and what the status says until the next try.
    pub(super) fn failed(
        &self,
        pod: &Pod,
        spec: &Container,
        reason: &str,
        why: impl std::fmt::Display,
    ) -> Failure {
        let message = why.to_string();
        self.warning(
            pod,
            Some(&spec.name),
            "Failed",
            &format!("Error: {message}"),
        );
        Failure {
            waiting: Waiting {
                reason: reason.to_owned(),
                message,
            },
            retry_in: Duration::from_secs(10),
        }
    }

    pub(super) fn normal(&self, pod: &Pod, container: Option<&str>, reason: &str, text: &str) {
        self.shared
            .events
            .event(pod, container, EventType::Normal, reason, text);
    }

    pub(super) fn warning(&self, pod: &Pod, container: Option<&str>, reason: &str, text: &str) {
        self.shared
            .events
            .event(pod, container, EventType::Warning, reason, text);
    }
}

/// A container could not be started this time.
pub(super) struct Failure {
    pub waiting: Waiting,
    pub retry_in: Duration,
}

/// `terminationGracePeriodSeconds`.
pub(super) fn grace(pod: &Pod) -> Duration {
    let seconds = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.termination_grace_period_seconds);
    Duration::from_secs(seconds.unwrap_or(30).max(0).unsigned_abs())
}

fn make_termination_log(paths: &PodPaths, name: &str, attempt: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let file = termination_log(paths, name, attempt);
    std::fs::create_dir_all(paths.container(name))?;
    std::fs::write(&file, b"")?;
    // Any user of the container may write its last words.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666))
}

/// `/var/log/containers/NAME_NS_CONTAINER-<id>.log`, where log shippers look.
fn link_log(log_dir: &std::path::Path, pod: &Pod, name: &str, attempt: u32, id: &str) {
    let (namespace, pod_name, uid) = identity(pod);
    let Some(parent) = log_dir.parent() else {
        return;
    };
    let links = parent.join("containers");
    let link = links.join(format!("{pod_name}_{namespace}_{name}-{id}.log"));
    let target = log_dir.join(format!("{namespace}_{pod_name}_{uid}/{name}/{attempt}.log"));
    let linked =
        std::fs::create_dir_all(&links).and_then(|()| std::os::unix::fs::symlink(target, &link));
    if let Err(error) = linked {
        tracing::debug!(link = %link.display(), %error, "no link to the container's log");
    }
}
