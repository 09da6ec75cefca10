//! Times create + start + wait + delete of `/bin/true` through the shim, beside the same steps
//! of `crun` on the same bundle, in turns, and prints both and their ratio.
//!
//! `cargo run --release -p runtime --example bench -- [RUNS]`, as root, with Debian's
//! `busybox-static` and `crun`. The sandbox exists beforehand on our side; mounting the root
//! file system, the log and the state files are in our time and not in crun's.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Shutdown};
use cri::testing::Subject;
use cri::{ContainerConfig, EventKind, RuntimeService};
use futures::StreamExt;
use image::{ImageConfig, Overlay};
use runtime::cgroup::Hierarchies;
use runtime::{RootfsProvider, Runtime, RuntimeOptions};

const CGROUP: &str = "/rk3s-runtime-bench";
const CRUN_STATE: &str = "/run/rk3s-runtime-bench-crun";

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    match args.first().and_then(|arg| arg.to_str()) {
        Some("shim") => runtime::shim::main(&args[1..]),
        Some("crun") => crun(Path::new(&args[1])),
        other => {
            let runs = other.map_or(30, |runs| runs.parse().expect("a number of runs"));
            let tokio = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build();
            tokio.expect("a runtime").block_on(bench(runs));
            ExitCode::SUCCESS
        }
    }
}

async fn bench(runs: usize) {
    let directory = PathBuf::from(format!("/run/rk3s-runtime-bench-{}", std::process::id()));
    make_image(&directory.join("image"));
    let runtime = Runtime::open(RuntimeOptions {
        state_dir: directory.join("state"),
        shim_command: vec![
            std::env::current_exe().expect("a program").into(),
            "shim".into(),
        ],
        clock: Clock::system(),
        shutdown: Shutdown::new(),
        rootfs: Arc::new(Directories(directory.clone())),
    })
    .await
    .expect("the runtime opens");
    let subject = Subject {
        runtime: &*runtime,
        image_id: "busybox".to_owned(),
        logs: directory.join("logs"),
        cgroup_parent: CGROUP.to_owned(),
        executes: true,
    };
    let sandbox = subject.run_sandbox("bench").await;
    let config = subject.container("true", &["/bin/true"]);
    let state = directory.join("state").join(&sandbox);
    let mut other = Crun::start(&subject, &sandbox, config.clone(), &state, &directory).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        ours.push(once(&*runtime, &sandbox, config.clone()).await);
        theirs.push(other.once());
    }
    other.stop();
    subject.remove(&sandbox).await;
    fs::remove_dir_all(&directory).expect("removed");
    fs::remove_dir_all(CRUN_STATE).expect("removed");
    let host = Hierarchies::discover().expect("cgroups");
    host.remove(Path::new(CGROUP)).expect("cgroups removed");
    report(&mut ours, &mut theirs);
}

async fn once(runtime: &dyn RuntimeService, sandbox: &str, config: ContainerConfig) -> Duration {
    let mut events = runtime.events();
    let clock = Clock::system();
    let id = runtime
        .create_container(sandbox, config)
        .await
        .expect("created");
    runtime.start_container(&id).await.expect("started");
    while events.next().await.expect("events go on").kind != EventKind::Stopped {}
    runtime.remove_container(&id).await.expect("removed");
    clock.monotonic()
}

fn report(ours: &mut [Duration], theirs: &mut [Duration]) {
    for (name, times) in [("rk3s shim", &mut *ours), ("crun", &mut *theirs)] {
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
        println!(
            "{name:10} create+start+wait+delete ms: min {:.1} median {:.1} p90 {:.1}",
            at(0),
            at(50),
            at(90)
        );
    }
    let ratio = |index: usize| ours[index].as_secs_f64() / theirs[index].as_secs_f64();
    println!(
        "ratio to crun: min {:.2} median {:.2}",
        ratio(0),
        ratio((ours.len() - 1) / 2)
    );
}

