#[cfg(feature = "faults")]
mod crash;
mod refusals;

use std::fs;
use std::os::fd::AsRawFd;

use expect_test::expect;
use jiff::Timestamp;

use super::*;
use crate::archive::builder::{Builder, Format, Layer};
use crate::compression::Compression;
use crate::testing::{TestDir, describe};

/// A store in a directory of its own, whose clock stands still.
struct Node {
    home: TestDir,
    store: Option<Arc<ImageStore>>,
}

impl std::ops::Deref for Node {
    type Target = ImageStore;

    fn deref(&self) -> &ImageStore {
        self.store.as_ref().expect("open")
    }
}

impl Node {
    fn new() -> Self {
        let mut node = Self {
            home: TestDir::in_memory(),
            store: None,
        };
        node.open();
        node
    }

    fn root(&self) -> PathBuf {
        self.home.path().join("store")
    }

    fn open(&mut self) {
        self.store = None;
        let (clock, _hands) = Clock::manual(Timestamp::UNIX_EPOCH);
        self.store = Some(ImageStore::open(&self.root(), clock).expect("opened"));
    }

    fn import_bytes(&self, archive: &[u8]) -> Result<Vec<ImageRecord>> {
        let path = self.home.path().join("archive.tar");
        fs::write(&path, archive).expect("written");
        self.import(&path, Retention::Collectable)
    }

    /// Imports the image `app`.
    fn with_app(&self) -> Digest {
        let archive = archive(app("app", "one"), Format::Docker);
        self.import_bytes(&archive).expect("imported")[0].id
    }

    /// Names of the directories of layers.
    fn layers(&self) -> Vec<String> {
        let mut names = open::names(&self.root().join("l")).expect("there");
        names.sort();
        names
    }

    fn blobs(&self) -> usize {
        fs::read_dir(self.root().join("blobs/sha256"))
            .expect("there")
            .count()
    }

    /// What a container of the image sees.
    fn mounted(&self, id: Digest, container: &str) -> String {
        let mount = self
            .prepare(id, container)
            .expect("prepared")
            .detached()
            .expect("mounted");
        describe(format!("/proc/self/fd/{}", mount.as_raw_fd()).as_ref())
    }
}

fn base_layer() -> Layer {
    Layer::new()
        .and_then(|layer| layer.directory("bin/", 0o755))
        .and_then(|layer| layer.file("bin/sh", 0o755, b"#!"))
        .and_then(|layer| layer.file("old", 0o644, b"old"))
        .expect("written")
}

fn top_layer(content: &str) -> Layer {
    Layer::new()
        .and_then(|layer| layer.file("app", 0o755, content.as_bytes()))
        .and_then(|layer| layer.file(".wh.old", 0o644, b""))
        .expect("written")
}

fn archive(builder: Builder, format: Format) -> Vec<u8> {
    let mut bytes = Vec::new();
    builder.write(format, &mut bytes).expect("memory takes it");
    bytes
}

fn app(tag: &str, content: &str) -> Builder {
    Builder::new()
        .cmd(&["/app"])
        .tag(tag)
        .layer(base_layer())
        .layer(top_layer(content))
}

const TREE: &str =
    "app f0755 0:0 n1 t0 \"one\"\nbin d0755 0:0 n0 t0\nbin/sh f0755 0:0 n1 t0 \"#!\"\n";

