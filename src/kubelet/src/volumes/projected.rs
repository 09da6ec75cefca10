//! `projected` volumes: several sources in one directory.

use std::path::PathBuf;

use api::core::{Volume, VolumeProjection};
use futures::future::BoxFuture;

use super::atomic::Payloads;
use super::keys::{Keys, payloads};
use super::{VolumeCx, VolumePlugin, atomic, downward, secret, token};
use crate::references::Source;

pub struct Projected;

impl VolumePlugin for Projected {
    fn supports(&self, volume: &Volume) -> bool {
        volume.projected.is_some()
    }

    fn setup<'a>(
        &'a self,
        volume: &'a Volume,
        cx: &'a VolumeCx<'a>,
    ) -> BoxFuture<'a, Result<PathBuf, String>> {
        Box::pin(async move {
            let source = volume.projected.as_ref().ok_or("not a projected volume")?;
            let mode = source.default_mode.unwrap_or(0o644);
            let mut all = Payloads::new();
            for projection in source.sources.iter().flatten() {
                all.extend(project(projection, mode, cx).await?);
            }
            let path = cx.path("projected", &volume.name);
            secret::in_memory(&path)?;
            atomic::write(&path, &all, cx.group()).map_err(|error| error.to_string())?;
            Ok(path)
        })
    }
}

async fn project(
    projection: &VolumeProjection,
    default_mode: i32,
    cx: &VolumeCx<'_>,
) -> Result<Payloads, String> {
    if let Some(map) = &projection.config_map {
        let keys = Keys {
            source: Source::ConfigMap,
            name: &map.name,
            optional: map.optional == Some(true),
            items: map.items.as_deref().unwrap_or_default(),
            default_mode,
        };
        return payloads(&keys, cx).await;
    }
    if let Some(secret) = &projection.secret {
        let keys = Keys {
            source: Source::Secret,
            name: &secret.name,
            optional: secret.optional == Some(true),
            items: secret.items.as_deref().unwrap_or_default(),
            default_mode,
        };
        return payloads(&keys, cx).await;
    }
    if let Some(fields) = &projection.downward_api {
        let items = fields.items.as_deref().unwrap_or_default();
        return downward::payloads(items, default_mode, cx);
    }
    if let Some(token) = &projection.service_account_token {
        return token::payloads(token, default_mode, cx).await;
    }
    Err(
        "rk3s does not support this source of a projected volume yet (cluster trust bundles, pod certificates)"
            .to_owned(),
    )
}
