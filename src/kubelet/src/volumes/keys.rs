//! Keys of a ConfigMap or Secret as files.

use api::core::KeyToPath;

use super::VolumeCx;
use super::atomic::{Payload, Payloads};
use crate::references::Source;

/// Which object's keys, and how they are shown.
pub struct Keys<'a> {
    pub source: Source,
    pub name: &'a str,
    pub optional: bool,
    /// Empty: all keys, each under its own name.
    pub items: &'a [KeyToPath],
    pub default_mode: i32,
}

/// The files of a volume of keys.
///
/// # Errors
/// What the FailedMount event says: a missing object or key, a path that leads out.
pub async fn payloads(keys: &Keys<'_>, cx: &VolumeCx<'_>) -> Result<Payloads, String> {
    let namespace = cx
        .facts
        .pod
        .metadata
        .namespace
        .as_deref()
        .unwrap_or_default();
    let data = cx.references.data(keys.source, namespace, keys.name).await;
    let data = match data.map_err(|error| error.to_string())? {
        Some(data) => data,
        None if keys.optional => return Ok(Payloads::new()),
        None => {
            return Err(format!(
                "{} {:?} not found",
                keys.source.singular(),
                keys.name
            ));
        }
    };
    let mode = |mode: Option<i32>| mode.unwrap_or(keys.default_mode).unsigned_abs() & 0o777;
    if keys.items.is_empty() {
        let all = data.into_iter();
        return Ok(all
            .map(|(key, data)| {
                (
                    key,
                    Payload {
                        data,
                        mode: mode(None),
                        owner: None,
                    },
                )
            })
            .collect());
    }
    let mut payloads = Payloads::new();
    for item in keys.items {
        check_path(&item.path)?;
        match data.get(&item.key) {
            Some(data) => {
                let payload = Payload {
                    data: data.clone(),
                    mode: mode(item.mode),
                    owner: None,
                };
                payloads.insert(item.path.clone(), payload);
            }
            None if keys.optional => {}
            None => {
                let kind = keys.source.singular();
                return Err(match keys.source {
                    Source::Secret => format!("references non-existent {kind} key: {}", item.key),
                    Source::ConfigMap => {
                        format!("{kind} references non-existent config key: {}", item.key)
                    }
                });
            }
        }
    }
    Ok(payloads)
}

/// A path stays below its volume (validation has refused others; the store may be older).
pub fn check_path(path: &str) -> Result<(), String> {
    let leads_out = path.starts_with('/') || path.split('/').any(|part| part == "..");
    if leads_out || path.is_empty() || path.starts_with("..") {
        return Err(format!(
            "path {path:?} must be relative and must not contain '..'"
        ));
    }
    Ok(())
}