#[test]
fn every_form_of_archive_gives_the_same_image() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    };
    let with = |compression| app("app:1", "one").compress_layers(compression);
    let docker = archive(app("app:1", "one"), Format::Docker);
    let forms = [
        ("docker", docker.clone()),
        ("docker in gzip", gzip(&docker)),
        (
            "docker in zstd",
            zstd::encode_all(&docker[..], 1).expect("encodes"),
        ),
        (
            "docker with gzip layers",
            archive(with(Compression::Gzip), Format::Docker),
        ),
        ("oci", archive(app("app:1", "one"), Format::Oci)),
        (
            "oci with gzip layers",
            archive(with(Compression::Gzip), Format::Oci),
        ),
        (
            "oci with zstd layers",
            archive(with(Compression::Zstd), Format::Oci),
        ),
    ];
    let mut ids = Vec::new();
    for (form, bytes) in forms {
        let node = Node::new();
        let images = node.import_bytes(&bytes).expect(form);
        assert_eq!(node.mounted(images[0].id, "c"), TREE, "{form}");
        assert_eq!(
            images[0].repo_tags[0].to_string(),
            "docker.io/library/app:1",
            "{form}"
        );
        assert_eq!(
            images[0].repo_digests.len(),
            usize::from(form.starts_with("oci")),
            "{form}"
        );
        let again = node
            .import_reader(&bytes[..], Retention::Pinned)
            .expect(form);
        assert!(again[0].pinned);
        assert_eq!(
            node.layers(),
            ["0", "1", "2"],
            "{form}: layers are unpacked once"
        );
        ids.push(images[0].id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

#[test]
fn an_image_is_found_by_all_its_names() {
    let node = Node::new();
    let image = node
        .import_bytes(&archive(app("app:1", "one"), Format::Oci))
        .expect("imported");
    let image = &image[0];
    let id = image.id.to_string();
    let digest = image.repo_digests[0].to_string();
    let short = digest.replace("docker.io/library/", "");
    let with_tag = short.replace('@', ":other@");
    for name in [
        "app:1",
        "library/app:1",
        "docker.io/app:1",
        "index.docker.io/library/app:1",
        &id,
        id.trim_start_matches("sha256:"),
        &digest,
        &short,
        &with_tag,
    ] {
        assert_eq!(node.resolve(name).as_ref(), Some(image), "{name}");
    }
    for name in ["app", "app:2", "localhost/app:1", "App", "", &id[..20]] {
        assert_eq!(node.resolve(name), None, "{name}");
    }
    let config = node.config(image.id).expect("there");
    assert_eq!(config.cmd, ["/app"]);
    assert_eq!(config.diff_ids, image.layers);
}

#[test]
fn everything_is_there_after_a_restart() {
    let mut node = Node::new();
    let id = node
        .import_bytes(&archive(app("app:1", "one"), Format::Oci))
        .expect("imported")[0]
        .id;
    let before = (node.list(), node.prepare(id, "c").expect("prepared"));
    fs::write(before.1.upper.join("written"), "").expect("written");
    // What a crash leaves.
    fs::create_dir_all(node.root().join("tmp/i-x/0/etc")).expect("made");
    fs::create_dir_all(node.root().join("l/77/etc")).expect("made");
    fs::write(node.root().join("blobs/sha256/abc"), "").expect("written");
    node.open();
    assert_eq!(
        (node.list(), node.prepare(id, "c").expect("prepared")),
        before
    );
    assert!(
        before.1.upper.join("written").exists(),
        "prepare is idempotent"
    );
    assert_eq!(node.layers(), ["0", "1", "2"]);
    assert_eq!(node.blobs(), 2);
    assert_eq!(
        fs::read_dir(node.root().join("tmp"))
            .expect("there")
            .count(),
        0
    );
}

#[test]
fn a_store_is_open_once_and_never_by_an_older_version() {
    let mut node = Node::new();
    let (clock, _hands) = Clock::manual(Timestamp::UNIX_EPOCH);
    let open = || ImageStore::open(&node.root(), clock.clone()).map(|_| ());
    let hide = |error: StoreError| {
        error
            .to_string()
            .replace(node.root().to_str().expect("text"), "ROOT")
    };
    let error = hide(open().expect_err("locked"));
    assert_eq!(error, "image store ROOT is in use by another process");
    let root = node.root();
    node.store = None;
    fs::write(root.join("format"), "2\n").expect("written");
    let error = ImageStore::open(&root, clock)
        .map(|_| ())
        .expect_err("newer")
        .to_string();
    expect!["image store ROOT has format 2, and this version reads up to 1: start the newer rk3s that wrote it, or remove the directory and import the images again"].assert_eq(&error.replace(root.to_str().expect("text"), "ROOT"));
}

#[test]
fn a_name_moves_and_the_last_one_takes_the_image_along() {
    let node = Node::new();
    let import = |content: &str| {
        let bytes = archive(app("app:1", content).tag("app:latest"), Format::Oci);
        node.import_bytes(&bytes).expect("imported")[0].id
    };
    let one = import("one");
    let other = node
        .import_bytes(&archive(app("other", "one"), Format::Oci))
        .expect("imported");
    assert_eq!(other[0].id, one, "another name for the same image");
    let two = import("two");
    let tags = |id: Digest| {
        let image = node.resolve(&id.to_string()).expect("there");
        image
            .repo_tags
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(tags(one), ["docker.io/library/other:latest"]);
    assert_eq!(
        tags(two),
        ["docker.io/library/app:1", "docker.io/library/app:latest"]
    );
    assert_eq!(node.layers(), ["0", "1", "2", "3"], "the base is shared");
    assert_eq!(
        node.remove("app:1").expect("removed"),
        Removal::Untagged(two)
    );
    assert_eq!(node.remove("app:1").expect("removed"), Removal::Absent);
    assert_eq!(node.remove("app").expect("removed"), Removal::Deleted(two));
    assert_eq!(node.layers(), ["0", "1", "2"]);
    assert_eq!(
        node.remove(&one.to_string()).expect("removed"),
        Removal::Deleted(one)
    );
    assert_eq!(
        (node.layers().len(), node.blobs(), node.list().len()),
        (1, 0, 0)
    );
}

#[test]
fn layers_stay_while_a_container_uses_them() {
    let mut node = Node::new();
    let id = node.with_app();
    node.prepare(id, "c").expect("prepared");
    assert_eq!(node.remove("app").expect("removed"), Removal::Deleted(id));
    assert!(matches!(
        node.prepare(id, "new"),
        Err(StoreError::NotFound(_))
    ));
    node.open();
    assert_eq!(node.mounted(id, "c"), TREE, "also after a restart");
    assert_eq!(node.snapshots().expect("listed")[0].container_id, "c");
    node.remove_snapshot("c").expect("removed");
    node.remove_snapshot("c").expect("idempotent");
    assert_eq!(node.layers(), ["0"]);
}

#[test]
fn a_snapshot_is_removed_without_following_links() {
    let node = Node::new();
    let id = node.with_app();
    let overlay = node.prepare(id, "c").expect("prepared");
    let outside = node.home.path().join("outside");
    fs::create_dir(&outside).expect("made");
    fs::write(outside.join("precious"), "").expect("written");
    std::os::unix::fs::symlink(&outside, overlay.upper.join("link")).expect("made");
    fs::create_dir_all(overlay.upper.join("d/e/f")).expect("made");
    let usage = node.snapshot_usage("c").expect("measured");
    assert_eq!(usage.inodes, 5);
    node.remove_snapshot("c").expect("removed");
    assert!(outside.join("precious").exists());
    for bad in ["", ".", "..", "a/b", "../x", ".hidden", &"x".repeat(200)] {
        assert!(
            matches!(node.remove_snapshot(bad), Err(StoreError::ContainerId(_))),
            "{bad}"
        );
        assert!(
            matches!(node.prepare(id, bad), Err(StoreError::ContainerId(_))),
            "{bad}"
        );
    }
}

#[test]
fn a_snapshot_whose_record_is_lost_is_made_anew() {
    let node = Node::new();
    let id = node.with_app();
    let overlay = node.prepare(id, "c").expect("prepared");
    fs::write(overlay.upper.join("half"), "").expect("written");
    fs::write(overlay.upper.with_file_name("record.json"), "").expect("cut");
    assert_eq!(node.snapshots().expect("listed")[0].image, None);
    assert_eq!(node.mounted(id, "c"), TREE);
}

#[test]
fn an_image_may_have_no_layers_or_hide_those_below() {
    let node = Node::new();
    let empty = node
        .import_bytes(&archive(Builder::new().tag("empty"), Format::Oci))
        .expect("ok");
    assert_eq!(node.mounted(empty[0].id, "e"), "");
    let opaque = Layer::new()
        .and_then(|layer| layer.file("new", 0o644, b""))
        .and_then(|layer| layer.file(".wh..wh..opq", 0o644, b""))
        .expect("written");
    let builder = Builder::new()
        .tag("opaque")
        .layer(base_layer())
        .layer(opaque);
    let image = node
        .import_bytes(&archive(builder, Format::Oci))
        .expect("imported");
    assert_eq!(node.mounted(image[0].id, "o"), "new f0644 0:0 n1 t0 \"\"\n");
}

#[test]
fn usage_counts_each_layer_once() {
    let node = Node::new();
    node.import_bytes(&archive(app("one", "one"), Format::Docker))
        .expect("imported");
    node.import_bytes(&archive(app("two", "two"), Format::Docker))
        .expect("imported");
    let usage = node.fs_usage().expect("measured");
    // bin, bin/sh, old; app and a whiteout in each of two.
    assert_eq!(
        usage.used,
        Usage {
            bytes: 5 * 4096,
            inodes: 7
        }
    );
    assert_eq!(
        node.list().iter().map(|image| image.size).sum::<u64>(),
        8 * 4096
    );
    assert!(usage.available_bytes > 0 && usage.available_bytes < usage.capacity_bytes);
}

#[test]
fn who_waits_is_told() {
    let node = Node::new();
    let mut arrivals = node.arrivals();
    let image = &node
        .import_bytes(&archive(app("app", "one"), Format::Oci))
        .expect("imported")[0];
    let arrival = arrivals.try_recv().expect("one came");
    assert_eq!(
        arrival,
        Arrival {
            id: image.id,
            references: image.references()
        }
    );
}

#[test]
fn pulling_says_that_it_cannot() {
    let node = Node::new();
    let image = &node
        .import_bytes(&archive(app("app", "one"), Format::Oci))
        .expect("imported")[0];
    assert_eq!(node.pull("app").expect("here").id, image.id);
    let error = node
        .pull("registry.example:5000/team/app")
        .expect_err("absent")
        .to_string();
    expect![[r#"image "registry.example:5000/team/app:latest" is not on this node, and pulling from registry.example:5000 is not available yet: import an archive of the image"#]].assert_eq(&error);
}
