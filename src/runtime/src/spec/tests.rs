//! Whole bundles and plans, as they are written to disk.

use std::collections::BTreeMap;

use cri::{
    LinuxResources, Mount, MountPropagation, NamespaceOptions, SeccompProfile, SecurityContext,
};
use expect_test::{ExpectFile, expect_file};
use libcontainer::oci_spec::runtime::LinuxDeviceType;

use super::*;
use crate::cgroup::Hierarchies;

struct Fixture {
    sandbox: PodSandboxConfig,
    pod: PodResources,
    config: ContainerConfig,
    image: ImageConfig,
    user: User,
    devices: Vec<Node>,
    host: Host,
}

impl Fixture {
    fn new() -> Self {
        let state = |name: &str| PathBuf::from("/run/rk3s/pod").join(name);
        Self {
            sandbox: PodSandboxConfig {
                hostname: "web-0".into(),
                log_directory: "/var/log/pods/ns_web-0_uid".into(),
                cgroup_parent: "/kubepods/burstable/poduid".into(),
                netns: Some("/run/netns/web-0".into()),
                resolv_conf: Some("nameserver 10.43.0.10\n".into()),
                ..PodSandboxConfig::default()
            },
            pod: PodResources {
                ipc: Some(state("ipc")),
                uts: Some(state("uts")),
                shm: Some(state("shm")),
                hostname: state("hostname"),
                resolv_conf: Some(state("resolv.conf")),
            },
            config: ContainerConfig {
                log_path: "app/0.log".into(),
                ..ContainerConfig::default()
            },
            image: ImageConfig {
                entrypoint: vec!["/entry".into()],
                cmd: vec!["serve".into()],
                env: vec!["PATH=/opt/bin:/bin".into(), "LANG=C".into()],
                working_dir: "/srv".into(),
                ..ImageConfig::default()
            },
            user: User {
                uid: 0,
                gid: 0,
                groups: vec![0],
                home: "/root".into(),
            },
            devices: Vec::new(),
            host: Host {
                capabilities: (1 << 41) - 1,
                open_files: 524_288,
                cgroups: Hierarchies::Legacy(vec![(vec!["memory".into()], "/cg/memory".into())]),
            },
        }
    }

    fn bundle(&self) -> Result<Bundle, SpecError> {
        bundle(&Input {
            id: "c0ffee",
            sandbox: &self.sandbox,
            pod: &self.pod,
            config: &self.config,
            image: &self.image,
            user: &self.user,
            devices: &self.devices,
            seccomp_profile: None,
            host: &self.host,
        })
    }

    fn check(&self, expected: &ExpectFile) {
        let bundle = self.bundle().expect("a bundle");
        let mut plan = bundle.plan;
        if let Some(policy) = &mut plan.seccomp {
            // The default profile has a file and tests of its own.
            policy.rules.truncate(1);
            policy.rules[0].names.truncate(2);
        }
        let both = serde_json::json!({ "config": bundle.spec, "plan": plan });
        let text = serde_json::to_string_pretty(&both).expect("JSON");
        expected.assert_eq(&format!("{text}\n"));
    }
}

#[test]
fn a_container_that_asks_for_nothing() {
    Fixture::new().check(&expect_file!["golden/plain.json"]);
}

