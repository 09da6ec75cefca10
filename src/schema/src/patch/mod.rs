//! The patch types of the API: [`json()`] (RFC 6902), [`merge`] (RFC 7386) and [`strategic()`],
//! and [`three_way`], which makes what `kubectl apply` sends.

mod go;
mod json;
mod merge;
mod strategic;
mod three_way;

pub use json::{JsonPatchError, MAX_COPIED, MAX_OPERATIONS, json};
pub use merge::merge;
pub use strategic::{StrategicError, strategic};
pub use three_way::{create_three_way_strategic, create_two_way_strategic};
