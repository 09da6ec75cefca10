//! `secret` volumes: in memory, never on disk.

use std::path::{Path, PathBuf};

use api::core::Volume;
use futures::future::BoxFuture;

use super::keys::{Keys, payloads};
use super::{VolumeCx, VolumePlugin, atomic, empty_dir};
use crate::references::Source;

pub struct Secret;

impl VolumePlugin for Secret {
    fn supports(&self, volume: &Volume) -> bool {
        volume.secret.is_some()
    }

    fn setup<'a>(
        &'a self,
        volume: &'a Volume,
        cx: &'a VolumeCx<'a>,
    ) -> BoxFuture<'a, Result<PathBuf, String>> {
        Box::pin(async move {
            let source = volume.secret.as_ref().ok_or("not a secret volume")?;
            let keys = Keys {
                source: Source::Secret,
                name: source.secret_name.as_deref().unwrap_or_default(),
                optional: source.optional == Some(true),
                items: source.items.as_deref().unwrap_or_default(),
                default_mode: source.default_mode.unwrap_or(0o644),
            };
            let path = cx.path("secret", &volume.name);
            let payloads = payloads(&keys, cx).await?;
            in_memory(&path)?;
            atomic::write(&path, &payloads, cx.group()).map_err(|error| error.to_string())?;
            Ok(path)
        })
    }
}

/// A directory backed by a tmpfs of its own.
pub fn in_memory(path: &Path) -> Result<(), String> {
    std::fs::create_dir_all(path).map_err(|error| error.to_string())?;
    empty_dir::mount_tmpfs(path, None).map_err(|error| format!("cannot mount a tmpfs: {error}"))
}
