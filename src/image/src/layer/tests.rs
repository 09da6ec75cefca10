use std::fs;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use expect_test::{Expect, expect};
use rustix::fs::{Mode, OFlags};

use super::*;
use crate::archive::builder::Layer;
use crate::overlay::Overlay;
use crate::testing::{Raw, RawTar, TestDir, describe};

/// A place to unpack layers on top of each other.
struct Stack {
    home: TestDir,
    /// Bottom first.
    layers: Vec<PathBuf>,
    budget: Budget,
}

fn open(path: &std::path::Path) -> OwnedFd {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).expect("a directory")
}

impl Stack {
    fn new() -> Self {
        Self::limited(1 << 30, 10_000)
    }

    fn limited(bytes: u64, inodes: u64) -> Self {
        let home = TestDir::new();
        fs::create_dir(home.path().join("scratch")).expect("fresh");
        let budget = Budget::new(bytes, inodes, 0, open(home.path()));
        Self {
            home,
            layers: Vec::new(),
            budget,
        }
    }

    fn unpack(&mut self, stream: &[u8]) -> Result<Unpacked, LayerError> {
        let target = self
            .home
            .path()
            .join(format!("layer-{}", self.layers.len()));
        fs::create_dir(&target).expect("fresh");
        let site = Site {
            target: open(&target),
            lower: self.layers.iter().rev().map(|path| open(path)).collect(),
            scratch: open(&self.home.path().join("scratch")),
        };
        self.layers.push(target);
        unpack(stream, site, &mut self.budget)
    }

    fn top(&self) -> String {
        describe(self.layers.last().expect("one was unpacked"))
    }

    /// What a container sees.
    fn mounted(&self) -> String {
        let directory = |name: &str| {
            let path = self.home.path().join(name);
            fs::create_dir_all(&path).expect("made");
            path
        };
        let lower = self.layers.iter().rev().cloned().collect();
        let overlay = Overlay {
            lower,
            upper: directory("u"),
            work: directory("w"),
        };
        let mount = overlay.detached().expect("mounted");
        describe(format!("/proc/self/fd/{}", mount.as_raw_fd()).as_ref())
    }
}

fn lines(text: &str, keep: impl Fn(&str) -> Option<String>) -> String {
    let kept = text.lines().filter_map(keep);
    kept.map(|line| line + "\n").collect()
}

/// Directories that no entry names are dated now.
fn without_times(text: &str) -> String {
    let is_time = |word: &&str| {
        word.strip_prefix('t')
            .is_some_and(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit()))
    };
    lines(text, |line| {
        Some(
            line.split(' ')
                .filter(|word| !is_time(word))
                .collect::<Vec<_>>()
                .join(" "),
        )
    })
}

fn check(tar: &RawTar, expected: Expect) {
    let mut stack = Stack::new();
    stack.unpack(&tar.0).expect("accepted");
    expected.assert_eq(&stack.top());
}

