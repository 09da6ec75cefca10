use std::fs;

use rustix::mount::MountPropagationFlags;
use rustix::thread::UnshareFlags;

use super::*;
use crate::testing::TestDir;

/// 120 layers under a long path: far more than a page of option text.
fn deep(home: &TestDir) -> Overlay {
    let base = home.path().join("p".repeat(200));
    let directory = |name: String| {
        let path = base.join(name);
        fs::create_dir_all(&path).expect("made");
        path
    };
    let lower: Vec<PathBuf> = (0..120).map(|n| directory(format!("l/{n}"))).collect();
    for (n, path) in lower.iter().enumerate() {
        fs::write(path.join("top"), n.to_string()).expect("written");
        fs::write(path.join(format!("own-{n}")), "").expect("written");
    }
    Overlay {
        lower,
        upper: directory("u".into()),
        work: directory("w".into()),
    }
}

fn check(root: &Path) {
    assert_eq!(fs::read_to_string(root.join("top")).expect("there"), "0");
    assert_eq!(fs::read_dir(root).expect("there").count(), 121);
    fs::write(root.join("new"), "").expect("the upper layer is writable");
}

#[test]
fn a_detached_mount_shows_all_layers() {
    let home = TestDir::new();
    let overlay = deep(&home);
    let mount = overlay.detached().expect("mounted");
    check(Path::new(&by_descriptor(mount.as_fd())));
    assert!(overlay.upper.join("new").exists());
}

/// In a mount namespace that ends with the thread.
#[test]
fn both_ways_to_mount_give_the_same() {
    let home = TestDir::new();
    let overlay = deep(&home);
    let target = home.path().join("target");
    fs::create_dir(&target).expect("made");
    let tried = std::thread::spawn(move || {
        // SAFETY: this thread only touches paths and descriptors it opened itself.
        unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }.expect("allowed for root");
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        rustix::mount::mount_change(c"/", private).expect("own namespace");
        overlay.mount(&target).expect("mounted");
        check(&target);
        rustix::mount::unmount(&target, rustix::mount::UnmountFlags::empty()).expect("idle");
        fs::remove_file(overlay.upper.join("new")).expect("there");
        overlay.mount_by_options(&target).expect("mounted");
        check(&target);
    });
    tried.join().expect("no assertion failed");
}