#[test]
fn a_container_that_asks_for_everything() {
    let mut fixture = Fixture::new();
    fixture.host.cgroups = Hierarchies::Unified("/sys/fs/cgroup".into());
    fixture.user = User {
        uid: 1000,
        gid: 2000,
        groups: vec![2000, 3000],
        home: "/home/u".into(),
    };
    fixture.devices = vec![Node {
        path: "/dev/fuse".into(),
        kind: LinuxDeviceType::C,
        major: 10,
        minor: 229,
        mode: 0o666,
        uid: 0,
        gid: 0,
        permissions: "rw".into(),
    }];
    let mount = |target: &str, propagation, readonly| Mount {
        container_path: target.into(),
        host_path: "/var/lib/kubelet/volume".into(),
        propagation,
        readonly,
        recursive_read_only: readonly,
    };
    fixture.config = ContainerConfig {
        command: vec!["sh".into(), "-c".into()],
        args: vec!["true".into()],
        working_dir: "work".into(),
        envs: vec![("LANG".into(), "de".into()), ("A".into(), "b=c".into())],
        mounts: vec![
            mount("/data/deep", MountPropagation::Bidirectional, false),
            mount("/data/", MountPropagation::HostToContainer, true),
            mount("/dev/shm", MountPropagation::Private, false),
        ],
        stdin: true,
        security: SecurityContext {
            add_capabilities: vec!["NET_ADMIN".into(), "MKNOD".into()],
            drop_capabilities: vec!["ALL".into()],
            readonly_rootfs: true,
            no_new_privs: true,
            seccomp: SeccompProfile::RuntimeDefault,
            masked_paths: vec!["/proc/kcore".into()],
            readonly_paths: vec!["/proc/sys".into()],
            ..SecurityContext::default()
        },
        resources: LinuxResources {
            cpu_period: Some(100_000),
            cpu_quota: Some(50_000),
            cpu_shares: Some(512),
            memory_limit_bytes: Some(1 << 26),
            oom_score_adj: Some(999),
            pids_limit: Some(100),
            hugepage_limits: BTreeMap::from([("2MB".into(), 1 << 21)]),
        },
        ..fixture.config
    };
    fixture.check(&expect_file!["golden/full.json"]);
}

#[test]
fn a_privileged_container_in_the_hosts_namespaces() {
    let mut fixture = Fixture::new();
    fixture.sandbox.netns = None;
    fixture.sandbox.namespaces = NamespaceOptions {
        network: NamespaceMode::Node,
        pid: NamespaceMode::Node,
        ipc: NamespaceMode::Node,
    };
    fixture.pod = PodResources {
        ipc: None,
        uts: None,
        shm: None,
        ..fixture.pod
    };
    fixture.config.security.privileged = true;
    fixture.config.security.pid = NamespaceMode::Node;
    fixture.config.security.seccomp = SeccompProfile::RuntimeDefault;
    fixture.check(&expect_file!["golden/privileged.json"]);
}

#[test]
fn what_cannot_be_done_is_refused() {
    type Change = fn(&mut Fixture);
    let refused = |change: Change| {
        let mut fixture = Fixture::new();
        change(&mut fixture);
        fixture.bundle().expect_err("refused").to_string()
    };
    let cases: [(Change, &str); 4] = [
        (
            |it| it.config.tty = true,
            "this runtime gives no terminal to a container yet",
        ),
        (
            |it| it.config.security.pid = NamespaceMode::Pod,
            "this runtime cannot share a process namespace between containers of a pod yet",
        ),
        (
            |it| it.image = ImageConfig::default(),
            "no command specified",
        ),
        (
            |it| it.config.security.seccomp = SeccompProfile::Localhost("/p".into()),
            "seccomp profile /p was not read",
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(refused(change), expected);
    }
}

/// Command and arguments of Pod and image, in all four combinations.
#[test]
fn the_pods_command_drops_the_images_arguments() {
    let cases: [(&[&str], &[&str], &[&str]); 4] = [
        (&[], &[], &["/entry", "serve"]),
        (&["sh"], &[], &["sh"]),
        (&[], &["x"], &["/entry", "x"]),
        (&["sh"], &["x"], &["sh", "x"]),
    ];
    for (command, args, expected) in cases {
        let mut fixture = Fixture::new();
        fixture.config.command = command.iter().map(|part| (*part).to_owned()).collect();
        fixture.config.args = args.iter().map(|part| (*part).to_owned()).collect();
        let spec = fixture.bundle().expect("a bundle").spec;
        let process = spec.process().as_ref().expect("a process");
        assert_eq!(process.args().as_deref().expect("arguments"), expected);
    }
}
