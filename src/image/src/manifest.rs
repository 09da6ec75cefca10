//! Manifests and indexes, Docker's and OCI's, which have the same shape.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::digest::Digest;

/// Points to a document or a layer by its content.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    #[serde(default)]
    pub media_type: String,
    pub digest: Digest,
    pub size: u64,
    #[serde(default)]
    pub annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub platform: Option<Platform>,
}

/// What a manifest of an index runs on.
#[derive(Clone, Debug, Deserialize)]
pub struct Platform {
    #[serde(default)]
    pub architecture: String,
    #[serde(default)]
    pub os: String,
}

/// One image: a configuration and layers, bottom first.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
}

/// What a digest of a repository may name.
#[derive(Clone, Debug)]
pub enum Document {
    Manifest(Manifest),
    Index(Vec<Descriptor>),
}

/// The document is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("invalid manifest: {0}")]
    Json(#[from] serde_json::Error),
    /// CVE-2021-41190: one client would see an image, another one an index.
    #[error("ambiguous manifest: it says it is {says:?} but has {has}")]
    Ambiguous { says: String, has: &'static str },
    /// A Helm chart, a signature, or a schema 1 manifest.
    #[error("not an image: {0:?} is not supported")]
    NotAnImage(String),
    /// No manifest of the index fits this machine.
    #[error("no image for linux/{wanted}; there are: {found}")]
    Platform { wanted: &'static str, found: String },
}

const INDEXES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
const MANIFESTS: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];
const LAYERS: [&str; 8] = [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    fs_layers: Option<serde::de::IgnoredAny>,
}

impl Document {
    /// Reads a manifest or an index. `media_type` is what its descriptor or the registry calls
    /// it, empty when nobody does; it must agree with the content.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn parse(bytes: &[u8], media_type: &str) -> Result<Self, ManifestError> {
        let raw: Raw = serde_json::from_slice(bytes)?;
        let own = raw.media_type.clone().unwrap_or_default();
        let known = |name: &str| INDEXES.contains(&name) || MANIFESTS.contains(&name);
        if known(&own) && known(media_type) && own != media_type {
            return Err(ManifestError::Ambiguous {
                says: media_type.to_owned(),
                has: "another media type within",
            });
        }
        let says = if own.is_empty() { media_type } else { &own };
        let has_image = raw.config.is_some() || raw.layers.is_some() || raw.fs_layers.is_some();
        let ambiguous = |has| {
            Err(ManifestError::Ambiguous {
                says: says.to_owned(),
                has,
            })
        };
        match raw {
            Raw {
                manifests: Some(_), ..
            } if has_image => ambiguous("layers and manifests"),
            Raw {
                manifests: Some(_), ..
            } if MANIFESTS.contains(&says) => ambiguous("manifests"),
            Raw {
                manifests: Some(manifests),
                ..
            } => Ok(Self::Index(manifests)),
            Raw {
                config: Some(_), ..
            } if INDEXES.contains(&says) => ambiguous("layers"),
            Raw {
                config: Some(config),
                layers,
                ..
            } => Manifest::checked(config, layers.unwrap_or_default()).map(Self::Manifest),
            _ => Err(ManifestError::NotAnImage(says.to_owned())),
        }
    }
}

impl Manifest {
    fn checked(config: Descriptor, layers: Vec<Descriptor>) -> Result<Self, ManifestError> {
        let fits = |known: &[&str], name: &str| name.is_empty() || known.contains(&name);
        if !fits(&CONFIGS, &config.media_type) {
            return Err(ManifestError::NotAnImage(config.media_type));
        }
        match layers
            .iter()
            .find(|layer| !fits(&LAYERS, &layer.media_type))
        {
            Some(odd) => Err(ManifestError::NotAnImage(odd.media_type.clone())),
            None => Ok(Self { config, layers }),
        }
    }
}

