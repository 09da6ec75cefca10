//! The house rules that a machine can check. The layer table below is the architecture's; a new
//! line in it is an architectural change and is argued in its commit.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Crate, layer, and the crates of the workspace that it may import. All may import `base`; the
/// root package may import everything.
const LAYERS: &[(&str, u8, &[&str])] = &[
    ("base", 0, &[]),
    ("apimachinery", 1, &[]),
    ("cri", 1, &[]),
    ("image", 1, &[]),
    ("network", 1, &[]),
    ("pki", 1, &[]),
    ("remotecommand", 1, &[]),
    ("store", 1, &[]),
    ("api", 2, &["apimachinery"]),
    ("runtime", 2, &["cri", "image"]),
    ("schema", 2, &["apimachinery"]),
    ("client", 3, &["api", "apimachinery"]),
    ("resources", 3, &["api", "apimachinery", "schema"]),
    ("informer", 4, &["api", "apimachinery", "client"]),
    (
        "kubectl",
        4,
        &["api", "apimachinery", "client", "remotecommand", "schema"],
    ),
    (
        "registry",
        4,
        &[
            "api",
            "apimachinery",
            "client",
            "pki",
            "resources",
            "schema",
            "store",
        ],
    ),
    (
        "admission",
        5,
        &["api", "apimachinery", "client", "informer"],
    ),
    ("auth", 5, &["api", "apimachinery", "informer", "pki"]),
    (
        "controllers",
        5,
        &["api", "apimachinery", "client", "informer", "pki"],
    ),
    ("dns", 5, &["api", "apimachinery", "informer"]),
    (
        "kube-proxy",
        5,
        &["api", "apimachinery", "client", "informer", "network"],
    ),
    (
        "kubelet",
        5,
        &[
            "api",
            "apimachinery",
            "client",
            "cri",
            "informer",
            "network",
            "remotecommand",
        ],
    ),
    (
        "scheduler",
        5,
        &["api", "apimachinery", "client", "informer"],
    ),
    (
        "apiserver",
        6,
        &[
            "admission",
            "api",
            "apimachinery",
            "auth",
            "client",
            "informer",
            "pki",
            "registry",
            "remotecommand",
            "resources",
            "schema",
        ],
    ),
];

/// The only crates that may lift the lint against `unsafe`.
const UNSAFE: [&str; 3] = ["image", "network", "runtime"];

/// Files past 500 lines, each with the reason why it has no seam.
const LONG_FILES: &[(&str, &str)] = &[];

/// What the root of the project may hold.
const TOP: [&str; 16] = [
    ".cargo",
    ".ci",
    ".git",
    ".gitignore",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "clippy.toml",
    "packaging",
    "rustfmt.toml",
    "scripts",
    "src",
    "target",
    "tests",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(args)
        .args(["--offline", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

/// The workspace's crates with the kinds of each dependency: `None` is a normal one.
fn packages() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version=1"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    metadata["packages"].as_array().expect("a list").clone()
}

fn name(package: &Value) -> &str {
    package["name"].as_str().expect("named")
}

/// Every file of ours whose name ends so; neither what is built nor what git keeps.
fn files(ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut directories: Vec<PathBuf> = ["src", "tests", "scripts", "packaging"]
        .iter()
        .map(|directory| root().join(directory))
        .collect();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let text = fs::read_to_string(&path).expect("text");
                found.push((relative(&path), text));
            }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).expect("below the root");
    path.display().to_string()
}

