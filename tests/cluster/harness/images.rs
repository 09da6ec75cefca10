//! Image archives: the one of busybox that the script made, and others told apart by their names.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::Path;

use anyhow::{Context, Result};
use image::archive::builder::{Builder, Format, Layer};

use super::machine;

/// The image that nearly all pods run.
pub const BUSYBOX: &str = "busybox:1.35";

/// Puts busybox where the server imports from, before it starts.
pub fn place_busybox(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    fs::copy(machine::busybox_archive()?, directory.join("busybox.tar"))?;
    Ok(())
}

/// An image of one static program that is its own shell, appearing whole under its name, as a
/// person's `mv` does.
pub fn place_another(directory: &Path, reference: &str, format: Format) -> Result<()> {
    let layer = Layer::new()?
        .directory("bin/", 0o755)?
        .directory("tmp/", 0o1777)?
        .copy("bin/sh", 0o755, Path::new("/bin/busybox"))
        .context("apt-get install -y busybox-static")?
        .hard_link("bin/sleep", "bin/sh")?;
    let part = directory.join(".another.part");
    let file = BufWriter::new(File::create(&part)?);
    Builder::new()
        .tag(reference)
        .env(&["PATH=/bin"])
        .cmd(&["sleep", "3600"])
        .layer(layer)
        .write(format, file)?;
    fs::rename(part, directory.join("another.tar")).map_err(io::Error::into)
}
