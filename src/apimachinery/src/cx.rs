//! What accompanies a request on its whole way.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use base::TraceId;

use crate::user::UserInfo;

/// Who asks, on which trace, and what the client shall be warned of. Cheap to clone; clones
/// share the warnings.
#[derive(Clone, Debug, Default)]
pub struct RequestCx {
    pub user: Arc<UserInfo>,
    pub trace: TraceId,
    warnings: Arc<Mutex<Warnings>>,
}

/// Texts in the order in which they came, and the same for finding them: a body of 3 MiB is good
/// for a hundred thousand.
#[derive(Debug, Default)]
struct Warnings {
    texts: Vec<Arc<str>>,
    seen: HashSet<Arc<str>>,
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
        let text: Arc<str> = text.into().into();
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if warnings.seen.insert(text.clone()) {
            warnings.texts.push(text);
        }
    }

    /// The warnings so far, which are then forgotten.
    #[must_use]
    pub fn take_warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        let Warnings { texts, .. } = std::mem::take(&mut *warnings);
        texts.iter().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each compared with each before it would take minutes.
    #[test]
    fn a_warning_is_given_once_and_in_its_turn() {
        let cx = RequestCx::default();
        let text = |n: usize| format!("spec.containers[0].env[{n}]: hides a definition");
        for n in (0..100_000).rev().chain([7]) {
            cx.warn(text(n));
        }
        let expected: Vec<String> = (0..100_000).rev().map(text).collect();
        assert_eq!(cx.take_warnings(), expected);
        assert!(cx.take_warnings().is_empty());
    }
}