/// A process in a mount namespace of its own that runs crun once per line it is sent.
struct Crun {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Crun {
    /// Its bundle is the one that our runtime makes of `config`, in a cgroup of its own.
    async fn start(
        subject: &Subject<'_>,
        sandbox: &str,
        config: ContainerConfig,
        state: &Path,
        directory: &Path,
    ) -> Self {
        let created = subject
            .runtime
            .create_container(sandbox, config)
            .await
            .expect("created");
        let made = state.join("containers").join(&created).join("config.json");
        let text = fs::read_to_string(made).expect("a bundle");
        subject
            .runtime
            .remove_container(&created)
            .await
            .expect("removed");
        let bundle = directory.join("crun");
        fs::create_dir_all(&bundle).expect("made");
        let rootfs = format!("{:?}", directory.join("image"));
        let text = text
            .replace("\"rootfs\"", &rootfs)
            .replace(&created, "crun");
        fs::write(bundle.join("config.json"), text).expect("written");
        let mut child = Command::new("/proc/self/exe")
            .arg("crun")
            .arg(&bundle)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process for crun");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, answers }
    }

    fn once(&mut self) -> Duration {
        let input = self.child.stdin.as_mut().expect("piped");
        input.write_all(b"\n").expect("it reads");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        Duration::from_micros(line.trim().parse().expect("apt-get install -y crun"))
    }

    fn stop(mut self) {
        drop(self.child.stdin.take());
        self.child.wait().expect("it ends");
    }
}

/// Debian's crun refuses a hybrid host: the unified mount is hidden from it.
#[expect(unsafe_code, reason = "a mount namespace for crun alone")]
fn crun(bundle: &Path) -> ExitCode {
    use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_change, unmount};
    // SAFETY: this process has one thread and shares nothing that NEWNS would take away.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS) }
        .expect("a mount namespace");
    let flags = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", flags).expect("private mounts");
    if matches!(Hierarchies::discover(), Ok(Hierarchies::Legacy(_))) {
        // Absent on a host that is not hybrid.
        let _absent = unmount("/sys/fs/cgroup/unified", UnmountFlags::DETACH);
    }
    for (number, _) in std::io::stdin().lines().enumerate() {
        let took = crun_once(bundle, &format!("bench-{number}"));
        println!("{}", took.as_micros());
    }
    ExitCode::SUCCESS
}

fn crun_once(bundle: &Path, id: &str) -> Duration {
    let run = |args: &[&str]| {
        let mut command = Command::new("crun");
        command
            .args(["--root", CRUN_STATE, "--cgroup-manager=cgroupfs"])
            .args(args);
        let status = command.stdin(Stdio::null()).status().expect("crun runs");
        assert!(status.success(), "crun {args:?}");
    };
    let pid_file = bundle.join("pid");
    let (directory, pid_path) = (bundle.to_string_lossy(), pid_file.to_string_lossy());
    let clock = Clock::system();
    run(&[
        "create",
        "--bundle",
        &directory,
        "--pid-file",
        &pid_path,
        id,
    ]);
    let pid = fs::read_to_string(&pid_file)
        .expect("a pid")
        .trim()
        .parse()
        .expect("a pid");
    let pid = rustix::process::Pid::from_raw(pid).expect("a pid");
    let flags = rustix::process::PidfdFlags::empty();
    let process = rustix::process::pidfd_open(pid, flags).expect("it waits to be started");
    run(&["start", id]);
    let mut fds = [rustix::event::PollFd::new(
        &process,
        rustix::event::PollFlags::IN,
    )];
    rustix::event::poll(&mut fds, None).expect("it ends");
    run(&["delete", id]);
    clock.monotonic()
}

fn make_image(image: &Path) {
    for name in ["bin", "etc", "tmp", "proc", "sys", "dev"] {
        fs::create_dir_all(image.join(name)).expect("made");
    }
    for name in ["hostname", "resolv.conf"] {
        fs::write(image.join("etc").join(name), "").expect("written");
    }
    fs::copy("/bin/busybox", image.join("bin/true")).expect("apt-get install -y busybox-static");
}

struct Directories(PathBuf);

impl RootfsProvider for Directories {
    fn image_config(&self, _image_id: &str) -> cri::Result<ImageConfig> {
        Ok(ImageConfig::default())
    }

    fn prepare(&self, _image_id: &str, container_id: &str) -> cri::Result<Overlay> {
        let snapshot = self.0.join("snapshots").join(container_id);
        for name in ["upper", "work"] {
            fs::create_dir_all(snapshot.join(name)).expect("made");
        }
        let (upper, work) = (snapshot.join("upper"), snapshot.join("work"));
        Ok(Overlay {
            lower: vec![self.0.join("image")],
            upper,
            work,
        })
    }

    fn remove(&self, container_id: &str) -> cri::Result<()> {
        fs::remove_dir_all(self.0.join("snapshots").join(container_id))
            .map_err(|error| cri::Error::Internal(error.to_string()))
    }
}
