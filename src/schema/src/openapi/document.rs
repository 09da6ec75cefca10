//! The documents themselves: written part by part into a compressor, kept compressed.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};

use super::definitions::{closure, schema};
use super::descriptions::Text;
use super::gnostic::{self, DOCUMENT, PATH_ITEM, SCHEMA};
use super::paths::{self, PathItem};
use super::protobuf::Message;
use super::render::{definition, path_item, shared_parameters};
use super::{Dialect, ServedResource, discovery, group_version_path};
use crate::facts::{Facts, TypeRef};

/// Bumped when the same resources are described differently, so that clients ask again.
const GENERATION: u32 = 2;

/// A finished document. Cloning shares the bytes.
#[derive(Clone, Debug)]
pub struct Document {
    gzip: Bytes,
    length: usize,
    /// The entity tag, without its quotes: hexadecimal SHA-512 of the content.
    pub etag: String,
}

impl Document {
    /// The content as it is kept, for clients that accept gzip.
    #[must_use]
    pub fn gzip(&self) -> Bytes {
        self.gzip.clone()
    }

    /// The content unpacked.
    ///
    /// # Panics
    /// Never: the bytes were packed here.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.length);
        GzDecoder::new(self.gzip.as_ref())
            .read_to_end(&mut out)
            .expect("these bytes were packed here");
        out.into()
    }
}

/// All documents about a set of served resources. Made anew when the set changes.
#[derive(Debug)]
pub struct Documents {
    facts: &'static Facts,
    resources: Vec<ServedResource>,
    v2_json: OnceLock<Document>,
    v2_protobuf: OnceLock<Document>,
    v3: BTreeMap<String, Served>,
}

/// One version 3 document: where its resources are (none for those that only tell what is
/// served), and what was built.
#[derive(Debug, Default)]
struct Served {
    resources: Vec<usize>,
    document: OnceLock<Document>,
}

impl Documents {
    /// Nothing is built yet.
    #[must_use]
    pub fn new(facts: &'static Facts, resources: Vec<ServedResource>) -> Self {
        let mut v3: BTreeMap<String, Served> = BTreeMap::new();
        for (at, resource) in resources.iter().enumerate() {
            let version = resource.group_version();
            let served = v3.entry(group_version_path(&version)).or_default();
            served.resources.push(at);
        }
        for (document, _) in discovery::of(&resources) {
            v3.entry(document).or_default();
        }
        Self {
            facts,
            resources,
            v2_json: OnceLock::new(),
            v2_protobuf: OnceLock::new(),
            v3,
        }
    }

    /// What is described.
    #[must_use]
    pub fn resources(&self) -> &[ServedResource] {
        &self.resources
    }

    /// `/openapi/v2` as JSON.
    pub fn v2_json(&self) -> &Document {
        self.v2_json.get_or_init(|| {
            packed(|out| {
                let parts = self.parts(self.resources.iter(), None);
                write_json(out, &head_v2(&parts), &parts, self.facts, Dialect::V2)
            })
        })
    }

    /// `/openapi/v2` as gnostic's protobuf `Document`.
    pub fn v2_protobuf(&self) -> &Document {
        self.v2_protobuf.get_or_init(|| {
            packed(|out| {
                let parts = self.parts(self.resources.iter(), None);
                let mut document = gnostic::encode(&head_v2(&parts).into(), &DOCUMENT);
                let mut items = Message::default();
                for item in &parts.paths {
                    let value = path_item(item, self.facts, Dialect::V2);
                    let value = gnostic::encode(&value, &PATH_ITEM);
                    items.message(2, &gnostic::pair(&item.path, &value));
                }
                document.message(8, &items);
                let text = Text::unpack();
                let texts = text.index();
                let mut definitions = Message::default();
                for ty in &parts.definitions {
                    let value = gnostic::encode(&schema(*ty, &texts, Dialect::V2), &SCHEMA);
                    definitions.message(1, &gnostic::pair(ty.name(), &value));
                }
                document.message(9, &definitions);
                out.write_all(&document.0)
            })
        })
    }

    /// `/openapi/v3`: where each group version's document is. The hash in its address changes
    /// with what is served, not only with the content, so that no document is built for it.
    #[must_use]
    pub fn v3_index(&self) -> Value {
        let entry = |(path, served): (&String, &Served)| {
            let hash = self.hash(path, served);
            let url = format!("/openapi/v3/{path}?hash={hash}");
            (path.clone(), json!({"serverRelativeURL": url}))
        };
        let paths: Map<String, Value> = self.v3.iter().map(entry).collect();
        json!({"paths": paths})
    }

    /// The hash in the index's address of a group version (`apis/apps/v1`).
    #[must_use]
    pub fn v3_hash(&self, path: &str) -> Option<String> {
        self.v3.get(path).map(|served| self.hash(path, served))
    }

