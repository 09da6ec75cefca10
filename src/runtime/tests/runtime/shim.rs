//! The shim as a process.

use std::fs;
use std::time::Duration;

use cri::{Mount, MountPropagation, NamespaceMode, RuntimeService, SeccompProfile};

use crate::host::Host;

/// `Name:  12 kB` of a process' status, in kB.
fn kilobytes(pid: i32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("readable");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .expect("a field");
    line.trim_start_matches(':')
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shim_is_small_single_threaded_and_its_own_session() {
    let host = Host::new();
    let runtime = host.open().await;
    let subject = host.subject(&runtime);
    let sandbox = subject.run_sandbox("small").await;
    let id = subject
        .run_container(&sandbox, subject.container("app", &["/bin/sleep", "1000"]))
        .await;
    for _ in 0..5 {
        runtime
            .exec_sync(&id, vec!["true".into()], None)
            .await
            .expect("exec");
    }
    let [shim] = host.shims()[..] else {
        panic!("one shim per pod: {:?}", host.shims())
    };
    assert_eq!(kilobytes(shim, "Threads"), 1);
    let anonymous = kilobytes(shim, "RssAnon");
    println!("a shim's RssAnon: {anonymous} kB");
    assert!(
        anonymous <= 200,
        "a shim's private memory is {anonymous} kB"
    );
    let session = rustix::process::getsid(rustix::process::Pid::from_raw(shim)).expect("alive");
    assert_eq!(session.as_raw_nonzero().get(), shim);
    let init = subject.status(&id).await.pid.expect("it runs");
    let stat = fs::read_to_string(format!("/proc/{init}/stat")).expect("readable");
    let parent = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().nth(1));
    assert_eq!(parent, Some(&*shim.to_string()));
    subject.remove(&sandbox).await;
    host.assert_clean();
}

