//! The one signal that ends the process' loops.

use tokio_util::sync::CancellationToken;

/// A cheap handle; every clone sees the same request to stop. A child stops with its parent,
/// but not the other way round.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// A token nobody has asked to stop yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everything that holds this token, or a child of it, to stop.
    pub fn stop(&self) {
        self.0.cancel();
    }

    /// Whether a stop has been asked for.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Resolves when a stop is asked for.
    pub async fn stopping(&self) {
        self.0.cancelled().await;
    }

    /// A token that can be stopped alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }
}
