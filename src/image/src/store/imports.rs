//! Which files of the image directory were imported, so that a start does not read them again.

use std::path::Path;

use super::index::{ImportedFile, Index};
use super::{ImageStore, Result};

impl ImageStore {
    /// Whether the file at `path` was imported in this state and all it held is still here.
    pub(crate) fn is_imported(&self, path: &Path, state: &ImportedFile) -> bool {
        let index = self.index();
        index.imports.get(&key(path)).is_some_and(|known| {
            let same = ImportedFile {
                images: known.images.clone(),
                ..state.clone()
            } == *known;
            same && known.images.iter().all(|id| index.images.contains_key(id))
        })
    }

    pub(crate) fn record_import(&self, path: &Path, file: ImportedFile) -> Result<()> {
        let _writing = self.write();
        let mut index = Index::clone(&self.index());
        index.imports.insert(key(path), file);
        self.replace_index(index)
    }

    /// Forgets imported files that are not in `directory` any more.
    pub(crate) fn forget_removed_imports(&self, directory: &Path) -> Result<()> {
        let _writing = self.write();
        let mut index = Index::clone(&self.index());
        let before = index.imports.len();
        index.imports.retain(|path, _| {
            let path = Path::new(path);
            path.parent() != Some(directory) || path.exists()
        });
        if index.imports.len() == before {
            Ok(())
        } else {
            self.replace_index(index)
        }
    }
}

fn key(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
