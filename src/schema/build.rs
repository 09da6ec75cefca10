//! Gathers the descriptions of all types and fields from the sources of k8s-openapi, where they
//! stand in its JSON schemas, so that OpenAPI documents and `kubectl explain` can show them.
//! Reading the texts takes well under a second; compiling those schemas takes half a minute.
//!
//! The output holds a record for each definition, of the definition's name, its description, and
//! the name and description of each field: separated by `\x1f`, records by `\x1e`, compressed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use flate2::Compression;
use flate2::write::ZlibEncoder;

const CRATE: &str = "k8s-openapi";
const VERSION: &str = "v1_35";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../Cargo.lock");
    let mut files = Vec::new();
    rust_files(&sources()?.join("src").join(VERSION), &mut files)?;
    files.sort();
    let mut records = Vec::new();
    for file in files {
        records.extend(record(&fs::read_to_string(file)?));
    }
    // A new release of the crate may write its schemas otherwise; then this says so.
    assert!(records.len() > 600, "{CRATE} describes its types no more");
    let target = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    let mut out = ZlibEncoder::new(Vec::new(), Compression::best());
    out.write_all(records.join("\x1e").as_bytes())?;
    fs::write(target.join("descriptions.zz"), out.finish()?)
}

/// Where cargo keeps the crate: in its registry, or where sources are vendored.
fn sources() -> io::Result<PathBuf> {
    let metadata = Command::new(env::var("CARGO").expect("cargo sets it"))
        .args(["metadata", "--format-version=1", "--filter-platform"])
        .arg(env::var("TARGET").expect("cargo sets it"))
        .output()?;
    let errors = String::from_utf8_lossy(&metadata.stderr);
    assert!(metadata.status.success(), "cargo metadata: {errors}");
    let text = String::from_utf8_lossy(&metadata.stdout);
    let (_, package) = text
        .split_once(&format!(r#"{{"name":"{CRATE}","version":"#))
        .unwrap_or_else(|| panic!("{CRATE} is no dependency"));
    let (_, path) = package
        .split_once(r#""manifest_path":""#)
        .expect("packages say where they are");
    let (path, _) = path.split_once('"').expect("texts end");
    let folder = Path::new(path).parent();
    Ok(folder.expect("a manifest is in a folder").to_owned())
}

fn rust_files(folder: &Path, out: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            rust_files(&path, out)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
    Ok(())
}

/// The record of a file's definition, if it has one with a schema.
///
/// In a schema the definition's own description is indented by 12, the names of its fields by 16
/// and what is said of them by more.
fn record(file: &str) -> Option<String> {
    let (_, name) = file.split_once("// Generated from definition ")?;
    let (name, rest) = name.split_once('\n')?;
    let (_, schema) = rest.split_once("json_schema!({")?;
    let (mut own, mut fields, mut field) = (String::new(), String::new(), None);
    for line in schema.lines() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if indent == 12 {
            own.extend(description(trimmed));
        } else if indent == 16 {
            let quoted = trimmed.strip_prefix('"');
            field = quoted.and_then(|rest| rest.split_once("\": "));
        } else if let (Some((field, _)), Some(text)) = (field, description(trimmed)) {
            fields += &format!("\x1f{field}\x1f{text}");
        }
    }
    Some(format!("{name}\x1f{own}{fields}"))
}

/// The text of `"description": "…",` or `….insert("description".into(), "…".into());`.
fn description(line: &str) -> Option<String> {
    let literal = match line.strip_prefix(r#""description": ""#) {
        Some(rest) => rest.strip_suffix(r#"","#)?,
        None => {
            let (_, rest) = line.split_once(r#".insert("description".into(), ""#)?;
            rest.strip_suffix(r#"".into());"#)?
        }
    };
    Some(unescape(literal))
}

/// The text that a Rust string literal stands for.
fn unescape(literal: &str) -> String {
    let mut out = String::with_capacity(literal.len());
    let mut chars = literal.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('u') => {
                let digits = chars.by_ref().skip(1).take_while(|c| *c != '}');
                let code = u32::from_str_radix(&digits.collect::<String>(), 16);
                out.extend(code.ok().and_then(char::from_u32));
            }
            other => out.extend(other),
        }
    }
    out
}
