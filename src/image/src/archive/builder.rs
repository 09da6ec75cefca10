//! Making image archives: for tests, for `make run`, and for images that ship with the program.
//!
//! The same input gives the same bytes and so the same image id: no time of day, no order of a
//! directory's reading goes in.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use serde_json::{Value, json};

use super::unnamed_file;
use crate::compression::Compression;
use crate::digest::{Digest, HashingReader};

mod layer;

pub use layer::Layer;

/// How the archive is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `manifest.json`, as `docker save` before version 25.
    Docker,
    /// `index.json` and blobs by digest.
    Oci,
}

/// An image to be written.
#[derive(Default)]
pub struct Builder {
    settings: serde_json::Map<String, Value>,
    architecture: Option<String>,
    tags: Vec<String>,
    layers: Vec<Layer>,
    compression: Option<Compression>,
}

impl Builder {
    /// No layers, no name, no command.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn set(mut self, key: &str, value: Value) -> Self {
        self.settings.insert(key.to_owned(), value);
        self
    }

    #[must_use]
    pub fn entrypoint(self, words: &[&str]) -> Self {
        self.set("Entrypoint", json!(words))
    }

    #[must_use]
    pub fn cmd(self, words: &[&str]) -> Self {
        self.set("Cmd", json!(words))
    }

    /// `NAME=value` each.
    #[must_use]
    pub fn env(self, variables: &[&str]) -> Self {
        self.set("Env", json!(variables))
    }

    #[must_use]
    pub fn user(self, user: &str) -> Self {
        self.set("User", json!(user))
    }

    #[must_use]
    pub fn working_dir(self, path: &str) -> Self {
        self.set("WorkingDir", json!(path))
    }

    #[must_use]
    pub fn stop_signal(self, signal: &str) -> Self {
        self.set("StopSignal", json!(signal))
    }

    #[must_use]
    pub fn labels(self, labels: &BTreeMap<String, String>) -> Self {
        self.set("Labels", json!(labels))
    }

    /// `80/tcp` each.
    #[must_use]
    pub fn exposed_ports(self, ports: &[&str]) -> Self {
        self.set("ExposedPorts", keys(ports))
    }

    #[must_use]
    pub fn volumes(self, paths: &[&str]) -> Self {
        self.set("Volumes", keys(paths))
    }

    /// Go's name of an architecture; this machine's by default.
    #[must_use]
    pub fn architecture(mut self, name: &str) -> Self {
        self.architecture = Some(name.to_owned());
        self
    }

    /// Adds a name, written into the archive as it is.
    #[must_use]
    pub fn tag(mut self, name: &str) -> Self {
        self.tags.push(name.to_owned());
        self
    }

    /// Adds a layer on top of the others.
    #[must_use]
    pub fn layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// Compresses each layer (not the archive).
    #[must_use]
    pub fn compress_layers(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// Writes the archive, uncompressed, and gives the image's id.
    ///
    /// # Errors
    /// Those of `out`, or of the temporary files that hold layers.
    pub fn write(self, format: Format, out: impl Write) -> io::Result<Digest> {
        let compression = self.compression.unwrap_or(Compression::None);
        let mut layers = Vec::new();
        for layer in self.layers {
            layers.push(Blob::pack(layer.finish()?, compression)?);
        }
        let diff_ids: Vec<String> = layers.iter().map(|l| l.diff_id.to_string()).collect();
        let architecture = self.architecture.as_deref();
        let config = json!({
            "architecture": architecture.unwrap_or(crate::config::host_architecture()),
            "os": "linux",
            "config": self.settings,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        })
        .to_string()
        .into_bytes();
        let id = Digest::of(&config);
        let mut archive = tar::Builder::new(out);
        match format {
            Format::Docker => write_docker(&mut archive, &config, &mut layers, &self.tags)?,
            Format::Oci => write_oci(&mut archive, &config, &mut layers, &self.tags)?,
        }
        archive.into_inner()?.flush()?;
        Ok(id)
    }
}

