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

use std::sync::Arc;

use base::Clock;
use pki::ServiceAccountKeys;

pub use error::TokenError;
pub(crate) use legacy::data;
pub use objects::{TokenObject, TokenObjects};

use keys::TokenKeys;

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
        }
    }

    /// The API server's own: whom a token is for that names nobody.
    #[must_use]
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }
}

#[cfg(test)]
pub(crate) mod tests;
