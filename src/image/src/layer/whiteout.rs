//! Whiteouts: how a layer says that something below is gone.

use rustix::fs::{FileType, Stat};

/// Names that begin so are no files but instructions (OCI image specification, "Whiteouts").
pub const PREFIX: &[u8] = b".wh.";

/// What follows [`PREFIX`] in the name that hides all of a directory's content below.
pub const OPAQUE: &[u8] = b".wh..opq";

/// AUFS' own files (`.wh..wh.plnk`, `.wh..wh.orph`), which mean nothing elsewhere.
pub const AUFS: &[u8] = b".wh.";

/// Overlayfs' form of a whiteout.
pub fn is_whiteout(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
}
