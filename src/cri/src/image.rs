//! Images, as the kubelet sees them.

use std::collections::BTreeMap;

use futures::future::BoxFuture;

use crate::runtime::Result;

/// A reference as a Pod writes it: `busybox`, `registry:5000/team/app:v1`, `name@sha256:…`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageSpec {
    pub image: String,
    pub annotations: BTreeMap<String, String>,
}

/// Credentials for one registry, from a pull secret.
#[derive(Clone, Default)]
pub struct AuthConfig {
    pub username: String,
    pub password: String,
    pub identity_token: String,
    pub registry_token: String,
    pub server_address: String,
}

/// An image on the node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// The digest of the image's configuration, `sha256:<hex>`.
    pub id: String,
    /// References with a tag, fully qualified: `docker.io/library/busybox:latest`.
    pub repo_tags: Vec<String>,
    /// References with a digest, fully qualified.
    pub repo_digests: Vec<String>,
    /// Bytes on disk, unpacked layers included.
    pub size: u64,
    /// The numeric user of the image's configuration, if it is a number.
    pub uid: Option<i64>,
    /// The user name of the image's configuration, if it is a name.
    pub username: String,
    /// Not removed by garbage collection (imported from the image directory).
    pub pinned: bool,
}

/// What images take on their file system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FsUsage {
    pub mountpoint: String,
    pub used_bytes: u64,
    pub inodes_used: u64,
}

/// Images on the node.
pub trait ImageService: Send + Sync {
    fn list_images(&self) -> BoxFuture<'_, Result<Vec<Image>>>;

    /// The image a reference (or an image id) names here, or `None` when it is absent.
    fn image_status<'a>(&'a self, image: &'a ImageSpec) -> BoxFuture<'a, Result<Option<Image>>>;

    /// Fetches the image and gives its id.
    fn pull_image<'a>(
        &'a self,
        image: &'a ImageSpec,
        auth: Option<AuthConfig>,
    ) -> BoxFuture<'a, Result<String>>;

    /// Removes the reference, and the image with its last one. An absent one is a success.
    fn remove_image<'a>(&'a self, image: &'a ImageSpec) -> BoxFuture<'a, Result<()>>;

    fn image_fs_info(&self) -> BoxFuture<'_, Result<FsUsage>>;
}