#[test]
fn every_kind_keeps_its_attributes() {
    let header = |kind, mode, uid, gid, mtime| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(uid);
        header.set_gid(gid);
        header.set_mtime(mtime);
        header.set_size(0);
        header
    };
    // cap_net_bind_service=ep
    let capability = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let mut su = header(tar::EntryType::Regular, 0o6755, 1, 2, 1_234_567);
    su.set_size(2);
    let mut link = header(tar::EntryType::Symlink, 0o777, 5, 6, 7);
    link.set_link_name("/absolute/target").expect("short");
    let mut null = header(tar::EntryType::Char, 0o666, 0, 0, 8);
    null.set_device_major(1).expect("gnu");
    null.set_device_minor(3).expect("gnu");
    let mut tar = Layer::new()
        .and_then(|layer| layer.directory("implied/above/", 0o700))
        .and_then(|layer| {
            layer.entry(
                &header(tar::EntryType::Directory, 0o1777, 3, 4, 99),
                "tmp/",
                b"",
            )
        })
        .and_then(|layer| {
            layer.pax(&[
                ("SCHILY.xattr.security.capability", capability),
                ("SCHILY.xattr.user.note", b"kept"),
                ("SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
            ])
        })
        .and_then(|layer| layer.entry(&su, "bin/su", b"su"))
        .and_then(|layer| layer.hard_link("bin/sudo", "bin/su"))
        .and_then(|layer| layer.entry(&link, "tmp/link", b""))
        .and_then(|layer| layer.entry(&null, "dev/null", b""))
        .and_then(|layer| {
            layer.entry(
                &header(tar::EntryType::Fifo, 0o640, 0, 0, 8),
                "dev/pipe",
                b"",
            )
        })
        .and_then(Layer::finish)
        .expect("written");
    let mut bytes = Vec::new();
    io::Seek::rewind(&mut tar)
        .and_then(|()| tar.read_to_end(&mut bytes))
        .expect("read");
    let mut stack = Stack::new();
    stack.unpack(&bytes).expect("accepted");
    let made_now = ["bin d", "dev d", "implied d"];
    let shown = lines(&stack.top(), |line| {
        let keep = !made_now.iter().any(|start| line.starts_with(start));
        keep.then(|| line.to_owned())
    });
    expect![[r#"
        bin/su f6755 1:2 n2 t1234567 "su" security.capability=\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00 user.note=kept
        bin/sudo f6755 1:2 n2 t1234567 "su" security.capability=\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00 user.note=kept
        dev/null c0666 0:0 n1 t8 1:3
        dev/pipe p0640 0:0 n1 t8 0:0
        implied/above d0700 0:0 n0 t0
        tmp d1777 3:4 n0 t99
        tmp/link l0777 5:6 n1 t7 -> /absolute/target
    "#]].assert_eq(&shown);
}

#[test]
fn later_entries_replace_earlier_ones() {
    check(
        &RawTar::default()
            .file("a", "one")
            .file("a", "two")
            .directory("d", 0o700)
            .file("d/kept", "")
            .directory("d", 0o755)
            .directory("gone", 0o755)
            .directory("gone/deep", 0o755)
            .file("gone/deep/file", "")
            .file("gone", "now a file")
            .file("b", "now a directory")
            .directory("b", 0o755)
            .symlink("s", "/etc")
            .directory("s", 0o755)
            .file("h", "linked")
            .hard_link("h", "h")
            .hard_link("a", "h"),
        expect![[r#"
            a f0644 0:0 n2 t1000 "linked"
            b d0755 0:0 n0 t1000
            d d0755 0:0 n0 t1000
            d/kept f0644 0:0 n1 t1000 ""
            gone f0644 0:0 n1 t1000 "now a file"
            h f0644 0:0 n2 t1000 "linked"
            s d0755 0:0 n0 t1000
        "#]],
    );
}

/// Each of these tries to leave; what they write must be found inside.
#[test]
fn nothing_is_written_outside() {
    check(
        &RawTar::default()
            .file("../../../dot-dot", "")
            .file("/absolute", "")
            .file("a/../../b", "")
            .symlink("up", "../../../../../..")
            .file("up/through-up", "")
            .symlink("tmp", "/tmp")
            .directory("real", 0o755)
            .symlink("abs", "/real")
            .file("abs/through-abs", "")
            .symlink("loop", "abs")
            .directory("loop/nested", 0o755)
            .hard_link("link-to-dot-dot", "../../../dot-dot"),
        expect![[r#"
            abs l0777 0:0 n1 t1000 -> /real
            absolute f0644 0:0 n1 t1000 ""
            b f0644 0:0 n1 t1000 ""
            dot-dot f0644 0:0 n2 t1000 ""
            link-to-dot-dot f0644 0:0 n2 t1000 ""
            loop l0777 0:0 n1 t1000 -> abs
            real d0755 0:0 n0 t1000
            real/nested d0755 0:0 n0 t1000
            real/through-abs f0644 0:0 n1 t1000 ""
            through-up f0644 0:0 n1 t1000 ""
            tmp l0777 0:0 n1 t1000 -> /tmp
            up l0777 0:0 n1 t1000 -> ../../../../../..
        "#]],
    );
}

#[test]
fn hostile_entries_are_refused() {
    let outside = TestDir::new();
    let secret = outside.path().join("secret");
    fs::write(&secret, "secret").expect("written");
    let secret = secret.to_str().expect("text").to_owned();
    let directory = outside.path().to_str().expect("text").to_owned();
    let tar = RawTar::default;
    let cases = [
        ("hard link out", tar().hard_link("x", &secret)),
        (
            "hard link out by dots",
            tar().hard_link("x", &format!("../../../../..{secret}")),
        ),
        (
            "hard link through a link",
            tar().symlink("d", &directory).hard_link("x", "d/secret"),
        ),
        (
            "hard link to a directory",
            tar().directory("d", 0o755).hard_link("x", "d"),
        ),
        ("hard link to the root", tar().hard_link("x", "..")),
        (
            "parent is a link to nowhere",
            tar().symlink("d", &directory).file("d/x", ""),
        ),
        (
            "parent is a magic link",
            tar().symlink("p", "/proc/self/root").file("p/x", ""),
        ),
        ("parent is a ring", tar().symlink("p", "p").file("p/x", "")),
        ("parent is a file", tar().file("p", "").file("p/x", "")),
        ("whiteout of nothing", tar().file("d/.wh.", "")),
        ("whiteout of the parent", tar().file("d/.wh...", "")),
        (
            "unknown type",
            tar().add(&Raw {
                name: "x",
                kind: b'Z',
                ..Raw::default()
            }),
        ),
        ("cut", RawTar(tar().file("x", "data").0[..600].to_vec())),
        (
            "replaces its own parent",
            tar().directory("d", 0o755).hard_link("d", "d/x"),
        ),
    ];
    let mut shown = String::new();
    for (what, tar) in cases {
        let mut stack = Stack::new();
        let answer = match stack.unpack(&tar.0) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        };
        let answer = answer.replace(&directory, "OUTSIDE");
        shown.push_str(&format!("{what}: {answer}\n"));
        assert_eq!(
            fs::read_to_string(&secret).expect("there"),
            "secret",
            "{what}"
        );
        assert_eq!(
            fs::read_dir(outside.path()).expect("there").count(),
            1,
            "{what}"
        );
        assert_eq!(
            std::os::unix::fs::MetadataExt::nlink(&fs::metadata(&secret).expect("there")),
            1
        );
    }
    expect![[r#"
        hard link out: unpack "x": No such file or directory (os error 2)
        hard link out by dots: unpack "x": No such file or directory (os error 2)
        hard link through a link: unpack "x": No such file or directory (os error 2)
        hard link to a directory: unpack "x": Operation not permitted (os error 1)
        hard link to the root: unpack "x": hard link to the root
        parent is a link to nowhere: unpack "d/x": a parent is a symbolic link to nowhere
        parent is a magic link: unpack "p/x": a parent is a symbolic link to nowhere
        parent is a ring: unpack "p/x": Too many levels of symbolic links (os error 40)
        parent is a file: unpack "p/x": Not a directory (os error 20)
        whiteout of nothing: unpack "d/.wh.": a whiteout of nothing
        whiteout of the parent: unpack "d/.wh...": a whiteout of nothing
        unknown type: tar entry "x" is of an unknown type, which is not supported
        cut: read tar: unexpected end of file
        replaces its own parent: unpack "d": No such file or directory (os error 2)
    "#]]
    .assert_eq(&shown);
}

#[test]
fn an_image_keeps_to_its_quota() {
    let mut stack = Stack::limited(1_000, 10);
    let tar = RawTar::default()
        .file("a", &"x".repeat(600))
        .file("b", &"x".repeat(600));
    let error = stack.unpack(&tar.0).expect_err("too large").to_string();
    assert_eq!(error, "image exceeds the limit of 1000 unpacked bytes");
    let mut stack = Stack::limited(1_000, 3);
    let tar = RawTar::default().file("a/b/c/d", "");
    let error = stack.unpack(&tar.0).expect_err("too many").to_string();
    assert_eq!(error, "image exceeds the limit of 3 files");
    let mut stack = Stack::new();
    stack.budget = Budget::new(1 << 30, 10, u64::MAX, open(stack.home.path()));
    let error = stack
        .unpack(&RawTar::default().file("a", "x").0)
        .expect_err("full")
        .to_string();
    expect![
        "unpacking would leave less than 18446744073709551615 bytes free on the image file system"
    ]
    .assert_eq(&error);
}

#[test]
fn whiteouts_hide_what_is_below() {
    let mut stack = Stack::new();
    let bottom = RawTar::default()
        .file("gone", "old")
        .file("kept", "old")
        .directory("cleared", 0o755)
        .file("cleared/old", "")
        .directory("replaced", 0o755)
        .file("replaced/old", "")
        .directory("swapped", 0o755)
        .file("swapped/old", "")
        .directory("strict", 0o750)
        .file("strict/old", "")
        .file("strict/older", "")
        // Nothing is below the lowest layer.
        .file(".wh.never", "")
        .file("cleared/.wh..wh..opq", "");
    stack.unpack(&bottom.0).expect("accepted");
    let upper = RawTar::default()
        .file(".wh.gone", "")
        .file("cleared/new", "")
        .file("cleared/.wh..wh..opq", "")
        // In either order, a whiteout and an entry of the same name make a fresh one.
        .file(".wh.replaced", "")
        .directory("replaced", 0o700)
        .file("replaced/new", "")
        .directory("swapped", 0o700)
        .file("swapped/new", "")
        .file(".wh.swapped", "")
        // A parent without an entry keeps its mode.
        .file("strict/.wh.old", "")
        .file("fresh/.wh.nothing-there", "")
        .file(".wh..wh.plnk", "");
    stack.unpack(&upper.0).expect("accepted");
    expect![[r#"
        cleared d0755 0:0 n0 trusted.overlay.opaque=y
        cleared/new f0644 0:0 n1 ""
        fresh d0755 0:0 n0
        gone c0000 0:0 n1 0:0
        replaced d0700 0:0 n0 trusted.overlay.opaque=y
        replaced/new f0644 0:0 n1 ""
        strict d0750 0:0 n0
        strict/old c0000 0:0 n1 0:0
        swapped d0700 0:0 n0 trusted.overlay.opaque=y
        swapped/new f0644 0:0 n1 ""
    "#]]
    .assert_eq(&without_times(&stack.top()));
    expect![[r#"
        cleared d0755 0:0 n0
        cleared/new f0644 0:0 n1 ""
        fresh d0755 0:0 n0
        kept f0644 0:0 n1 "old"
        replaced d0700 0:0 n0
        replaced/new f0644 0:0 n1 ""
        strict d0750 0:0 n0
        strict/older f0644 0:0 n1 ""
        swapped d0700 0:0 n0
        swapped/new f0644 0:0 n1 ""
    "#]]
    .assert_eq(&without_times(&stack.mounted()));
}

#[test]
fn an_opaque_root_is_reported() {
    let mut stack = Stack::new();
    let used = stack
        .unpack(&RawTar::default().file("a", "x").0)
        .expect("accepted");
    assert_eq!(
        used,
        Unpacked {
            bytes: 4096,
            inodes: 1,
            opaque_root: false
        }
    );
    let used = stack
        .unpack(&RawTar::default().file(".wh..wh..opq", "").0)
        .expect("accepted");
    assert_eq!(
        used,
        Unpacked {
            bytes: 0,
            inodes: 0,
            opaque_root: true
        }
    );
}
