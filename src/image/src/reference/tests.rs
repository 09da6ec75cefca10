use expect_test::{Expect, expect};

use super::*;

fn check(inputs: &[&str], expected: Expect) {
    let mut shown = String::new();
    for input in inputs {
        let answer = match Reference::parse(input) {
            Ok(reference) => reference.tagged().to_string(),
            Err(error) => format!("error: {error}"),
        };
        shown.push_str(&format!("{input} => {answer}\n"));
    }
    expected.assert_eq(&shown);
}

#[test]
fn short_names_are_normalised() {
    check(
        &[
            "busybox",
            "busybox:1.35",
            "team/app",
            "localhost/app",
            "localhost:5000/app:v1",
            "registry.k8s.io/pause:3.10",
            "index.docker.io/busybox",
            "docker.io/busybox",
            "docker.io/team/app",
            "Registry/app",
            "host:5000",
            "[2001:db8::1]:5000/app",
            "a__b.c---d/e_f:X.y-Z_",
            "10.0.0.1:5000/a/b/c/d",
        ],
        expect![[r#"
            busybox => docker.io/library/busybox:latest
            busybox:1.35 => docker.io/library/busybox:1.35
            team/app => docker.io/team/app:latest
            localhost/app => localhost/app:latest
            localhost:5000/app:v1 => localhost:5000/app:v1
            registry.k8s.io/pause:3.10 => registry.k8s.io/pause:3.10
            index.docker.io/busybox => docker.io/library/busybox:latest
            docker.io/busybox => docker.io/library/busybox:latest
            docker.io/team/app => docker.io/team/app:latest
            Registry/app => Registry/app:latest
            host:5000 => docker.io/library/host:5000
            [2001:db8::1]:5000/app => [2001:db8::1]:5000/app:latest
            a__b.c---d/e_f:X.y-Z_ => error: invalid reference format
            10.0.0.1:5000/a/b/c/d => 10.0.0.1:5000/a/b/c/d:latest
        "#]],
    );
}

#[test]
fn digests_keep_the_tag_but_decide_the_lookup() {
    let text = format!("busybox:1.35@{}", Digest::of(b"x"));
    let reference = Reference::parse(&text).expect("valid");
    assert_eq!(reference.to_string(), format!("docker.io/library/{text}"));
    let key = format!("docker.io/library/busybox@{}", Digest::of(b"x"));
    assert_eq!(reference.key().to_string(), key);
}

#[test]
fn what_is_no_reference_says_why() {
    let hex = Digest::of(b"x").hex();
    let long = "a".repeat(256);
    let tag = format!("busybox:{}", "t".repeat(129));
    check(
        &[
            "",
            "UPPER",
            "docker.io/Upper:tag",
            "busybox:",
            "busybox@sha256:abc",
            "busybox@md5:d41d8cd98f00b204e9800998ecf8427e",
            "busybox@sha256:d41d8cd98f00b204e9800998ecf8427e",
            "a//b",
            "-a",
            "a-",
            "a___b",
            "a..b",
            " busybox",
            "busybox ",
            "http://example.com/x",
            "example.com:port/x",
            "-bad.example/x",
            "über",
            "app/",
            "/app",
            hex.as_str(),
            long.as_str(),
            tag.as_str(),
        ],
        expect![[r#"
             => error: invalid reference format
            UPPER => error: invalid reference format: repository name (library/UPPER) must be lowercase
            docker.io/Upper:tag => error: invalid reference format: repository name (library/Upper) must be lowercase
            busybox: => error: invalid reference format
            busybox@sha256:abc => error: invalid reference format
            busybox@md5:d41d8cd98f00b204e9800998ecf8427e => error: unsupported digest algorithm
            busybox@sha256:d41d8cd98f00b204e9800998ecf8427e => error: invalid checksum digest length
            a//b => error: invalid reference format
            -a => error: invalid reference format
            a- => error: invalid reference format
            a___b => error: invalid reference format
            a..b => error: invalid reference format
             busybox => error: invalid reference format
            busybox  => error: invalid reference format
            http://example.com/x => error: invalid reference format
            example.com:port/x => error: invalid reference format
            -bad.example/x => error: invalid reference format
            über => error: invalid reference format
            app/ => error: invalid reference format
            /app => error: invalid reference format
            2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 => error: invalid repository name (2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881), cannot specify 64-byte hexadecimal strings
            aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa => error: repository name must not be more than 255 characters
            busybox:ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt => error: invalid reference format
        "#]],
    );
}
