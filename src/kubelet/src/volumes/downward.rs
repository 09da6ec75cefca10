//! `downwardAPI` volumes: what a pod may read of itself, as files.

use std::path::PathBuf;

use api::core::{DownwardAPIVolumeFile, Volume};
use futures::future::BoxFuture;

use super::atomic::{Payload, Payloads};
use super::keys::check_path;
use super::{VolumeCx, VolumePlugin, atomic};
use crate::{env, fields};

pub struct DownwardApi;

impl VolumePlugin for DownwardApi {
    fn supports(&self, volume: &Volume) -> bool {
        volume.downward_api.is_some()
    }

    fn setup<'a>(
        &'a self,
        volume: &'a Volume,
        cx: &'a VolumeCx<'a>,
    ) -> BoxFuture<'a, Result<PathBuf, String>> {
        Box::pin(async move {
            let source = volume
                .downward_api
                .as_ref()
                .ok_or("not a downwardAPI volume")?;
            let items = source.items.as_deref().unwrap_or_default();
            let payloads = payloads(items, source.default_mode.unwrap_or(0o644), cx)?;
            let path = cx.path("downward-api", &volume.name);
            atomic::write(&path, &payloads, cx.group()).map_err(|error| error.to_string())?;
            Ok(path)
        })
    }
}

/// The files of a downward API volume or projection.
pub fn payloads(
    items: &[DownwardAPIVolumeFile],
    default_mode: i32,
    cx: &VolumeCx<'_>,
) -> Result<Payloads, String> {
    let mut payloads = Payloads::new();
    for item in items {
        check_path(&item.path)?;
        let value = if let Some(field) = &item.field_ref {
            fields::read(&field.field_path, cx.facts)
                .ok_or_else(|| format!("unsupported fieldPath: {}", field.field_path))?
        } else if let Some(resource) = &item.resource_field_ref {
            let name = resource.container_name.as_deref().unwrap_or_default();
            let spec = cx.facts.pod.spec.as_ref();
            let container = spec.and_then(|spec| spec.containers.iter().find(|c| c.name == name));
            let container = container.ok_or_else(|| format!("container {name} not found"))?;
            let divisor = resource.divisor.as_ref().and_then(|d| d.0.parse().ok());
            env::resource_field(&resource.resource, divisor, container, cx.facts)
                .map_err(|error| error.to_string())?
        } else {
            return Err(format!(
                "item {:?} names neither a field nor a resource",
                item.path
            ));
        };
        let mode = item.mode.unwrap_or(default_mode).unsigned_abs() & 0o777;
        payloads.insert(
            item.path.clone(),
            Payload {
                data: value.into_bytes(),
                mode,
                owner: None,
            },
        );
    }
    Ok(payloads)
}
