//! The patch types of the API: [`json()`] (RFC 6902), [`merge`] (RFC 7386) and [`strategic()`],
//! and [`create_three_way_strategic`], which makes what `kubectl apply` sends.

mod go;
mod json;
mod strategic;
mod three_way;

pub use apimachinery::merge_patch as merge;
pub use json::{JsonPatchError, MAX_COPIED, MAX_DEPTH, MAX_OPERATIONS, json};
pub use strategic::{StrategicError, strategic};
pub use three_way::{create_three_way_strategic, create_two_way_strategic};

/// Why a patch was not applied. The document is then half patched: drop it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    #[error(transparent)]
    Json(#[from] JsonPatchError),
    #[error(transparent)]
    Strategic(#[from] StrategicError),
}

impl PatchError {
    /// The patch is well formed, but this object cannot take it (422); otherwise the request is
    /// bad (400), [too large](Self::is_too_large) (413) or [of no class](Self::is_unclassified).
    #[must_use]
    pub fn is_unprocessable(&self) -> bool {
        match self {
            Self::Json(error) => matches!(error, JsonPatchError::Refused(_)),
            Self::Strategic(error) => matches!(error, StrategicError::ListOfLists),
        }
    }

    /// Upstream's server knows no class for this error, and answers its text alone.
    #[must_use]
    pub fn is_unclassified(&self) -> bool {
        use StrategicError::{Format, ListOfLists};
        matches!(self, Self::Strategic(error) if !matches!(error, Format(_) | ListOfLists))
    }

    /// The patch has more operations than are allowed.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::Json(JsonPatchError::TooMany(_)))
    }
}
