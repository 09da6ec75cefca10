//! Files that change all at once: a fresh directory, then one rename of the `..data` link
//! (upstream's AtomicWriter).

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

/// A file to be: contents, permissions, and its user where that is not root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    pub data: Vec<u8>,
    pub mode: u32,
    pub owner: Option<u32>,
}

/// Relative path to payload.
pub type Payloads = BTreeMap<String, Payload>;

const DATA: &str = "..data";

/// Makes `directory` hold exactly `payloads`; nothing changes when it does already.
///
/// # Errors
/// The underlying I/O error; readers then still see the old files.
pub fn write(directory: &Path, payloads: &Payloads, group: Option<u32>) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o777))?;
    let data = directory.join(DATA);
    let old = fs::read_link(&data).ok().map(|link| directory.join(link));
    if old.as_deref().is_some_and(|old| holds(old, payloads)) {
        // An earlier call may have ended before its links.
        return link_names(directory, payloads);
    }
    let fresh = format!("..{}", base::random::name_suffix(12));
    let target = directory.join(&fresh);
    fs::create_dir(&target)?;
    fs::set_permissions(&target, fs::Permissions::from_mode(0o755))?;
    for (path, payload) in payloads {
        write_file(&target.join(path), payload, group)?;
    }
    let temporary = directory.join("..data_tmp");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => symlink(&fresh, &temporary)?,
    }
    fs::rename(&temporary, &data)?;
    link_names(directory, payloads)?;
    match old {
        Some(old) => fs::remove_dir_all(old),
        None => Ok(()),
    }
}

fn write_file(path: &Path, payload: &Payload, group: Option<u32>) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, &payload.data)?;
    if group.is_some() || payload.owner.is_some() {
        chown(path, payload.owner, group)?;
    }
    // After writing: a mode without write permission would refuse it.
    let mode = if group.is_some() {
        payload.mode | 0o440
    } else {
        payload.mode
    };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn holds(data: &Path, payloads: &Payloads) -> bool {
    let mut found = Vec::new();
    if files_below(data, data, &mut found).is_err() || found.len() != payloads.len() {
        return false;
    }
    payloads.iter().all(|(path, payload)| {
        let path = data.join(path);
        let mode = fs::metadata(&path).map(|m| m.permissions().mode() & 0o777);
        fs::read(&path).is_ok_and(|data| data == payload.data)
            && mode.is_ok_and(|mode| mode & payload.mode == payload.mode)
    })
}

fn files_below(root: &Path, directory: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            files_below(root, &path, found)?;
        } else {
            found.push(path.strip_prefix(root).unwrap_or(&path).to_owned());
        }
    }
    Ok(())
}

/// One link per top-level name into `..data`; names that are gone lose theirs.
fn link_names(directory: &Path, payloads: &Payloads) -> io::Result<()> {
    let top = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
    let names: Vec<String> = payloads.keys().map(|path| top(path)).collect();
    for name in &names {
        let link = directory.join(name);
        if !link.is_symlink() {
            symlink(Path::new(DATA).join(name), &link)?;
        }
    }
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with("..") && !names.contains(&name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(rows: &[(&str, &str)]) -> Payloads {
        let payload = |data: &str| Payload {
            data: data.as_bytes().to_vec(),
            mode: 0o400,
            owner: None,
        };
        rows.iter()
            .map(|(path, data)| ((*path).to_owned(), payload(data)))
            .collect()
    }

    #[test]
    fn files_change_all_at_once() {
        let directory = std::env::temp_dir().join(format!("atomic-{}", base::random::uuid()));
        write(&directory, &payloads(&[("a", "1"), ("d/b", "2")]), None).expect("written");
        let first = fs::read_link(directory.join(DATA)).expect("a link");
        write(&directory, &payloads(&[("a", "1"), ("d/b", "2")]), None).expect("unchanged");
        assert_eq!(fs::read_link(directory.join(DATA)).expect("a link"), first);
        write(&directory, &payloads(&[("a", "3")]), None).expect("changed");
        assert_eq!(fs::read(directory.join("a")).expect("readable"), b"3");
        assert!(!directory.join("d").exists());
        let mode = fs::metadata(directory.join("a"))
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o400);
        assert_eq!(fs::read_dir(&directory).expect("readable").count(), 3);
        fs::remove_dir_all(directory).expect("removable");
    }
}
