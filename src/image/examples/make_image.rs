//! Writes an image archive: the machine's static busybox with a link per applet, or any
//! directory.
//!
//! ```text
//! make_image --output busybox.tar [--tag docker.io/library/busybox:1.35]...
//!     [--rootfs DIRECTORY]            instead of busybox
//!     [--busybox /bin/busybox]        a statically linked one (Debian: busybox-static)
//!     [--entrypoint WORD]... [--cmd WORD]... [--env NAME=VALUE]... [--user USER]
//!     [--working-dir PATH] [--format docker|oci]
//! ```
//!
//! An output whose name ends with .gz, .tgz, .zst or .tzst is compressed.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use image::archive::builder::{Builder, Format, Layer};

type Failure = Box<dyn std::error::Error>;

/// The command line, every option a list.
struct Options {
    given: Vec<(String, String)>,
}

impl Options {
    const KNOWN: [&str; 10] = [
        "output",
        "tag",
        "rootfs",
        "busybox",
        "entrypoint",
        "cmd",
        "env",
        "user",
        "working-dir",
        "format",
    ];

    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut given = Vec::new();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").unwrap_or_default();
            if !Self::KNOWN.contains(&name) {
                return Err(format!(
                    "unknown option {word:?}; there are --{}",
                    Self::KNOWN.join(" --")
                )
                .into());
            }
            let value = words
                .next()
                .ok_or_else(|| format!("{word} needs a value"))?;
            given.push((name.to_owned(), value));
        }
        Ok(Self { given })
    }

    fn all(&self, name: &str) -> Vec<&str> {
        let named = self.given.iter().filter(|(given, _)| given == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    fn last(&self, name: &str) -> Option<&str> {
        self.all(name).pop()
    }
}

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A failure to write to standard error leaves nobody to tell.
            let _ = writeln!(io::stderr(), "make_image: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Failure> {
    let output = PathBuf::from(options.last("output").ok_or("--output is missing")?);
    let (layer, default_cmd) = match options.last("rootfs") {
        Some(directory) => (Layer::new()?.tree(Path::new(directory))?, None),
        None => {
            let busybox = options.last("busybox").unwrap_or("/bin/busybox");
            (busybox_layer(Path::new(busybox))?, Some("sh"))
        }
    };
    let mut env = options.all("env");
    if !env.iter().any(|variable| variable.starts_with("PATH=")) {
        env.insert(
            0,
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        );
    }
    let mut builder = Builder::new().env(&env).layer(layer);
    let entrypoint = options.all("entrypoint");
    if !entrypoint.is_empty() {
        builder = builder.entrypoint(&entrypoint);
    }
    let mut cmd = options.all("cmd");
    if cmd.is_empty() && entrypoint.is_empty() {
        cmd.extend(default_cmd);
    }
    if !cmd.is_empty() {
        builder = builder.cmd(&cmd);
    }
    if let Some(user) = options.last("user") {
        builder = builder.user(user);
    }
    if let Some(path) = options.last("working-dir") {
        builder = builder.working_dir(path);
    }
    for tag in options.all("tag") {
        image::Reference::parse(tag).map_err(|error| format!("tag {tag:?}: {error}"))?;
        builder = builder.tag(tag);
    }
    let format = match options.last("format") {
        None | Some("docker") => Format::Docker,
        Some("oci") => Format::Oci,
        Some(other) => return Err(format!("unknown format {other:?}").into()),
    };
    let id = write(builder, format, &output)?;
    writeln!(io::stdout(), "{id} {}", output.display())?;
    Ok(())
}

/// Under another name first: whoever watches the directory sees a whole archive at once.
fn write(builder: Builder, format: Format, output: &Path) -> Result<image::Digest, Failure> {
    let name = output
        .file_name()
        .ok_or("--output names no file")?
        .to_string_lossy()
        .into_owned();
    let temporary = output.with_file_name(format!(".{name}.part"));
    let file = File::create(&temporary).map_err(|e| format!("{}: {e}", temporary.display()))?;
    let id = if name.ends_with("gz") {
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::default());
        let id = builder.write(format, &mut encoder)?;
        encoder.finish()?;
        id
    } else if name.ends_with("zst") {
        let mut encoder = zstd::Encoder::new(file, 3)?;
        let id = builder.write(format, &mut encoder)?;
        encoder.finish()?;
        id
    } else {
        builder.write(format, io::BufWriter::new(file))?
    };
    std::fs::rename(&temporary, output)?;
    Ok(id)
}

/// The file system of a small image: one program under all its names, and what programs expect.
fn busybox_layer(busybox: &Path) -> Result<Layer, Failure> {
    let listed = Command::new(busybox).arg("--list").output().map_err(|e| {
        format!(
            "{}: {e} (Debian: apt-get install busybox-static)",
            busybox.display()
        )
    })?;
    let applets = String::from_utf8(listed.stdout)?;
    let mut layer = Layer::new()?;
    for directory in [
        "bin", "dev", "etc", "proc", "root", "sys", "usr", "usr/bin", "var",
    ] {
        layer = layer.directory(
            &format!("{directory}/"),
            if directory == "root" { 0o700 } else { 0o755 },
        )?;
    }
    layer = layer
        .directory("home/", 0o755)?
        .directory("tmp/", 0o1777)?
        .symlink("sbin", "bin")?
        .file(
            "etc/passwd",
            0o644,
            b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
        )?
        .file("etc/group", 0o644, b"root:x:0:\nnogroup:x:65534:\n")?
        .file("etc/nsswitch.conf", 0o644, b"hosts: files dns\n")?
        .copy("bin/busybox", 0o755, busybox)?;
    for applet in applets.lines().filter(|applet| *applet != "busybox") {
        layer = layer.hard_link(&format!("bin/{applet}"), "bin/busybox")?;
    }
    Ok(layer.symlink("usr/bin/env", "../../bin/env")?)
}