    /// `/openapi/v3/<path>` as JSON; `None` for a group version that is not served.
    #[must_use]
    pub fn v3(&self, path: &str) -> Option<&Document> {
        let served = self.v3.get(path)?;
        Some(served.document.get_or_init(|| {
            packed(|out| {
                let resources = served.resources.iter().map(|at| &self.resources[*at]);
                let parts = self.parts(resources, Some(path));
                let head = json!({"openapi": "3.0.0", "info": info()});
                let head = head.as_object().cloned().unwrap_or_default();
                write_json(out, &head, &parts, self.facts, Dialect::V3)
            })
        }))
    }

    fn hash(&self, path: &str, served: &Served) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let mut hasher = Sha512::new();
        hasher.update(format!("{GENERATION} {version} {path}"));
        for at in &served.resources {
            hasher.update(format!("{:?}", self.resources[*at]));
        }
        hexadecimal(&hasher.finalize())
    }

    /// What a document is made of; `document` narrows the paths that tell what is served to
    /// those of one version 3 document.
    fn parts<'r>(
        &self,
        resources: impl Iterator<Item = &'r ServedResource>,
        document: Option<&str>,
    ) -> Parts<'static> {
        let told = discovery::of(&self.resources).into_iter();
        let told = told.filter(|(place, _)| document.is_none_or(|only| only == place));
        let mut paths: Vec<PathItem> = told.map(|(_, item)| item).collect();
        let mut roots = Vec::new();
        for resource in resources {
            roots.extend(self.facts.kind(&resource.gvk));
            roots.extend(self.facts.meta("WatchEvent"));
            paths.extend(paths::of(resource));
        }
        let operations = paths.iter().flat_map(|item| &item.operations);
        let payloads = operations.flat_map(|operation| [&operation.body, &operation.answer]);
        roots.extend(payloads.filter_map(|payload| definition(payload, self.facts)));
        let names = closure(roots.into_iter());
        let definitions = names.iter().filter_map(|name| self.facts.named(name));
        let definitions = definitions.collect();
        paths.sort_by(|a, b| a.path.cmp(&b.path));
        Parts { paths, definitions }
    }
}

/// What a document is made of.
struct Parts<'f> {
    paths: Vec<PathItem>,
    definitions: Vec<TypeRef<'f>>,
}

fn info() -> Value {
    json!({"title": "Kubernetes", "version": "unversioned"})
}

fn head_v2(parts: &Parts<'_>) -> Map<String, Value> {
    Map::from_iter([
        ("swagger".to_owned(), "2.0".into()),
        ("info".to_owned(), info()),
        (
            "parameters".to_owned(),
            shared_parameters(parts.paths.iter()).into(),
        ),
        ("security".to_owned(), json!([{"BearerToken": []}])),
        ("securityDefinitions".to_owned(), security()),
    ])
}

fn security() -> Value {
    json!({"BearerToken": {"type": "apiKey", "name": "authorization", "in": "header",
        "description": "Bearer Token authentication"}})
}

/// Writes a document one path and one definition at a time.
fn write_json(
    out: &mut dyn Write,
    head: &Map<String, Value>,
    parts: &Parts<'_>,
    facts: &Facts,
    dialect: Dialect,
) -> io::Result<()> {
    let paths = parts.paths.iter();
    let paths = paths.map(|item| (item.path.as_str(), path_item(item, facts, dialect)));
    let text = Text::unpack();
    let texts = text.index();
    let definitions = parts.definitions.iter();
    let definitions = definitions.map(|ty| (ty.name(), schema(*ty, &texts, dialect)));
    out.write_all(b"{")?;
    for (key, value) in head {
        write!(out, "{}:{value},", Value::from(key.as_str()))?;
    }
    out.write_all(b"\"paths\":")?;
    write_map(out, paths)?;
    match dialect {
        Dialect::V2 => {
            out.write_all(b",\"definitions\":")?;
            write_map(out, definitions)?;
        }
        Dialect::V3 => {
            let security = security();
            write!(
                out,
                ",\"components\":{{\"securitySchemes\":{security},\"schemas\":"
            )?;
            write_map(out, definitions)?;
            out.write_all(b"}")?;
        }
    }
    out.write_all(b"}")
}

fn write_map<'k>(
    out: &mut dyn Write,
    entries: impl Iterator<Item = (&'k str, Value)>,
) -> io::Result<()> {
    out.write_all(b"{")?;
    for (at, (key, value)) in entries.enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(out, "{comma}{}:{value}", Value::from(key))?;
    }
    out.write_all(b"}")
}

/// Packs and hashes what is written.
fn packed(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Document {
    let mut sink = Sink {
        gzip: GzEncoder::new(Vec::new(), Compression::default()),
        hash: Sha512::new(),
        length: 0,
    };
    let mut buffered = io::BufWriter::with_capacity(32 * 1024, &mut sink);
    write(&mut buffered)
        .and_then(|()| buffered.flush())
        .expect("writing into memory works");
    drop(buffered);
    let gzip = sink.gzip.finish().expect("writing into memory works");
    Document {
        gzip: gzip.into(),
        length: sink.length,
        etag: hexadecimal(&sink.hash.finalize()),
    }
}

struct Sink {
    gzip: GzEncoder<Vec<u8>>,
    hash: Sha512,
    length: usize,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.gzip.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.length += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Upper case, as upstream writes its hashes.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
