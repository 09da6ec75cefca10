//! `cri::ImageService` on the node's image store.

use std::sync::Arc;

use cri::{AuthConfig, FsUsage, Image, ImageService, ImageSpec, Result};
use futures::FutureExt;
use futures::future::BoxFuture;
use image::{ImageRecord, ImageStore};

use super::blocking;
use super::rootfs::store_error;

/// The store, seen by the kubelet.
#[derive(Clone)]
pub struct Images(Arc<ImageStore>);

impl Images {
    #[must_use]
    pub fn new(store: Arc<ImageStore>) -> Self {
        Self(store)
    }

    fn describe(&self, record: ImageRecord) -> Result<Image> {
        let id = record.id.to_string();
        let config = self
            .0
            .config(record.id)
            .map_err(|error| store_error(&error, &id))?;
        let user = config.user.split(':').next().unwrap_or_default();
        // A name is only told when it is one; `0` and an absent user are both root.
        let uid = if user.is_empty() {
            Some(0)
        } else {
            user.parse().ok()
        };
        Ok(Image {
            id,
            repo_tags: record.repo_tags.iter().map(ToString::to_string).collect(),
            repo_digests: record
                .repo_digests
                .iter()
                .map(ToString::to_string)
                .collect(),
            size: record.size,
            username: if uid.is_none() {
                user.to_owned()
            } else {
                String::new()
            },
            uid,
            pinned: record.pinned,
        })
    }
}

impl ImageService for Images {
    fn list_images(&self) -> BoxFuture<'_, Result<Vec<Image>>> {
        let this = self.clone();
        blocking(move || {
            this.0
                .list()
                .into_iter()
                .map(|record| this.describe(record))
                .collect()
        })
        .boxed()
    }

    fn image_status<'a>(&'a self, image: &'a ImageSpec) -> BoxFuture<'a, Result<Option<Image>>> {
        let (this, name) = (self.clone(), image.image.clone());
        blocking(move || {
            this.0
                .resolve(&name)
                .map(|record| this.describe(record))
                .transpose()
        })
        .boxed()
    }

    fn pull_image<'a>(
        &'a self,
        image: &'a ImageSpec,
        _auth: Option<AuthConfig>,
    ) -> BoxFuture<'a, Result<String>> {
        let (store, name) = (self.0.clone(), image.image.clone());
        blocking(move || {
            let record = store
                .pull(&name)
                .map_err(|error| store_error(&error, &name))?;
            Ok(record.id.to_string())
        })
        .boxed()
    }

    fn remove_image<'a>(&'a self, image: &'a ImageSpec) -> BoxFuture<'a, Result<()>> {
        let (store, name) = (self.0.clone(), image.image.clone());
        blocking(move || match store.remove(&name) {
            Ok(_) | Err(image::StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(store_error(&error, &name)),
        })
        .boxed()
    }

    fn image_fs_info(&self) -> BoxFuture<'_, Result<FsUsage>> {
        let store = self.0.clone();
        blocking(move || {
            let usage = store.fs_usage().map_err(|error| store_error(&error, ""))?;
            Ok(FsUsage {
                mountpoint: usage.mountpoint.display().to_string(),
                used_bytes: usage.used.bytes,
                inodes_used: usage.used.inodes,
            })
        })
        .boxed()
    }
}
