//! Making a container: record, root file system, bundle, and the shim's call.

use std::fs;
use std::path::{Component, Path};
use std::sync::Arc;

use cri::{ContainerConfig, Error, Result, SeccompProfile};
use image::ImageConfig;

use super::container::{self, Container, ROOTFS};
use super::record::ContainerRecord;
use super::runtime::Core;
use super::sandbox::{self, Sandbox};
use super::{blocking, internal, signal};
use crate::plan;
use crate::shim::PLAN;
use crate::shim::protocol::{Call, Reply};
use crate::spec::{self, Accounts, Bundle, Input};

/// An id like containerd's: 64 hexadecimal digits.
pub fn new_id() -> String {
    base::random::bytes::<32>()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Core {
    /// Makes a container and leaves nothing of it behind when that fails.
    pub async fn create(
        self: Arc<Self>,
        sandbox: Arc<Sandbox>,
        config: ContainerConfig,
    ) -> Result<String> {
        let _order = sandbox.order.lock().await;
        if !sandbox.is_ready() {
            let text = format!("pod sandbox {:?} is not ready", sandbox.id);
            return Err(Error::FailedPrecondition(text));
        }
        check(&config)?;
        let (core, pod) = (Arc::clone(&self), Arc::clone(&sandbox));
        let record = blocking(move || core.container_record(&pod, config)).await?;
        let id = record.id.clone();
        let directory = container::directory(&sandbox.directory, &id);
        let container = Arc::new(Container::new(record, directory, None));
        let (core, pod, made) = (
            Arc::clone(&self),
            Arc::clone(&sandbox),
            Arc::clone(&container),
        );
        let created = match blocking(move || core.prepare(&pod, &made)).await {
            Ok(()) => {
                // Before the call: what the shim tells about it must find it.
                sandbox.insert(Arc::clone(&container));
                self.create_in_shim(&sandbox, &id).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = created {
            sandbox.forget(&id);
            // A shim that died over it may have got as far as an init.
            self.end_group(&container.record.cgroup).await;
            if let Err(leftover) = self.clear_container(container).await {
                tracing::error!(id, %leftover, "clearing a container that could not be made");
            }
            return Err(error);
        }
        Ok(id)
    }

    /// Blocks.
    fn container_record(
        &self,
        sandbox: &Sandbox,
        config: ContainerConfig,
    ) -> Result<ContainerRecord> {
        let id = new_id();
        let pod = sandbox.config();
        let image = self.rootfs.image_config(&config.image_id)?;
        Ok(ContainerRecord {
            version: plan::VERSION,
            log_path: pod.log_directory.join(&config.log_path),
            cgroup: Path::new(&pod.cgroup_parent).join(&id),
            id,
            sandbox_id: sandbox.id.clone(),
            config,
            stop_signal: signal::number(&image.stop_signal),
        })
    }

    /// Everything on disk and mounted, for the shim to start from. Blocks.
    fn prepare(&self, sandbox: &Sandbox, container: &Container) -> Result<()> {
        let record = &container.record;
        let directory = &container.directory;
        let rootfs = directory.join(ROOTFS);
        fs::create_dir_all(&rootfs).map_err(internal("making the bundle"))?;
        let image = self.rootfs.image_config(&record.config.image_id)?;
        record
            .write(directory)
            .map_err(|error| Error::Internal(error.to_string()))?;
        let overlay = self.rootfs.prepare(&record.config.image_id, &record.id)?;
        overlay
            .mount(&rootfs)
            .map_err(internal("mounting the root file system"))?;
        let bundle = self.bundle(sandbox, record, &image, &rootfs)?;
        let spec = serde_json::to_vec(&bundle.spec)
            .map_err(|error| Error::Internal(format!("encoding the bundle: {error}")))?;
        fs::write(directory.join("config.json"), spec).map_err(internal("writing the bundle"))?;
        let plan = serde_json::to_vec(&bundle.plan)
            .map_err(|error| Error::Internal(format!("encoding the plan: {error}")))?;
        // Neither need be whole after a crash: the shim has not been told of them.
        fs::write(directory.join(PLAN), plan).map_err(internal("writing the plan"))
    }

    fn bundle(
        &self,
        sandbox: &Sandbox,
        record: &ContainerRecord,
        image: &ImageConfig,
        rootfs: &Path,
    ) -> Result<Bundle> {
        let config = &record.config;
        let invalid = |text: String| Error::InvalidArgument(text);
        let user = Accounts::read(rootfs)
            .resolve(&config.security, &image.user)
            .map_err(invalid)?;
        let devices = match config.security.privileged {
            true => spec::host_nodes(),
            false => spec::resolve(&config.devices),
        };
        let profile = match &config.security.seccomp {
            SeccompProfile::Localhost(path) => Some(fs::read_to_string(path).map_err(|error| {
                invalid(format!("seccomp profile {}: {error}", path.display()))
            })?),
            _ => None,
        };
        let pod = sandbox.config();
        let input = Input {
            id: &record.id,
            sandbox: &pod,
            pod: &sandbox::resources(&pod, &sandbox.directory),
            config,
            image,
            user: &user,
            devices: &devices.map_err(|error| invalid(error.to_string()))?,
            seccomp_profile: profile.as_deref(),
            host: &self.host,
        };
        let bundle = spec::bundle(&input).map_err(|error| invalid(error.to_string()))?;
        let process = bundle.spec.process().as_ref();
        if let Some(cwd) = process.map(libcontainer::oci_spec::runtime::Process::cwd) {
            spec::ensure_directory(rootfs, cwd, user.uid, user.gid).map_err(internal(
                format_args!("making the working directory {}", cwd.display()),
            ))?;
        }
        Ok(bundle)
    }

    async fn create_in_shim(&self, sandbox: &Sandbox, id: &str) -> Result<()> {
        if base::failpoint::at("runtime::bundle-ready").is_some() {
            return Err(Error::Internal("fail point".to_owned()));
        }
        match sandbox
            .client
            .call(Call::Create { id: id.to_owned() }, &[])
            .await
        {
            Ok(Reply::Container(state)) => {
                self.apply(sandbox, state);
                Ok(())
            }
            Ok(other) => Err(super::operations::unexpected("creating a container", other)),
            Err(gone) => Err(Error::Internal(gone.to_string())),
        }
    }

    /// Removes what the server made for a container; nothing of it may run any more.
    pub async fn clear_container(self: &Arc<Self>, container: Arc<Container>) -> Result<()> {
        let core = Arc::clone(self);
        blocking(move || {
            // The snapshot only once nothing is mounted on it.
            super::namespaces::unmount_all(&container.rootfs())
                .map_err(internal("unmounting a root file system"))?;
            core.rootfs.remove(&container.record.id)?;
            super::runtime::remove_directory(&container.directory, &[ROOTFS])
                .map_err(internal("removing a container's directory"))
        })
        .await
    }
}

fn check(config: &ContainerConfig) -> Result<()> {
    let inside = |path: &Path| {
        !path.as_os_str().is_empty()
            && path
                .components()
                .all(|part| matches!(part, Component::Normal(_)))
    };
    if !inside(&config.log_path) {
        let text = format!(
            "log path {} is not inside the pod's",
            config.log_path.display()
        );
        return Err(Error::InvalidArgument(text));
    }
    for mount in &config.mounts {
        let path = Path::new(&mount.container_path);
        if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
            let text = format!("mount path {:?} is not absolute", mount.container_path);
            return Err(Error::InvalidArgument(text));
        }
    }
    Ok(())
}
