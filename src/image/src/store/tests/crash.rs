//! An import or a removal that is killed at any step leaves nothing that is used, or the whole.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use super::*;

/// Names the directory the killed process works in.
const HOME: &str = "RK3S_IMAGE_CRASH_HOME";

const POINTS: [&str; 6] = [
    "image::layer-unpacked=exit(1)",
    "image::layer-unpacked=exit(2)",
    "image::layers-synced=exit",
    "image::layers-renamed=exit",
    "image::recorded=exit",
    "image::layer-forgotten=exit",
];

/// The process that is killed: this same program, told by its environment.
#[test]
fn victim() {
    let Some(home) = std::env::var_os(HOME) else {
        return;
    };
    let home = PathBuf::from(home);
    let store = ImageStore::open(&home.join("store"), Clock::system()).expect("opened");
    store
        .import(&home.join("archive.tar"), Retention::Pinned)
        .expect("imported");
    store.remove("app").expect("removed");
}

#[test]
fn whoever_is_killed_leaves_nothing_or_the_whole() {
    for point in POINTS {
        let mut node = Node::new();
        node.store = None;
        let home = node.home.path();
        fs::write(
            home.join("archive.tar"),
            archive(app("app", "one"), Format::Oci),
        )
        .expect("written");
        let program = std::env::current_exe().expect("known");
        let killed = Command::new(program)
            .args(["--exact", "store::tests::crash::victim"])
            .env(HOME, home)
            .env("RK3S_FAILPOINTS", point)
            .output()
            .expect("started");
        assert_eq!(killed.status.signal(), Some(9), "{point}: {killed:?}");
        node.open();
        let recorded = node.resolve("app").map(|image| image.id);
        let expected: &[&str] = if recorded.is_some() {
            &["0", "1", "2"]
        } else {
            &["0"]
        };
        assert_eq!(node.layers(), expected, "{point}");
        assert_eq!(
            fs::read_dir(node.root().join("tmp"))
                .expect("there")
                .count(),
            0,
            "{point}"
        );
        if let Some(id) = recorded {
            assert_eq!(node.mounted(id, "before"), TREE, "{point}");
        }
        let again = node.import(&node.home.path().join("archive.tar"), Retention::Pinned);
        let id = again.expect("imported")[0].id;
        assert_eq!(node.mounted(id, "after"), TREE, "{point}");
    }
}
