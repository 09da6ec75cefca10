//! An ext4 file system in a file, whose power can be cut. Needs root, `mkfs.ext4` and `perl`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Drops the journal and every dirty page, as a power cut does: `FS_IOC_SHUTDOWN` with
/// `FS_SHUTDOWN_FLAGS_NOLOGFLUSH`. In perl, because an ioctl would be `unsafe` here.
const CUT: &str = r#"open(F, "<", $ARGV[0]) or die $!;
    my $flags = pack("L", 2); ioctl(F, 0x8004587d, $flags) or die $!"#;

pub struct LoopDisk {
    root: PathBuf,
}

impl LoopDisk {
    /// A new, mounted file system. `name` is the test's own: what an earlier run of it left
    /// behind is removed first.
    pub fn new(name: &str, mebibytes: u64) -> Self {
        let disk = Self {
            root: std::env::temp_dir().join(format!("rk3s-store-{name}")),
        };
        disk.remove();
        fs::create_dir_all(disk.mount_point()).expect("a directory");
        let image = File::create(disk.image()).expect("an image");
        image.set_len(mebibytes << 20).expect("sparse");
        run(Command::new("mkfs.ext4")
            .args(["-q", "-F", "-m", "0"])
            .arg(disk.image()));
        disk.mount();
        disk
    }

    pub fn mount_point(&self) -> PathBuf {
        self.root.join("mnt")
    }

    fn image(&self) -> PathBuf {
        self.root.join("img")
    }

    fn mount(&self) {
        let mut mount = Command::new("mount");
        run(mount
            .args(["-o", "loop"])
            .arg(self.image())
            .arg(self.mount_point()));
    }

    /// From now on nothing reaches the disk, and what had not reached it is gone.
    pub fn cut_power(&self) {
        run(Command::new("perl")
            .args(["-e", CUT])
            .arg(self.mount_point()));
    }

    /// The machine comes back, with a copy of what had reached the disk. A copy, because any
    /// other mount namespace (a container started meanwhile) keeps the dead file system alive,
    /// and mounting the same image again would give that one back: every call then fails with
    /// EIO, which looks like a store that refuses to open.
    pub fn power_on(&self) {
        run(Command::new("umount").arg(self.mount_point()));
        let copy = self.root.join("copy");
        run(Command::new("cp")
            .arg("--sparse=always")
            .arg(self.image())
            .arg(&copy));
        fs::rename(&copy, self.image()).expect("renamed");
        self.mount();
    }

    fn remove(&self) {
        if is_mounted(&self.mount_point()) {
            run(Command::new("umount").arg("-l").arg(self.mount_point()));
        }
        if self.root.exists() {
            fs::remove_dir_all(&self.root).expect("removable");
        }
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        self.remove();
    }
}

fn is_mounted(path: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("Linux");
    let path = path.to_string_lossy();
    mounts
        .lines()
        .any(|line| line.split(' ').nth(1) == Some(&path))
}

fn run(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {words}");
}