/// A packed layer in an unnamed file.
struct Blob {
    file: File,
    diff_id: Digest,
    digest: Digest,
    size: u64,
    media_type: &'static str,
}

impl Blob {
    fn pack(mut plain: File, compression: Compression) -> io::Result<Self> {
        plain.seek(SeekFrom::Start(0))?;
        let (diff_id, _) = HashingReader::new(&plain).finish()?;
        plain.seek(SeekFrom::Start(0))?;
        let (mut file, media_type) = match compression {
            Compression::None => (plain, "application/vnd.oci.image.layer.v1.tar"),
            Compression::Gzip => (gzip(plain)?, "application/vnd.oci.image.layer.v1.tar+gzip"),
            Compression::Zstd => (zstd(plain)?, "application/vnd.oci.image.layer.v1.tar+zstd"),
        };
        file.seek(SeekFrom::Start(0))?;
        let (digest, size) = HashingReader::new(&file).finish()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Self {
            file,
            diff_id,
            digest,
            size,
            media_type,
        })
    }
}

fn gzip(mut plain: File) -> io::Result<File> {
    let file = unnamed_file(&std::env::temp_dir())?;
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    io::copy(&mut plain, &mut encoder)?;
    encoder.finish()
}

fn zstd(mut plain: File) -> io::Result<File> {
    let mut encoder = zstd::Encoder::new(unnamed_file(&std::env::temp_dir())?, 3)?;
    io::copy(&mut plain, &mut encoder)?;
    encoder.finish()
}

fn append<W: Write>(
    archive: &mut tar::Builder<W>,
    name: &str,
    size: u64,
    data: impl Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(size);
    archive.append_data(&mut header, name, data)
}

fn append_bytes<W: Write>(
    archive: &mut tar::Builder<W>,
    name: &str,
    bytes: &[u8],
) -> io::Result<()> {
    append(archive, name, bytes.len() as u64, bytes)
}

fn write_docker<W: Write>(
    archive: &mut tar::Builder<W>,
    config: &[u8],
    layers: &mut [Blob],
    tags: &[String],
) -> io::Result<()> {
    let name = |layer: &Blob| format!("{}/layer.tar", layer.digest.hex());
    let config_name = format!("{}.json", Digest::of(config).hex());
    let manifest = json!([{
        "Config": config_name,
        "RepoTags": tags,
        "Layers": layers.iter().map(name).collect::<Vec<_>>(),
    }]);
    append_bytes(archive, &config_name, config)?;
    for layer in layers {
        let name = name(layer);
        append(archive, &name, layer.size, &layer.file)?;
    }
    append_bytes(archive, "manifest.json", manifest.to_string().as_bytes())
}

fn write_oci<W: Write>(
    archive: &mut tar::Builder<W>,
    config: &[u8],
    layers: &mut [Blob],
    tags: &[String],
) -> io::Result<()> {
    let name = |digest: Digest| format!("blobs/sha256/{}", digest.hex());
    let layer = |layer: &Blob| json!({ "mediaType": layer.media_type, "digest": layer.digest, "size": layer.size });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": layers.iter().map(layer).collect::<Vec<_>>(),
    })
    .to_string()
    .into_bytes();
    let image = descriptor("application/vnd.oci.image.manifest.v1+json", &manifest);
    let mut manifests = Vec::new();
    for tag in tags {
        let mut named = image.clone();
        named["annotations"] = json!({ "io.containerd.image.name": tag });
        manifests.push(named);
    }
    if manifests.is_empty() {
        manifests.push(image);
    }
    let index = json!({ "schemaVersion": 2, "manifests": manifests });
    append_bytes(archive, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    append_bytes(archive, "index.json", index.to_string().as_bytes())?;
    append_bytes(archive, &name(Digest::of(&manifest)), &manifest)?;
    append_bytes(archive, &name(Digest::of(config)), config)?;
    for layer in layers {
        append(archive, &name(layer.digest), layer.size, &layer.file)?;
    }
    Ok(())
}

/// A set, as Go writes it.
fn keys(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| ((*name).to_owned(), json!({})))
        .collect()
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len() })
}
