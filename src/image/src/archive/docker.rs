//! The form of `docker save`: `manifest.json` lists images, each with a configuration, layers and
//! tags.

use serde::Deserialize;

use super::{Archive, ArchiveError, Packed, PackedLayer};
use crate::reference::Reference;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

fn items(archive: &Archive) -> Result<Vec<Item>, ArchiveError> {
    let bytes = archive.document("manifest.json")?;
    serde_json::from_slice(&bytes).map_err(|source| ArchiveError::Json {
        name: "manifest.json",
        source,
    })
}

fn tags(item: &Item) -> Result<Vec<Reference>, ArchiveError> {
    let names = item.repo_tags.iter().flatten();
    names
        .filter_map(|name| match Reference::parse(name) {
            Ok(reference) => reference.tag_only().map(Ok),
            Err(source) => Some(Err(ArchiveError::Reference {
                name: name.clone(),
                source,
            })),
        })
        .collect()
}

pub fn images(archive: &Archive) -> Result<Vec<Packed>, ArchiveError> {
    let image = |item: &Item| {
        let layers = item.layers.iter().flatten();
        let layer = |name: &String| PackedLayer {
            member: name.clone(),
            expected: None,
        };
        Ok(Packed {
            config: archive.document(&item.config)?,
            layers: layers.map(layer).collect(),
            tags: tags(item)?,
            digests: Vec::new(),
            manifest: None,
        })
    };
    items(archive)?.iter().map(image).collect()
}

/// Adds the tags of a `manifest.json` that stands beside an `index.json` which names the same
/// images only in part.
pub fn add_tags(archive: &Archive, images: &mut [Packed]) -> Result<(), ArchiveError> {
    for item in items(archive)? {
        let config = archive.document(&item.config)?;
        for image in images.iter_mut().filter(|image| image.config == config) {
            for tag in tags(&item)? {
                if !image.tags.contains(&tag) {
                    image.tags.push(tag);
                }
            }
        }
    }
    Ok(())
}
