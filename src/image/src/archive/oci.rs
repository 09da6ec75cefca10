//! The OCI image layout: `index.json` and `blobs/sha256/<hex>`.

use std::collections::BTreeMap;

use tracing::warn;

use super::{Archive, ArchiveError, Packed, PackedLayer, docker};
use crate::digest::Digest;
use crate::manifest::{self, Descriptor, Document, Manifest};
use crate::reference::Reference;

/// Containerd, nerdctl, buildx and Docker write the whole name here.
const IMAGE_NAME: &str = "io.containerd.image.name";
/// Podman and skopeo write the whole name here, Docker and buildx the tag alone.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// An index of indexes of indexes: nobody writes a deeper one.
const MAX_DEPTH: usize = 4;

pub fn images(archive: &Archive) -> Result<Vec<Packed>, ArchiveError> {
    let index = archive.document("index.json")?;
    let Document::Index(top) = Document::parse(&index, "")? else {
        return Err(ArchiveError::NotAnImageArchive);
    };
    let mut images: Vec<Packed> = Vec::new();
    for descriptor in top.iter().filter(|descriptor| !is_attestation(descriptor)) {
        let image = image(archive, descriptor)?;
        // One entry per name: `docker save a b` of one image has two with the same digest.
        match images
            .iter_mut()
            .find(|known| known.manifest == image.manifest)
        {
            Some(known) => {
                known.tags.extend(image.tags);
                known.digests.extend(image.digests);
            }
            None => images.push(image),
        }
    }
    if archive.members.contains_key("manifest.json") {
        docker::add_tags(archive, &mut images)?;
    }
    Ok(images)
}

/// Buildx lists what it knows about an image beside the image.
fn is_attestation(descriptor: &Descriptor) -> bool {
    let kind = |a: &BTreeMap<_, _>| a.contains_key("vnd.docker.reference.type");
    descriptor.annotations.as_ref().is_some_and(kind)
}

fn image(archive: &Archive, top: &Descriptor) -> Result<Packed, ArchiveError> {
    let name = name(top)?;
    let mut digests = vec![top.digest];
    let mut descriptor = top.clone();
    for _ in 0..MAX_DEPTH {
        let bytes = blob(archive, &descriptor)?;
        match Document::parse(&bytes, &descriptor.media_type)? {
            Document::Index(manifests) => {
                descriptor = manifest::choose(&manifests)?.clone();
                digests.push(descriptor.digest);
            }
            Document::Manifest(manifest) => {
                return packed(archive, &manifest, bytes, name.as_ref(), &digests);
            }
        }
    }
    Err(ArchiveError::NotAnImageArchive)
}

fn packed(
    archive: &Archive,
    manifest: &Manifest,
    bytes: Vec<u8>,
    name: Option<&Reference>,
    digests: &[Digest],
) -> Result<Packed, ArchiveError> {
    let layer = |layer: &Descriptor| PackedLayer {
        member: blob_name(layer.digest),
        expected: Some((layer.digest, layer.size)),
    };
    Ok(Packed {
        config: blob(archive, &manifest.config)?,
        layers: manifest.layers.iter().map(layer).collect(),
        tags: name.and_then(Reference::tag_only).into_iter().collect(),
        digests: name
            .iter()
            .flat_map(|name| digests.iter().map(|digest| name.at_digest(*digest)))
            .collect(),
        manifest: Some(bytes),
    })
}

/// A bare `ref.name` such as `latest` may be a tag or a repository: no name at all.
fn name(descriptor: &Descriptor) -> Result<Option<Reference>, ArchiveError> {
    let annotations = descriptor.annotations.iter().flatten();
    let find = |key: &str| {
        annotations
            .clone()
            .find(|(name, _)| *name == key)
            .map(|(_, v)| v)
    };
    let name = match (find(IMAGE_NAME), find(REF_NAME)) {
        (Some(name), _) => name,
        (None, Some(name)) if name.contains(['/', ':', '@']) => name,
        (None, Some(name)) => {
            warn!(name, digest = %descriptor.digest, "archive names an image by a tag alone; it is imported without a name");
            return Ok(None);
        }
        (None, None) => return Ok(None),
    };
    Reference::parse(name)
        .map(Some)
        .map_err(|source| ArchiveError::Reference {
            name: name.clone(),
            source,
        })
}

fn blob_name(digest: Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn blob(archive: &Archive, descriptor: &Descriptor) -> Result<Vec<u8>, ArchiveError> {
    let name = blob_name(descriptor.digest);
    let bytes = archive.document(&name)?;
    let found = Digest::of(&bytes);
    if found != descriptor.digest {
        return Err(ArchiveError::WrongDigest { name, found });
    }
    Ok(bytes)
}
