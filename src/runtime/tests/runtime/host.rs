//! A place on this host for one test: state, image, logs and cgroups, gone afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Once};

use base::{Clock, Shutdown};
use cri::testing::Subject;
use image::{ImageConfig, Overlay};
use runtime::cgroup::Hierarchies;
use runtime::{RootfsProvider, Runtime, RuntimeOptions};

/// On a file system that overlayfs accepts as an upper layer.
const ROOT: &str = "/run";
/// Begins the names of a test's directory and cgroup; the process' number and a counter follow.
const PREFIX: &str = "rk3s-runtime-test-";
const BUSYBOX: &str = "/bin/busybox";

/// Everything of one test, removed on drop; what a killed test run left is removed by the next.
pub struct Host {
    pub directory: PathBuf,
    pub cgroup: String,
    pub cgroups: Hierarchies,
}

impl Host {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        static CLEARED: Once = Once::new();
        CLEARED.call_once(clear_dead_runs);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        let host = Self::at(&name);
        fs::create_dir_all(&host.directory).expect("a directory for the test");
        make_image(&host.image());
        host
    }

    /// The place of another process' test, left to it.
    pub fn attach(name: &str) -> std::mem::ManuallyDrop<Self> {
        std::mem::ManuallyDrop::new(Self::at(name))
    }

    fn at(name: &str) -> Self {
        Self {
            directory: Path::new(ROOT).join(name),
            cgroup: format!("/{name}"),
            cgroups: Hierarchies::discover().expect("cgroups"),
        }
    }

    fn image(&self) -> PathBuf {
        self.directory.join("image")
    }

    pub fn state(&self) -> PathBuf {
        self.directory.join("state")
    }

    pub fn options(&self) -> RuntimeOptions {
        RuntimeOptions {
            state_dir: self.state(),
            shim_command: vec![env!("CARGO_BIN_EXE_rk3s-shim").into()],
            clock: Clock::system(),
            shutdown: Shutdown::new(),
            rootfs: Arc::new(Directories(self.directory.clone())),
        }
    }

    pub async fn open(&self) -> Arc<Runtime> {
        Runtime::open(self.options())
            .await
            .expect("the runtime opens")
    }

    pub fn subject<'a>(&self, runtime: &'a Runtime) -> Subject<'a> {
        Subject {
            runtime,
            image_id: "busybox".to_owned(),
            logs: self.directory.join("logs"),
            cgroup_parent: self.cgroup.clone(),
            executes: true,
        }
    }

    /// The processes of this test's shims.
    pub fn shims(&self) -> Vec<i32> {
        let state = self.state();
        processes()
            .into_iter()
            .filter(|pid| command(*pid).contains(&*state.to_string_lossy()))
            .collect()
    }

    /// What is mounted for this test.
    pub fn mounts(&self) -> Vec<String> {
        let directory = self.directory.to_string_lossy().into_owned();
        let mounts = fs::read_to_string("/proc/self/mounts").expect("readable");
        let targets = mounts.lines().filter_map(|line| line.split(' ').nth(1));
        targets
            .filter(|target| target.starts_with(&directory))
            .map(str::to_owned)
            .collect()
    }

    /// Nothing may be left once all sandboxes are removed.
    pub fn assert_clean(&self) {
        assert_eq!(self.shims(), Vec::<i32>::new(), "shims are left");
        assert_eq!(self.mounts(), Vec::<String>::new(), "mounts are left");
        let left: Vec<_> = fs::read_dir(self.state()).expect("readable").collect();
        assert!(left.is_empty(), "state is left: {left:?}");
        let snapshots: Vec<_> = fs::read_dir(self.directory.join("snapshots"))
            .into_iter()
            .flatten()
            .collect();
        assert!(snapshots.is_empty(), "snapshots are left: {snapshots:?}");
        let group = self
            .cgroups
            .directory("pids", Path::new(&self.cgroup))
            .expect("pids");
        let groups = fs::read_dir(group).into_iter().flatten().flatten();
        let left: Vec<_> = groups.filter(|entry| entry.path().is_dir()).collect();
        assert!(left.is_empty(), "cgroups are left: {left:?}");
    }

    fn clear(&self) {
        for pid in self.shims() {
            kill(pid);
        }
        let group = Path::new(&self.cgroup);
        while !self.cgroups.kill(group) {
            std::thread::yield_now();
        }
        while let Some(target) = self.mounts().pop() {
            rustix::mount::unmount(&*target, rustix::mount::UnmountFlags::DETACH)
                .expect("a test's mount can be unmounted");
        }
        let clock = Clock::system();
        // A dying process holds its group a moment longer.
        while let Err(error) = self.cgroups.remove(group) {
            assert!(clock.monotonic().as_secs() < 10, "{error}");
            std::thread::yield_now();
        }
        fs::remove_dir_all(&self.directory).expect("a test's directory can be removed");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.clear();
    }
}

fn clear_dead_runs() {
    for entry in fs::read_dir(ROOT).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let pid = rest.split('-').next().unwrap_or_default();
        if !Path::new("/proc").join(pid).exists() {
            // Dropped at once.
            drop(Host::at(&name));
        }
    }
}

pub fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a pid");
    // Gone already is what is wanted.
    let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

pub fn processes() -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("readable").flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// A process' command line; empty for zombies and those that are gone.
pub fn command(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// One layer: busybox and its links, and accounts.
fn make_image(image: &Path) {
    for directory in ["bin", "etc", "tmp", "proc", "sys", "dev", "root"] {
        fs::create_dir_all(image.join(directory)).expect("made");
    }
    let busybox = image.join("bin/busybox");
    fs::copy(BUSYBOX, &busybox).expect("apt-get install -y busybox-static");
    let list = std::process::Command::new(BUSYBOX)
        .arg("--list")
        .output()
        .expect("busybox runs");
    for name in String::from_utf8_lossy(&list.stdout)
        .lines()
        .filter(|name| *name != "busybox")
    {
        fs::hard_link(&busybox, image.join("bin").join(name)).expect("linked");
    }
    fs::write(image.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n").expect("written");
    fs::write(image.join("etc/group"), "root:x:0:\n").expect("written");
}

/// Snapshots of the one image.
struct Directories(PathBuf);

impl RootfsProvider for Directories {
    fn image_config(&self, image_id: &str) -> cri::Result<ImageConfig> {
        match image_id {
            "busybox" => Ok(ImageConfig {
                cmd: vec!["sh".into()],
                ..ImageConfig::default()
            }),
            _ => Err(cri::Error::NotFound {
                kind: "image",
                id: image_id.to_owned(),
            }),
        }
    }

    fn prepare(&self, _image_id: &str, container_id: &str) -> cri::Result<Overlay> {
        let snapshot = self.0.join("snapshots").join(container_id);
        for directory in ["upper", "work"] {
            fs::create_dir_all(snapshot.join(directory)).expect("made");
        }
        Ok(Overlay {
            lower: vec![self.0.join("image")],
            upper: snapshot.join("upper"),
            work: snapshot.join("work"),
        })
    }

    fn remove(&self, container_id: &str) -> cri::Result<()> {
        match fs::remove_dir_all(self.0.join("snapshots").join(container_id)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(cri::Error::Internal(error.to_string()))
            }
            _ => Ok(()),
        }
    }
}
