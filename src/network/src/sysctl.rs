//! Kernel settings of the calling thread's network namespace, by their files in `/proc/sys/net`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {source}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The file that remembers the settings of before.
    #[error("{}: {source}", .path.display())]
    Saved {
        path: PathBuf,
        source: serde_json::Error,
    },
}

/// Settings of the whole host that pods need, restored by [`restore`].
///
/// `send_redirects`: pods reach each other through the bridge's own address, and the host must not
/// tell them to go directly, which isolated ports refuse. The kernel takes the greater of `all`
/// and the interface's, so both must be 0.
const HOST: [(&str, &str); 2] = [
    ("ipv4/ip_forward", "1"),
    ("ipv4/conf/all/send_redirects", "0"),
];

/// Settings of the bridge, which vanish with it.
///
/// `rp_filter`: all pods are behind the bridge and nothing else is, so the strict check is right;
/// where `all` is looser, the looser one counts.
const BRIDGE: [(&str, &str); 3] = [
    ("send_redirects", "0"),
    ("rp_filter", "1"),
    ("accept_redirects", "0"),
];

fn file(setting: &str) -> PathBuf {
    Path::new("/proc/sys/net").join(setting)
}

fn read(setting: &str) -> Result<String, Error> {
    let path = file(setting);
    let value = fs::read_to_string(&path).map_err(at(&path))?;
    Ok(value.trim().to_owned())
}

fn write(setting: &str, value: &str) -> Result<(), Error> {
    let path = file(setting);
    fs::write(&path, value).map_err(at(&path))
}

/// Changes the host's settings. Those of before the first time are kept in `saved`.
pub fn apply_host(saved: &Path) -> Result<(), Error> {
    if !saved.exists() {
        let before = HOST
            .iter()
            .map(|(setting, _)| Ok((*setting, read(setting)?)))
            .collect::<Result<BTreeMap<_, _>, Error>>()?;
        let bytes = serde_json::to_vec(&before).map_err(|source| Error::Saved {
            path: saved.to_owned(),
            source,
        })?;
        base::fsio::write_atomic(saved, &bytes, 0o600).map_err(at(saved))?;
    }
    HOST.iter()
        .try_for_each(|(setting, value)| write(setting, value))
}

/// Changes the bridge's settings.
pub fn apply_bridge(bridge: &str) -> Result<(), Error> {
    BRIDGE
        .iter()
        .try_for_each(|(setting, value)| write(&format!("ipv4/conf/{bridge}/{setting}"), value))
}

/// Sets the host's settings back to what `saved` says and removes it; nothing where it is absent.
pub fn restore(saved: &Path) -> Result<(), Error> {
    let bytes = match fs::read(saved) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(at(saved))?,
    };
    let before: BTreeMap<String, String> =
        serde_json::from_slice(&bytes).map_err(|source| Error::Saved {
            path: saved.to_owned(),
            source,
        })?;
    for (setting, _) in HOST {
        if let Some(value) = before.get(setting) {
            write(setting, value)?;
        }
    }
    fs::remove_file(saved).map_err(at(saved))
}

fn at(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io {
        path: path.clone(),
        source,
    }
}