/// CVE-2019-5736: `/proc/<init>/exe` of a created container is the shim's program.
#[tokio::test(flavor = "multi_thread")]
async fn the_shims_program_cannot_be_written_through_a_container() {
    let host = Host::new();
    let runtime = host.open().await;
    let subject = host.subject(&runtime);
    let sandbox = subject.run_sandbox("sealed").await;
    let created = runtime
        .create_container(&sandbox, subject.container("app", &["/bin/true"]))
        .await;
    let init = subject
        .status(&created.expect("created"))
        .await
        .pid
        .expect("it waits");
    // Truncation asks the mount first; without it the answer is that the file is busy, which
    // would end with the last shim. It is busy, so it cannot be harmed here.
    let exe = format!("/proc/{init}/exe");
    let error = fs::OpenOptions::new().write(true).truncate(true).open(exe);
    let error = error.expect_err("it opened for writing");
    assert_eq!(
        error.kind(),
        std::io::ErrorKind::ReadOnlyFilesystem,
        "{error}"
    );
    subject.remove(&sandbox).await;
    host.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_are_shared_as_asked() {
    let host = Host::new();
    let runtime = host.open().await;
    let subject = host.subject(&runtime);
    let mut pod = subject.sandbox("shared");
    pod.sysctls = [("kernel.shm_rmid_forced".to_owned(), "1".to_owned())].into();
    let sandbox = runtime.run_pod_sandbox(pod).await.expect("a sandbox runs");
    let first = subject.container("a", &["/bin/sleep", "1000"]);
    let mut second = subject.container("b", &["/bin/sleep", "1000"]);
    second.security.pid = NamespaceMode::Node;
    let first = subject.run_container(&sandbox, first).await;
    let second = subject.run_container(&sandbox, second).await;
    let pids = [
        subject.status(&first).await.pid,
        subject.status(&second).await.pid,
    ];
    let [first_pid, second_pid] = pids.map(|pid| pid.expect("it runs"));
    let me = i32::try_from(std::process::id()).expect("pids fit");
    let namespace = |pid: i32, kind: &str| {
        fs::read_link(format!("/proc/{pid}/ns/{kind}")).expect("a namespace")
    };
    for (kind, with_each_other, with_host) in [
        ("ipc", true, false),
        ("net", true, true),
        ("mnt", false, false),
        ("pid", false, false),
    ] {
        let (one, two, ours) = (
            namespace(first_pid, kind),
            namespace(second_pid, kind),
            namespace(me, kind),
        );
        assert_eq!(one == two, with_each_other, "{kind}");
        assert_eq!(one == ours, with_host, "{kind}");
    }
    assert_eq!(namespace(second_pid, "pid"), namespace(me, "pid"));
    let exec = async |id: &str, script: &str| {
        let command = vec!["sh".into(), "-c".into(), script.into()];
        let result = runtime.exec_sync(id, command, None).await.expect("exec");
        String::from_utf8(result.stdout).expect("text")
    };
    exec(&first, "echo shared > /dev/shm/file").await;
    assert_eq!(exec(&second, "cat /dev/shm/file").await, "shared\n");
    assert_eq!(
        exec(&first, "cat /proc/sys/kernel/shm_rmid_forced").await,
        "1\n"
    );
    assert_eq!(
        fs::read_to_string("/proc/sys/kernel/shm_rmid_forced").expect("readable"),
        "0\n"
    );
    subject.remove(&sandbox).await;
    host.assert_clean();
}

/// Pins a fresh network namespace to `file`, as the network crate does.
#[expect(unsafe_code, reason = "unshare in a thread of its own")]
fn pin_network(file: &std::path::Path) {
    fs::File::create(file).expect("created");
    let file = file.to_owned();
    let made = std::thread::spawn(move || {
        // SAFETY: NEWNET affects this thread alone, which ends with the closure.
        unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }
            .expect("a network namespace");
        rustix::mount::mount_bind("/proc/thread-self/ns/net", &file).expect("pinned");
    });
    made.join().expect("no panic");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_with_its_own_network_has_its_own_name_and_settings() {
    let host = Host::new();
    let runtime = host.open().await;
    let subject = host.subject(&runtime);
    let netns = host.directory.join("netns");
    pin_network(&netns);
    let mut pod = subject.sandbox("web-0");
    pod.namespaces.network = NamespaceMode::Pod;
    pod.netns = Some(netns.clone());
    pod.resolv_conf = Some("nameserver 10.43.0.10\n".to_owned());
    pod.sysctls = [(
        "net.ipv4.ip_unprivileged_port_start".to_owned(),
        "7".to_owned(),
    )]
    .into();
    let sandbox = runtime
        .run_pod_sandbox(pod.clone())
        .await
        .expect("a sandbox runs");
    let script = "hostname; cat /etc/resolv.conf /proc/sys/net/ipv4/ip_unprivileged_port_start; \
                  ls /sys/class/net | tr '\\n' ' '; echo; readlink /proc/self/ns/net";
    let config = subject.container("app", &["/bin/sh", "-c", script]);
    let (_, log) = subject.run_to_end(&sandbox, config).await;
    let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(&netns).expect("pinned"));
    let text: String = log
        .lines()
        .map(|line| format!("{}\n", &line["stdout F ".len()..]))
        .collect();
    let (first, interfaces) = text.split_once("7\n").expect("the setting");
    assert_eq!(first, "web-0\nnameserver 10.43.0.10\n");
    assert!(interfaces.starts_with("lo"), "{interfaces}");
    assert!(
        interfaces.ends_with(&format!("net:[{inode}]\n")),
        "{interfaces}"
    );
    pod.sysctls = [("kernel.panic".to_owned(), "1".to_owned())].into();
    let refused = runtime
        .run_pod_sandbox(pod)
        .await
        .expect_err("the host's setting");
    assert!(
        refused
            .to_string()
            .contains("does not belong to a namespace of the pod"),
        "{refused}"
    );
    subject.remove(&sandbox).await;
    rustix::mount::unmount(&netns, rustix::mount::UnmountFlags::DETACH).expect("unpinned");
    host.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_pods_at_once() {
    let host = Host::new();
    let runtime = host.open().await;
    let subject = host.subject(&runtime);
    let pods = (0..30).map(async |number| {
        let sandbox = subject.run_sandbox(&format!("pod-{number}")).await;
        let script = format!("exit {number}");
        let config = subject.container("app", &["/bin/sh", "-c", &script]);
        let id = subject.run_container(&sandbox, config).await;
        assert_eq!(subject.wait(&id).await.exit_code, number);
        subject.remove(&sandbox).await;
    });
    futures::future::join_all(pods).await;
    host.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn privileged_containers_get_devices_and_all_capabilities() {
    let host = Host::new();
    let runtime = host.open().await;
    let subject = host.subject(&runtime);
    let sandbox = subject.run_sandbox("privileged").await;
    let script =
        "ls /dev/kmsg; grep CapEff /proc/self/status; mount -t tmpfs x /tmp && echo mounted";
    let mut config = subject.container("app", &["/bin/sh", "-c", script]);
    config.security.privileged = true;
    let (_, log) = subject.run_to_end(&sandbox, config).await;
    let status = fs::read_to_string("/proc/self/status").expect("readable");
    let held = status
        .lines()
        .find(|line| line.starts_with("CapBnd"))
        .expect("a field");
    let held = held.replace("CapBnd", "CapEff");
    assert_eq!(
        log,
        format!("stdout F /dev/kmsg\nstdout F {held}\nstdout F mounted\n")
    );
    let plain = subject.container("plain", &["/bin/sh", "-c", script]);
    let (_, log) = subject.run_to_end(&sandbox, plain).await;
    assert!(
        log.contains("00000000a80425fb") && !log.contains("mounted"),
        "{log}"
    );
    subject.remove(&sandbox).await;
    host.assert_clean();
}

/// The filter is in force, for init and for what is exec'd, with and without privileges to gain.
#[tokio::test(flavor = "multi_thread")]
async fn the_default_profile_forbids_namespaces() {
    let host = Host::new();
    let runtime = host.open().await;
    let subject = host.subject(&runtime);
    let sandbox = subject.run_sandbox("seccomp").await;
    let script = "unshare -U true; echo $?; sleep 1000";
    for (name, profile, no_new_privs, code) in [
        ("open", SeccompProfile::Unconfined, false, "0"),
        ("filtered", SeccompProfile::RuntimeDefault, false, "1"),
        ("both", SeccompProfile::RuntimeDefault, true, "1"),
    ] {
        let mut config = subject.container(name, &["/bin/sh", "-c", script]);
        config.security.seccomp = profile;
        config.security.no_new_privs = no_new_privs;
        let id = subject.run_container(&sandbox, config).await;
        let command = vec!["sh".into(), "-c".into(), "unshare -U true; echo $?".into()];
        let result = runtime.exec_sync(&id, command, None).await.expect("exec");
        assert_eq!(
            String::from_utf8_lossy(&result.stdout),
            format!("{code}\n"),
            "{name}"
        );
        runtime
            .stop_container(&id, Duration::ZERO)
            .await
            .expect("stopped");
        let log = subject.log(&subject.status(&id).await);
        assert!(log.contains(&format!("stdout F {code}\n")), "{name}: {log}");
    }
    subject.remove(&sandbox).await;
    host.assert_clean();
}

/// What a container mounts in a Bidirectional volume is seen outside, and gone with it.
#[tokio::test(flavor = "multi_thread")]
async fn mounts_propagate_as_asked() {
    let host = Host::new();
    let runtime = host.open().await;
    let subject = host.subject(&runtime);
    let volume = host.state().join("volume");
    fs::create_dir_all(volume.join("inner")).expect("made");
    rustix::mount::mount_bind(&volume, &volume).expect("mounted");
    let shared = rustix::mount::MountPropagationFlags::SHARED;
    rustix::mount::mount_change(&volume, shared).expect("shared");
    let sandbox = subject.run_sandbox("propagation").await;
    let script = "mount -t tmpfs x /volume/inner && touch /volume/inner/seen";
    let mut config = subject.container("app", &["/bin/sh", "-c", script]);
    config.security.privileged = true;
    config.mounts = vec![Mount {
        container_path: "/volume".into(),
        host_path: volume.clone(),
        propagation: MountPropagation::Bidirectional,
        ..Mount::default()
    }];
    subject.run_to_end(&sandbox, config.clone()).await;
    assert!(
        volume.join("inner/seen").exists(),
        "the mount did not come out"
    );
    config.metadata.name = "private".into();
    config.log_path = "private/0.log".into();
    config.mounts[0].propagation = MountPropagation::Private;
    config.command[2] = "umount /volume/inner; ls /volume/inner".into();
    subject.run_to_end(&sandbox, config).await;
    assert!(
        volume.join("inner/seen").exists(),
        "a private unmount came out"
    );
    for target in [volume.join("inner"), volume.clone()] {
        rustix::mount::unmount(&target, rustix::mount::UnmountFlags::DETACH).expect("unmounted");
    }
    fs::remove_dir_all(&volume).expect("removed");
    subject.remove(&sandbox).await;
    host.assert_clean();
}

/// A hung `build` must not stop the shim: the container is frozen, so exec never gets in.
#[tokio::test(flavor = "multi_thread")]
async fn an_exec_into_a_frozen_container_times_out_and_stops_nothing() {
    let host = Host::new();
    let runtime = host.open().await;
    let subject = host.subject(&runtime);
    let sandbox = subject.run_sandbox("frozen").await;
    let id = subject
        .run_container(&sandbox, subject.container("app", &["/bin/sleep", "1000"]))
        .await;
    let group = std::path::Path::new(&host.cgroup).join(&id);
    let freezer = host
        .cgroups
        .directory("freezer", &group)
        .expect("a freezer");
    let (file, frozen) = match &host.cgroups {
        runtime::cgroup::Hierarchies::Unified(_) => ("cgroup.freeze", "1"),
        runtime::cgroup::Hierarchies::Legacy(_) => ("freezer.state", "FROZEN"),
    };
    fs::write(freezer.join(file), frozen).expect("frozen");
    let timeout = Some(Duration::from_millis(300));
    let result = runtime.exec_sync(&id, vec!["true".into()], timeout).await;
    assert!(
        matches!(result, Err(cri::Error::DeadlineExceeded(_))),
        "{result:?}"
    );
    let other = subject
        .run_container(&sandbox, subject.container("b", &["/bin/true"]))
        .await;
    assert_eq!(subject.wait(&other).await.exit_code, 0);
    subject.remove(&sandbox).await;
    host.assert_clean();
}
