//! A pod's sandbox: made with its directories, cgroup and network, and given back when the pod
//! has finished.

use api::core::Pod;
use network::PodRequest;
use tracing::debug;

use super::config::{PodPaths, hostname, identity, is_host_network, sandbox};
use super::view::PodView;
use super::worker::{RoundError, Worker};
use crate::{dns, resources, volumes};

impl Worker {
    pub(super) async fn create_sandbox(
        &mut self,
        pod: &Pod,
        view: &PodView,
        attempt: u32,
    ) -> Result<String, RoundError> {
        if !view.sandboxes.is_empty() {
            let text = "Pod sandbox changed, it will be killed and re-created.";
            self.normal(pod, None, "SandboxChanged", text);
        }
        for old in &view.sandboxes {
            self.shared.runtime.stop_pod_sandbox(&old.id).await?;
        }
        self.released = false;
        let made = self.try_create_sandbox(pod, attempt).await;
        if let Err(why) = &made {
            let text = format!("Failed to create pod sandbox: {why}");
            self.warning(pod, None, "FailedCreatePodSandBox", &text);
        }
        made
    }

    async fn try_create_sandbox(&mut self, pod: &Pod, attempt: u32) -> Result<String, RoundError> {
        if pod.spec.as_ref().and_then(|spec| spec.host_users) == Some(false) {
            let why = "spec.hostUsers: false is not supported by rk3s yet: remove it to run the pod \
                       with the host's user ids";
            return Err(RoundError::Unsupported(why));
        }
        let shared = self.shared.clone();
        let (namespace, name, uid) = identity(pod);
        let paths = PodPaths::of(&shared.options, pod);
        std::fs::create_dir_all(&paths.logs)?;
        std::fs::create_dir_all(&paths.root)?;
        let cgroup = resources::pod_cgroup(&shared.options.cgroup_root, pod, uid);
        shared
            .cgroups
            .create(&cgroup, &resources::pod_limits(pod))?;
        let mut netns = None;
        if is_host_network(pod) {
            self.pod_ips = vec![shared.options.node_ip.to_string()];
        } else {
            let request = PodRequest {
                uid: uid.to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            };
            let attachment = shared.network.setup(request).await?;
            self.pod_ips = attachment.ips.iter().map(ToString::to_string).collect();
            netns = Some(attachment.netns);
        }
        // A node without a resolv.conf has nothing to pass on.
        let node = std::fs::read_to_string(&shared.options.resolv_conf).unwrap_or_default();
        let resolv_conf = dns::resolv_conf(&shared.options, pod, &node);
        let config = sandbox(&shared.options, pod, attempt, netns, resolv_conf);
        Ok(shared.runtime.run_pod_sandbox(config).await?)
    }

    /// The file that containers see as `/etc/hosts`.
    pub(super) fn write_hosts(&self, pod: &Pod, paths: &PodPaths) -> std::io::Result<()> {
        let spec = pod.spec.as_ref();
        let aliases = spec.and_then(|spec| spec.host_aliases.clone());
        let aliases = aliases.unwrap_or_default();
        let hosts = if is_host_network(pod) {
            // A node without a hosts file has nothing to pass on.
            let node = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
            dns::node_hosts(&node, &aliases)
        } else {
            let subdomain = spec.and_then(|spec| spec.subdomain.as_deref());
            let domain = match subdomain.unwrap_or_default() {
                "" => String::new(),
                subdomain => {
                    let (namespace, cluster) =
                        (identity(pod).0, &self.shared.options.cluster_domain);
                    format!("{subdomain}.{namespace}.svc.{cluster}")
                }
            };
            let hostname = hostname(&self.shared.options, pod);
            dns::hosts(&self.pod_ips, &hostname, &domain, &aliases)
        };
        std::fs::write(paths.etc_hosts(), hosts)
    }

    /// Gives back what a finished pod holds of the node, but for its containers' logs and last
    /// words.
    pub(super) async fn release(&mut self, pod: &Pod, view: &PodView) -> Result<(), RoundError> {
        if self.released {
            return Ok(());
        }
        let shared = &self.shared;
        for sandbox in &view.sandboxes {
            shared.runtime.stop_pod_sandbox(&sandbox.id).await?;
        }
        let uid = identity(pod).2;
        shared.network.teardown(uid).await?;
        volumes::teardown(&PodPaths::of(&shared.options, pod).root.join("volumes"))?;
        let cgroup = resources::pod_cgroup(&shared.options.cgroup_root, pod, uid);
        if let Err(error) = shared.cgroups.remove(&cgroup) {
            // The pod's removal tries again, and insists.
            debug!(pod = pod.metadata.name, %error, "a finished pod's cgroup is left until its deletion");
        }
        self.holds.end();
        self.released = true;
        Ok(())
    }
}
