//! What accompanies a request on its whole way.

use std::sync::{Arc, Mutex, PoisonError};

use base::TraceId;

use crate::user::UserInfo;

/// Who asks, on which trace, and what the client shall be warned of. Cheap to clone; clones
/// share the warnings.
#[derive(Clone, Debug, Default)]
pub struct RequestCx {
    pub user: Arc<UserInfo>,
    pub trace: TraceId,
    warnings: Arc<Mutex<Vec<String>>>,
}

impl RequestCx {
    #[must_use]
    pub fn new(user: UserInfo, trace: TraceId) -> Self {
        Self {
            user: Arc::new(user),
            trace,
            warnings: Arc::default(),
        }
    }

    /// Adds a `Warning: 299` header to the answer; a repeated text is sent once.
    pub fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.contains(&text) {
            warnings.push(text);
        }
    }

    /// The warnings so far, which are then forgotten.
    #[must_use]
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
