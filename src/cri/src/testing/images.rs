//! Images in memory, for the kubelet's tests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::{AuthConfig, Error, FsUsage, Image, ImageService, ImageSpec, Result};

/// Images by the name they are asked for. Pulling any name succeeds unless told otherwise.
/// Clones share everything.
#[derive(Clone, Default)]
pub struct FakeImages(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    images: BTreeMap<String, Image>,
    pulls: Vec<String>,
    failures: VecDeque<Error>,
}

impl FakeImages {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an image on the node; its id is `sha256:` and the name.
    pub fn add(&self, name: &str) -> String {
        let id = format!("sha256:{name}");
        let image = Image {
            id: id.clone(),
            repo_tags: vec![name.to_owned()],
            ..Image::default()
        };
        self.lock().images.insert(name.to_owned(), image);
        id
    }

    /// Changes what is told of an image that is there.
    ///
    /// # Panics
    /// When it is not.
    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Image)) {
        change(self.lock().images.get_mut(name).expect("a known image"));
    }

    /// Makes the next pull fail.
    pub fn fail_next_pull(&self, error: Error) {
        self.lock().failures.push_back(error);
    }

    /// The names pulled so far, failed pulls included.
    #[must_use]
    pub fn pulls(&self) -> Vec<String> {
        self.lock().pulls.clone()
    }
}

impl ImageService for FakeImages {
    fn list_images(&self) -> BoxFuture<'_, Result<Vec<Image>>> {
        let images = self.lock().images.values().cloned().collect();
        async move { Ok(images) }.boxed()
    }

    fn image_status<'a>(&'a self, image: &'a ImageSpec) -> BoxFuture<'a, Result<Option<Image>>> {
        let inner = self.lock();
        let by_id = || inner.images.values().find(|known| known.id == image.image);
        let found = inner.images.get(&image.image).or_else(by_id).cloned();
        async move { Ok(found) }.boxed()
    }

    fn pull_image<'a>(
        &'a self,
        image: &'a ImageSpec,
        _auth: Option<AuthConfig>,
    ) -> BoxFuture<'a, Result<String>> {
        async move {
            let failure = {
                let mut inner = self.lock();
                inner.pulls.push(image.image.clone());
                inner.failures.pop_front()
            };
            failure.map_or_else(|| Ok(self.add(&image.image)), Err)
        }
        .boxed()
    }

    fn remove_image<'a>(&'a self, image: &'a ImageSpec) -> BoxFuture<'a, Result<()>> {
        let mut inner = self.lock();
        inner
            .images
            .retain(|name, known| *name != image.image && known.id != image.image);
        async { Ok(()) }.boxed()
    }

    fn image_fs_info(&self) -> BoxFuture<'_, Result<FsUsage>> {
        async {
            Ok(FsUsage {
                mountpoint: "/".to_owned(),
                ..FsUsage::default()
            })
        }
        .boxed()
    }
}
