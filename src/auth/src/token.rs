//! Service-account tokens: made for TokenRequests, believed while what they are bound to exists.
//!
//! Entry point: [`ServiceAccountTokens`], an authenticator that also issues; what it reads comes
//! through [`TokenObjects`].

mod authenticate;
mod claims;
mod error;
mod issue;
mod issuer;
mod keys;
mod legacy;
mod objects;
mod usage;

use std::sync::Arc;

use base::Clock;
use base::metrics::Registry;
use pki::ServiceAccountKeys;

pub use error::TokenError;
pub(crate) use legacy::data;
pub use objects::{TokenObject, TokenObjects};

use keys::TokenKeys;
use usage::Usage;

/// What tokens say and how they are judged.
pub struct ServiceAccountTokens {
    /// `https://kubernetes.default.svc.cluster.local`: who issues, and a URL at which clients
    /// find [`ServiceAccountTokens::discovery`].
    issuer: String,
    /// For whom tokens are that name nobody; the first is the issuer's own.
    audiences: Vec<String>,
    keys: TokenKeys,
    clock: Clock,
    objects: Arc<dyn TokenObjects>,
    usage: Usage,
}

impl ServiceAccountTokens {
    /// The API server's audiences are the issuer alone, as upstream's default.
    #[must_use]
    pub fn new(
        issuer: impl Into<String>,
        keys: &ServiceAccountKeys,
        clock: Clock,
        objects: Arc<dyn TokenObjects>,
    ) -> Self {
        let issuer = issuer.into();
        Self {
            audiences: vec![issuer.clone()],
            issuer,
            keys: TokenKeys::new(keys),
            clock,
            objects,
            usage: Usage::new(&Registry::new()),
        }
    }

    /// Further names of the API server: a token for any of them is for it, and one that is asked
    /// for nobody names them all.
    #[must_use]
    pub fn with_audiences(mut self, further: impl IntoIterator<Item = String>) -> Self {
        for audience in further {
            if !self.audiences.contains(&audience) {
                self.audiences.push(audience);
            }
        }
        self
    }

    /// Counts the use of tokens in this registry.
    #[must_use]
    pub fn measured(mut self, registry: &Registry) -> Self {
        self.usage = Usage::new(registry);
        self
    }

    /// The API server's own: whom a token is for that names nobody. Never empty.
    #[must_use]
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }
}

#[cfg(test)]
pub(crate) mod tests;
