//! Support for this crate's tests.

use std::path::{Path, PathBuf};

/// A directory of one's own, removed when dropped; those of crashed runs are removed first.
pub struct TestDir(PathBuf);

impl TestDir {
    /// On the disk of temporary files.
    pub fn new() -> Self {
        Self::within(&std::env::temp_dir())
    }

    /// In memory where that is possible: an import syncs its file system, which on a disk waits
    /// for whatever else is written to it.
    pub fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() {
            Self::within(memory)
        } else {
            Self::new()
        }
    }

    fn within(place: &Path) -> Self {
        let home = place.join("rk3s-image-tests");
        std::fs::create_dir_all(&home).expect("a writable place");
        sweep(&home);
        let name = format!("{}-{}", std::process::id(), base::random::name_suffix(8));
        let path = home.join(name);
        std::fs::create_dir(&path).expect("a fresh name");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TestDir {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// Directories are named after the process that made them.
fn sweep(home: &Path) {
    for entry in std::fs::read_dir(home).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.split('-').next().unwrap_or_default();
        if !Path::new("/proc").join(process).exists() {
            remove(&entry.path());
        }
    }
}

fn remove(path: &Path) {
    // Another test process may be sweeping the same leftover: whoever comes second finds nothing.
    let _ = crate::removal::empty_directory(path).and_then(|()| std::fs::remove_dir(path));
}

/// Raw tar entries, for what no builder writes.
#[derive(Clone, Default)]
pub struct RawTar(pub Vec<u8>);

/// One raw header's fields.
pub struct Raw<'a> {
    pub name: &'a str,
    pub kind: u8,
    pub link: &'a str,
    pub mode: u32,
    pub device: (u32, u32),
    pub data: &'a [u8],
}

impl Default for Raw<'_> {
    fn default() -> Self {
        Self {
            name: "",
            kind: b'0',
            link: "",
            mode: 0o644,
            device: (0, 0),
            data: b"",
        }
    }
}

impl RawTar {
    pub fn add(mut self, entry: &Raw<'_>) -> Self {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..entry.name.len()].copy_from_slice(entry.name.as_bytes());
        header.as_old_mut().linkname[..entry.link.len()].copy_from_slice(entry.link.as_bytes());
        header.as_old_mut().linkflag = [entry.kind];
        header.set_mode(entry.mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_000);
        header
            .set_device_major(entry.device.0)
            .expect("ustar has devices");
        header
            .set_device_minor(entry.device.1)
            .expect("ustar has devices");
        header.set_size(entry.data.len() as u64);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(entry.data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub fn file(self, name: &str, data: &str) -> Self {
        self.add(&Raw {
            name,
            data: data.as_bytes(),
            ..Raw::default()
        })
    }

    pub fn directory(self, name: &str, mode: u32) -> Self {
        self.add(&Raw {
            name,
            kind: b'5',
            mode,
            ..Raw::default()
        })
    }

    pub fn symlink(self, name: &str, link: &str) -> Self {
        self.add(&Raw {
            name,
            kind: b'2',
            link,
            mode: 0o777,
            ..Raw::default()
        })
    }

    pub fn hard_link(self, name: &str, link: &str) -> Self {
        self.add(&Raw {
            name,
            kind: b'1',
            link,
            ..Raw::default()
        })
    }
}

/// A tree as text, one line per name: type, mode, owner, links, then content, target or device,
/// then attributes. Sorted.
pub fn describe(root: &Path) -> String {
    let mut lines = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(root.join(&directory)).expect("a directory") {
            let path = directory.join(entry.expect("readable").file_name());
            if std::fs::symlink_metadata(root.join(&path)).is_ok_and(|m| m.is_dir()) {
                pending.push(path.clone());
            }
            lines.push(describe_one(root, &path));
        }
    }
    lines.sort();
    lines.concat()
}

fn describe_one(root: &Path, path: &Path) -> String {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let full = root.join(path);
    let Ok(metadata) = std::fs::symlink_metadata(&full) else {
        return format!("{} ?\n", path.display());
    };
    let kind = metadata.file_type();
    let (letter, what) = if kind.is_dir() {
        ('d', String::new())
    } else if kind.is_symlink() {
        (
            'l',
            format!(
                " -> {}",
                std::fs::read_link(&full).expect("a link").display()
            ),
        )
    } else if kind.is_file() {
        let content =
            String::from_utf8_lossy(&std::fs::read(&full).expect("readable")).into_owned();
        ('f', format!(" {content:?}"))
    } else {
        let letter = match () {
            () if kind.is_char_device() => 'c',
            () if kind.is_block_device() => 'b',
            () => 'p',
        };
        let number = metadata.rdev();
        (
            letter,
            format!(
                " {}:{}",
                rustix::fs::major(number),
                rustix::fs::minor(number)
            ),
        )
    };
    format!(
        "{} {letter}{:04o} {}:{} n{} t{}{what}{}\n",
        path.display(),
        metadata.mode() & 0o7777,
        metadata.uid(),
        metadata.gid(),
        if kind.is_dir() { 0 } else { metadata.nlink() },
        metadata.mtime(),
        attributes(&full),
    )
}

fn attributes(path: &Path) -> String {
    let mut names = vec![0; 4096];
    let length = rustix::fs::llistxattr(path, names.as_mut_slice()).expect("listable");
    let names = names[..length].split(|byte| *byte == 0);
    let mut names: Vec<&[u8]> = names.filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    let show = |name: &[u8]| {
        let mut value = vec![0; 4096];
        let length = rustix::fs::lgetxattr(path, name, value.as_mut_slice()).expect("readable");
        format!(
            " {}={}",
            String::from_utf8_lossy(name),
            value[..length].escape_ascii()
        )
    };
    names.into_iter().map(show).collect()
}
