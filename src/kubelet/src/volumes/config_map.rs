//! `configMap` volumes.

use std::path::PathBuf;

use api::core::Volume;
use futures::future::BoxFuture;

use super::keys::{Keys, payloads};
use super::{VolumeCx, VolumePlugin, atomic};
use crate::references::Source;

pub struct ConfigMap;

impl VolumePlugin for ConfigMap {
    fn supports(&self, volume: &Volume) -> bool {
        volume.config_map.is_some()
    }

    fn setup<'a>(
        &'a self,
        volume: &'a Volume,
        cx: &'a VolumeCx<'a>,
    ) -> BoxFuture<'a, Result<PathBuf, String>> {
        Box::pin(async move {
            let source = volume.config_map.as_ref().ok_or("not a configMap volume")?;
            let keys = Keys {
                source: Source::ConfigMap,
                name: &source.name,
                optional: source.optional == Some(true),
                items: source.items.as_deref().unwrap_or_default(),
                default_mode: source.default_mode.unwrap_or(0o644),
            };
            let path = cx.path("configmap", &volume.name);
            let payloads = payloads(&keys, cx).await?;
            atomic::write(&path, &payloads, cx.group()).map_err(|error| error.to_string())?;
            Ok(path)
        })
    }
}
