//! What is mounted in a container, in order.

use std::path::{Component, Path, PathBuf};

use cri::MountPropagation;
use libcontainer::oci_spec::runtime::Mount;

use super::Input;
use crate::cgroup::Hierarchies;

/// All mounts: the kernel's file systems, the pod's files, then the configuration's, parents
/// before children. A configured mount replaces one of ours at the same place.
pub fn all(input: &Input<'_>) -> Vec<Mount> {
    let mut own: Vec<(Mount, PathBuf)> = Vec::new();
    for mount in &input.config.mounts {
        own.push((configured(mount), normal(&mount.container_path)));
    }
    own.sort_by_key(|(_, path)| path.components().count());
    let replaced = |path: &Path| own.iter().any(|(_, other)| other == path);
    let mut mounts: Vec<Mount> = system(input)
        .into_iter()
        .filter(|mount| !replaced(mount.destination()))
        .collect();
    mounts.extend(own.into_iter().map(|(mount, _)| mount));
    mounts
}

/// A path as mounts compare it: absolute, without `.` and doubled slashes.
fn normal(path: &str) -> PathBuf {
    let parts = Path::new(path).components();
    let inner = parts.filter(|part| !matches!(part, Component::RootDir | Component::CurDir));
    std::iter::once(Component::RootDir).chain(inner).collect()
}

fn system(input: &Input<'_>) -> Vec<Mount> {
    let privileged = input.config.security.privileged;
    let writable = if privileged { "rw" } else { "ro" };
    let mut mounts = vec![
        mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
        mount(
            "/dev",
            "tmpfs",
            "tmpfs",
            &["nosuid", "strictatime", "mode=755", "size=65536k"],
        ),
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            &[
                "nosuid",
                "noexec",
                "newinstance",
                "ptmxmode=0666",
                "mode=0620",
                "gid=5",
            ],
        ),
        mount(
            "/dev/mqueue",
            "mqueue",
            "mqueue",
            &["nosuid", "noexec", "nodev"],
        ),
        mount(
            "/sys",
            "sysfs",
            "sysfs",
            &["nosuid", "noexec", "nodev", writable],
        ),
        mount(
            "/sys/fs/cgroup",
            "cgroup",
            "cgroup",
            &cgroup_options(input, writable),
        ),
    ];
    match &input.pod.shm {
        Some(shm) => mounts.push(bind("/dev/shm", shm, &["rw", "nosuid", "nodev", "noexec"])),
        None => mounts.push(bind("/dev/shm", Path::new("/dev/shm"), &["rw"])),
    }
    let file_access = if input.config.security.readonly_rootfs {
        "ro"
    } else {
        "rw"
    };
    mounts.push(bind("/etc/hostname", &input.pod.hostname, &[file_access]));
    if let Some(file) = &input.pod.resolv_conf {
        mounts.push(bind("/etc/resolv.conf", file, &[file_access]));
    }
    mounts
}

fn cgroup_options<'a>(input: &Input<'_>, writable: &'a str) -> Vec<&'a str> {
    let mut options = vec!["nosuid", "noexec", "nodev", "relatime", writable];
    if matches!(input.host.cgroups, Hierarchies::Unified(_)) {
        options.retain(|option| *option != "relatime");
    }
    options
}

fn configured(mount: &cri::Mount) -> Mount {
    let propagation = match mount.propagation {
        MountPropagation::Private => "rprivate",
        MountPropagation::HostToContainer => "rslave",
        MountPropagation::Bidirectional => "rshared",
    };
    let access = match (mount.readonly, mount.recursive_read_only) {
        (true, true) => "rro",
        (true, false) => "ro",
        (false, _) => "rw",
    };
    let target = normal(&mount.container_path);
    bind(&target, &mount.host_path, &[propagation, access])
}

fn bind(target: impl AsRef<Path>, source: &Path, options: &[&str]) -> Mount {
    let mut mount = mount(target, "bind", source, &["rbind"]);
    let mut all = vec!["rbind".to_owned()];
    all.extend(options.iter().map(|option| (*option).to_owned()));
    mount.set_options(Some(all));
    mount
}

fn mount(
    target: impl AsRef<Path>,
    kind: &str,
    source: impl AsRef<Path>,
    options: &[&str],
) -> Mount {
    let mut mount = Mount::default();
    mount
        .set_destination(target.as_ref().to_owned())
        .set_typ(Some(kind.to_owned()))
        .set_source(Some(source.as_ref().to_owned()))
        .set_options(Some(
            options.iter().map(|option| (*option).to_owned()).collect(),
        ))
        .set_uid_mappings(None)
        .set_gid_mappings(None);
    mount
}