#[test]
fn imports_go_down_the_layer_table_only() {
    let layers: BTreeMap<&str, u8> = LAYERS
        .iter()
        .map(|&(name, layer, _)| (name, layer))
        .collect();
    for (name, layer, imports) in LAYERS {
        for import in *imports {
            assert!(layers[import] < *layer, "{name} imports {import}: not down");
        }
    }
    let mut wrong = Vec::new();
    for package in packages().iter().filter(|package| name(package) != "rk3s") {
        let Some((_, _, allowed)) = LAYERS.iter().find(|row| row.0 == name(package)) else {
            wrong.push(format!("{} has no row in LAYERS", name(package)));
            continue;
        };
        for import in package["dependencies"].as_array().expect("a list") {
            let import_name = import["name"].as_str().expect("named");
            // Tests may look at what the code may not.
            let is_for_tests = import["kind"] == "dev";
            let is_ours = layers.contains_key(import_name);
            let is_allowed = import_name == "base" || allowed.contains(&import_name);
            if is_ours && !is_for_tests && !is_allowed {
                wrong.push(format!("{} imports {import_name}", name(package)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_folder_is_a_crate_of_its_name() {
    let names: BTreeSet<String> = packages()
        .iter()
        .map(|package| name(package).to_owned())
        .collect();
    for entry in fs::read_dir(root().join("src")).expect("readable") {
        let entry = entry.expect("readable");
        let folder = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            assert!(names.contains(&folder), "src/{folder} is no crate");
        }
    }
}

#[test]
fn each_crate_says_in_few_lines_what_it_owns() {
    let mut wrong = Vec::new();
    for (path, text) in files("/src/lib.rs") {
        let head: Vec<&str> = text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        let words = head.join(" ").to_lowercase();
        let says_all = words.contains("invariant") && words.contains("must not know");
        if !(3..=15).contains(&head.len()) || !says_all {
            wrong.push(format!("{path}: {} lines", head.len()));
        }
    }
    assert!(
        wrong.is_empty(),
        "each opens with what it owns, one invariant and what it must not know: {wrong:#?}"
    );
}

#[test]
fn unsafe_code_stays_in_three_crates() {
    for (path, text) in files(".rs") {
        let crate_name = path.split('/').nth(1).unwrap_or_default();
        // Written in two parts, or this line would be found.
        let lifts =
            text.contains(concat!("(", "unsafe_code")) || text.contains("\n    unsafe_code");
        assert!(
            !lifts || UNSAFE.contains(&crate_name),
            "{path} lifts the lint"
        );
    }
}

#[test]
fn no_test_is_ignored_or_sleeps() {
    let banned = [
        concat!("#[ign", "ore"),
        concat!("thread::sl", "eep("),
        concat!("tokio::time::sl", "eep("),
    ];
    for (path, text) in files(".rs") {
        // The one place that sleeps, behind the clock that tests move.
        if path == "src/base/src/clock.rs" {
            continue;
        }
        for word in banned {
            assert!(!text.contains(word), "{path} has {word}");
        }
    }
}

#[test]
fn nothing_is_left_unfinished() {
    let words = ["TO\u{44}O", "FIX\u{4d}E", "XX\u{58}"];
    for (path, text) in files(".rs") {
        for (index, line) in text.lines().enumerate() {
            let comment = line.split_once("//").map_or("", |(_, comment)| comment);
            for word in words {
                assert!(!comment.contains(word), "{path}:{}: {line}", index + 1);
            }
        }
    }
}

#[test]
fn files_are_small_rooms() {
    let mut long: Vec<String> = Vec::new();
    for (path, text) in files(".rs") {
        let lines = text.lines().count();
        let argued = LONG_FILES.iter().any(|(known, _)| *known == path);
        if lines > 500 && !argued {
            long.push(format!("{path}: {lines} lines"));
        }
    }
    for (path, reason) in LONG_FILES {
        let text = fs::read_to_string(root().join(path)).expect(path);
        assert!(text.lines().count() > 500, "{path} needs no row any more");
        assert!(!reason.is_empty());
    }
    assert!(long.is_empty(), "look for the seam: {long:#?}");
}

#[test]
fn the_root_holds_only_what_belongs_there() {
    let mut strange = Vec::new();
    for entry in fs::read_dir(root()).expect("readable") {
        let name = entry.expect("readable").file_name();
        let name = name.to_string_lossy().into_owned();
        if !TOP.contains(&name.as_str()) {
            strange.push(name);
        }
    }
    assert!(strange.is_empty(), "{strange:?}");
}

/// What the release is built of: neither fail points nor a clock that tests move.
#[test]
fn the_release_has_no_fail_points() {
    let tree = cargo(&[
        "tree",
        "--package=rk3s",
        "--edges=normal,features",
        "--prefix=none",
        "--format={p} [{f}]",
    ]);
    let faulty: Vec<&str> = tree
        .lines()
        .filter(|line| line.contains("faults"))
        .collect();
    assert!(faulty.is_empty(), "{faulty:#?}");
    // The control: asked for, the feature is seen.
    let tree = cargo(&[
        "tree",
        "--package=rk3s",
        "--features=faults",
        "--edges=normal,features",
        "--prefix=none",
        "--format={p} [{f}]",
    ]);
    assert!(tree.contains("faults"));
}

/// Rows of README's options table are the binary's options, in its order.
#[test]
fn the_readme_lists_every_option() {
    let table = fs::read_to_string(root().join("src/flags.rs")).expect("there");
    let readme = fs::read_to_string(root().join("README.md")).expect("there");
    let field = |row: &str, name: &str| -> String {
        let rest = row.split_once(&format!("{name}: \"")).expect(name).1;
        rest.split('"').next().unwrap_or_default().to_owned()
    };
    let rows = table.split("\n    Row {").skip(1);
    let mut expected = String::new();
    for row in rows {
        let default = match field(row, "default").as_str() {
            "" => String::new(),
            value => format!("`{value}`"),
        };
        expected.push_str(&format!(
            "| `--{}` | `{}` | {default} | {} |\n",
            field(row, "flag"),
            field(row, "env"),
            field(row, "help"),
        ));
    }
    assert!(
        readme.contains(&expected),
        "README's table of options should be:\n{expected}"
    );
}

/// Each claim of README names a test or a bench that exists: `` `tests/…: name` `` or
/// `` `crate: name` ``.
#[test]
fn claims_name_tests_that_exist() {
    let readme = fs::read_to_string(root().join("README.md")).expect("there");
    let (_, claims) = readme.split_once("## Claims").expect("a list of claims");
    let claims = claims.split("\n## ").next().unwrap_or_default();
    let rows: Vec<&str> = claims
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| Claim"))
        .collect();
    assert!(rows.len() >= 10, "claims are a table");
    let sources: Vec<(String, String)> = files(".rs");
    for row in rows {
        let proof = row
            .trim_end_matches(" |")
            .rsplit(" | ")
            .next()
            .unwrap_or_default();
        for name in proof.split('`').skip(1).step_by(2) {
            let is_script = root().join(name).exists();
            let is_test = sources
                .iter()
                .any(|(_, text)| text.contains(&format!("fn {name}(")));
            assert!(is_script || is_test, "{row}: no {name}");
        }
        assert!(proof.contains('`'), "{row}: names no proof");
    }
}