/// The manifest of an index for this machine: the first for linux and the architecture, else the
/// only one if it does not say what it is for.
///
/// # Errors
/// [`ManifestError::Platform`].
pub fn choose(manifests: &[Descriptor]) -> Result<&Descriptor, ManifestError> {
    let wanted = crate::config::host_architecture();
    let fits = |platform: &Platform| platform.os == "linux" && platform.architecture == wanted;
    if let Some(found) = manifests
        .iter()
        .find(|m| m.platform.as_ref().is_some_and(fits))
    {
        return Ok(found);
    }
    if let [only] = manifests
        && only.platform.is_none()
    {
        return Ok(only);
    }
    let name = |m: &Descriptor| match &m.platform {
        Some(platform) => format!("{}/{}", platform.os, platform.architecture),
        None => "one without a platform".to_owned(),
    };
    let found = manifests.iter().map(name).collect::<Vec<_>>().join(", ");
    Err(ManifestError::Platform { wanted, found })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(document: &str, media_type: &str, expected: Expect) {
        let digest = Digest::of(b"x");
        let descriptor =
            |kind: &str| format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":1}}"#);
        let document = document
            .replace("CONFIG", &descriptor(CONFIGS[0]))
            .replace("LAYER", &descriptor(LAYERS[1]))
            .replace(
                "CHART",
                &descriptor("application/vnd.cncf.helm.config.v1+json"),
            )
            .replace("MANIFEST", &descriptor(MANIFESTS[0]));
        let shown = match Document::parse(document.as_bytes(), media_type) {
            Ok(Document::Manifest(manifest)) => format!("{} layers", manifest.layers.len()),
            Ok(Document::Index(manifests)) => format!("{} manifests", manifests.len()),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn content_and_media_type_must_agree() {
        check(
            r#"{"config":CONFIG,"layers":[LAYER]}"#,
            "",
            expect!["1 layers"],
        );
        check(
            r#"{"config":CONFIG,"layers":[LAYER]}"#,
            MANIFESTS[1],
            expect!["1 layers"],
        );
        check(
            r#"{"manifests":[MANIFEST]}"#,
            INDEXES[0],
            expect!["1 manifests"],
        );
        check(
            r#"{"config":CONFIG,"layers":[],"manifests":[]}"#,
            MANIFESTS[0],
            expect![[
                r#"ambiguous manifest: it says it is "application/vnd.oci.image.manifest.v1+json" but has layers and manifests"#
            ]],
        );
        check(
            r#"{"config":CONFIG,"layers":[]}"#,
            INDEXES[0],
            expect![[
                r#"ambiguous manifest: it says it is "application/vnd.oci.image.index.v1+json" but has layers"#
            ]],
        );
        check(
            r#"{"manifests":[]}"#,
            MANIFESTS[0],
            expect![[
                r#"ambiguous manifest: it says it is "application/vnd.oci.image.manifest.v1+json" but has manifests"#
            ]],
        );
        let own = format!(r#"{{"mediaType":"{}","config":CONFIG}}"#, MANIFESTS[0]);
        check(
            &own,
            INDEXES[0],
            expect![[
                r#"ambiguous manifest: it says it is "application/vnd.oci.image.index.v1+json" but has another media type within"#
            ]],
        );
        check(
            r#"{"config":CHART,"layers":[]}"#,
            "",
            expect![[
                r#"not an image: "application/vnd.cncf.helm.config.v1+json" is not supported"#
            ]],
        );
        check(
            r#"{"config":CONFIG,"layers":[CHART]}"#,
            "",
            expect![[
                r#"not an image: "application/vnd.cncf.helm.config.v1+json" is not supported"#
            ]],
        );
        check(
            r#"{"schemaVersion":1,"fsLayers":[]}"#,
            "",
            expect![[r#"not an image: "" is not supported"#]],
        );
        check("{}", "", expect![[r#"not an image: "" is not supported"#]]);
    }
}
