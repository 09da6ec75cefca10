//! Archives that are not imported, and leave nothing behind.

use expect_test::{Expect, expect};

use super::*;
use crate::testing::RawTar;

fn check_refused(node: &Node, bytes: &[u8], expected: Expect) {
    let error = node.import_bytes(bytes).expect_err("refused");
    expected.assert_eq(&error.to_string());
    assert_eq!(
        (node.layers().len(), node.blobs(), node.list().len()),
        (1, 0, 0)
    );
    assert_eq!(
        fs::read_dir(node.root().join("tmp"))
            .expect("there")
            .count(),
        0
    );
}

/// Replaces a text by one of the same length, everywhere in an archive. Documents have no
/// checksum of their own.
fn patch(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut patched = bytes.to_vec();
    let at = bytes
        .windows(from.len())
        .position(|window| window == from.as_bytes());
    let at = at.expect("the text is there");
    patched[at..at + to.len()].copy_from_slice(to.as_bytes());
    patched
}

#[test]
fn archives_that_lie_are_refused() {
    let node = Node::new();
    let docker = archive(app("app", "one"), Format::Docker);
    let oci = archive(app("app", "one"), Format::Oci);
    check_refused(
        &node,
        &patch(&docker, "one", "two"),
        expect![
            "layer sha256:c6634927c09838d426b63950230c547226ec881dedf606f9edf14b97f5eb019d has the digest sha256:96ac56f0f453e55bbd110ed101443ccabf30598b015fffbc305ba97937936769"
        ],
    );
    check_refused(
        &node,
        &patch(&oci, "one", "two"),
        expect![
            "layer sha256:c6634927c09838d426b63950230c547226ec881dedf606f9edf14b97f5eb019d has the digest sha256:96ac56f0f453e55bbd110ed101443ccabf30598b015fffbc305ba97937936769"
        ],
    );
    check_refused(
        &node,
        &patch(&oci, "/app", "/etc"),
        expect![[
            r#""blobs/sha256/a7cb1d54f5774ac7d6a7b819d1ff2a4d49b85a869704860e8bb7a98e9f4e7fb5" has the digest sha256:6092cb98e64366c4a46921e3df56c24ecd6b58e08932709b490867891098b403"#
        ]],
    );
    check_refused(
        &node,
        &patch(&docker, "manifest.json", "manifest.jsox"),
        expect!["invalid tar header at offset 8192: wrong checksum"],
    );
    check_refused(
        &node,
        &docker[..docker.len() / 2],
        expect!["archive is cut: it has no end mark"],
    );
    check_refused(&node, b"", expect!["archive is cut: it has no end mark"]);
    check_refused(
        &node,
        b"no tar archive at all",
        expect!["read tar: unexpected end of file"],
    );
    check_refused(
        &node,
        &RawTar::default().file("manifest.json", "[{}]").0,
        expect![[r#""manifest.json" is invalid: missing field `Config` at line 1 column 3"#]],
    );
    let missing = r#"[{"Config":"c","RepoTags":["x"],"Layers":[]}]"#;
    check_refused(
        &node,
        &RawTar::default().file("manifest.json", missing).0,
        expect![[r#"archive lacks "c""#]],
    );
    let ring = RawTar::default()
        .file("manifest.json", missing)
        .symlink("c", "c")
        .0;
    check_refused(&node, &ring, expect![[r#"archive lacks "c""#]]);
    let count = RawTar::default().file("manifest.json", missing).file("c", r#"{"rootfs":{"diff_ids":["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]}}"#).0;
    check_refused(
        &node,
        &count,
        expect!["image has 0 layers but its configuration lists 1"],
    );
    let foreign = app("app", "one").architecture("s390x");
    check_refused(
        &node,
        &archive(foreign, Format::Oci),
        expect!["image is for linux/s390x, and this node is linux/amd64"],
    );
    check_refused(
        &node,
        &archive(app("Upper", "one"), Format::Oci),
        expect![[
            r#"archive names an image "Upper": invalid reference format: repository name (library/Upper) must be lowercase"#
        ]],
    );
    let mut many = Builder::new();
    for _ in 0..128 {
        many = many.layer(Layer::new().expect("made"));
    }
    check_refused(
        &node,
        &archive(many, Format::Oci),
        expect!["image has 128 layers; at most 127 are supported"],
    );
}

#[test]
fn bombs_stop_at_the_limits() {
    let mut node = Node::new();
    node.store = None;
    let (clock, _hands) = Clock::manual(Timestamp::UNIX_EPOCH);
    let limits = Limits {
        unpacked_bytes: 1 << 20,
        archive_bytes: 1 << 20,
        ..Limits::default()
    };
    node.store = Some(ImageStore::open_with(&node.root(), clock, limits).expect("opened"));
    let bomb = Layer::new().and_then(|layer| layer.file("zeros", 0o644, &vec![0; 2 << 20]));
    let bomb = Builder::new()
        .layer(bomb.expect("written"))
        .compress_layers(Compression::Zstd);
    check_refused(
        &node,
        &archive(bomb, Format::Oci),
        expect!["image exceeds the limit of 1048576 unpacked bytes"],
    );
    let zeros = zstd::encode_all(&vec![0; 2 << 20][..], 1).expect("encodes");
    check_refused(
        &node,
        &zeros,
        expect!["archive exceeds 1048576 bytes when decompressed"],
    );
}
