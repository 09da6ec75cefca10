//! Device nodes of the host that a container gets.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use libcontainer::oci_spec::runtime::{LinuxDevice, LinuxDeviceType};

/// A device node as the container will see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub path: PathBuf,
    pub kind: LinuxDeviceType,
    pub major: i64,
    pub minor: i64,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Some of `r`, `w`, `m`.
    pub permissions: String,
}

/// A device that cannot be given to a container.
#[derive(Debug, thiserror::Error)]
#[error("device {path}: {source}")]
pub struct DeviceError {
    pub path: PathBuf,
    pub source: io::Error,
}

impl Node {
    fn read(host: &Path, container: &Path, permissions: &str) -> io::Result<Self> {
        let meta = fs::metadata(host)?;
        let kind = if meta.file_type().is_block_device() {
            LinuxDeviceType::B
        } else if meta.file_type().is_char_device() {
            LinuxDeviceType::C
        } else {
            return Err(io::Error::other("not a device node"));
        };
        let number = meta.rdev();
        Ok(Self {
            path: container.to_owned(),
            kind,
            major: i64::from(rustix::fs::major(number)),
            minor: i64::from(rustix::fs::minor(number)),
            mode: meta.mode() & 0o7777,
            uid: meta.uid(),
            gid: meta.gid(),
            permissions: permissions.to_owned(),
        })
    }

    /// In the words of the OCI.
    #[must_use]
    pub fn to_oci(&self) -> LinuxDevice {
        let mut device = LinuxDevice::default();
        device
            .set_path(self.path.clone())
            .set_typ(self.kind)
            .set_major(self.major)
            .set_minor(self.minor)
            .set_file_mode(Some(self.mode))
            .set_uid(Some(self.uid))
            .set_gid(Some(self.gid));
        device
    }
}

/// The nodes that a configuration names; a directory stands for all nodes in it.
///
/// # Errors
/// [`DeviceError`] for one that is no device, or lies outside `/dev` in the container.
pub fn resolve(devices: &[cri::Device]) -> Result<Vec<Node>, DeviceError> {
    let mut nodes = Vec::new();
    for device in devices {
        let error = |source| DeviceError {
            path: device.host_path.clone(),
            source,
        };
        let target = Path::new(&device.container_path);
        if !target.starts_with("/dev") {
            return Err(error(io::Error::other(
                "its place in the container is not in /dev",
            )));
        }
        if device.host_path.is_dir() {
            collect(&device.host_path, target, &device.permissions, &mut nodes).map_err(error)?;
        } else {
            nodes.push(Node::read(&device.host_path, target, &device.permissions).map_err(error)?);
        }
    }
    Ok(nodes)
}

/// All device nodes of the host, for a privileged container.
///
/// # Errors
/// [`DeviceError`] when `/dev` cannot be read.
pub fn host_nodes() -> Result<Vec<Node>, DeviceError> {
    let root = Path::new("/dev");
    let mut nodes = Vec::new();
    collect(root, root, "rwm", &mut nodes).map_err(|source| DeviceError {
        path: root.to_owned(),
        source,
    })?;
    Ok(nodes)
}

/// Terminals, shared memory and message queues are the container's own.
const SKIPPED: &[&str] = &["pts", "shm", "fd", "mqueue", "console", "ptmx"];

fn collect(
    host: &Path,
    container: &Path,
    permissions: &str,
    nodes: &mut Vec<Node>,
) -> io::Result<()> {
    for entry in fs::read_dir(host)? {
        let entry = entry?;
        let name = entry.file_name();
        if SKIPPED.iter().any(|skipped| name == *skipped) {
            continue;
        }
        let kind = entry.file_type()?;
        let target = container.join(&name);
        if kind.is_dir() {
            collect(&entry.path(), &target, permissions, nodes)?;
        } else if kind.is_block_device() || kind.is_char_device() {
            match Node::read(&entry.path(), &target, permissions) {
                Ok(node) => nodes.push(node),
                // Nodes come and go while they are listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}
