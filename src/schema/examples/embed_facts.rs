//! Regenerates `data/*.zz` from the reference facts:
//! `cargo run -p schema --example embed_facts -- /work/shared/reference/kubernetes-1.35-schema.json`
//!
//! The input has `kinds`, `types` and `messages`; kinds and types are needed by every request,
//! message facts only by the protobuf codec, so each goes into a file of its own.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::{Value, json};

fn main() {
    let source = std::env::args()
        .nth(1)
        .expect("usage: embed_facts FACTS.json");
    let text = std::fs::read(source).expect("the facts are readable");
    let facts: Value = serde_json::from_slice(&text).expect("the facts are JSON");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let types = json!({"kinds": facts["kinds"], "types": facts["types"]});
    write(&data.join("types.json.zz"), &types);
    write(&data.join("messages.json.zz"), &facts["messages"]);
}

fn write(path: &Path, value: &Value) {
    let text = serde_json::to_vec(value).expect("a value prints");
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder
        .write_all(&text)
        .expect("compressing into memory works");
    let packed = encoder.finish().expect("compressing into memory works");
    println!(
        "{}: {} -> {} bytes",
        path.display(),
        text.len(),
        packed.len()
    );
    std::fs::write(path, packed).expect("the data folder is writable");
}
