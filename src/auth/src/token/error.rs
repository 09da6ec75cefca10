//! Why a token is not believed.

use apimachinery::StatusError;

use crate::cover::quoted;

/// Upstream's texts: a TokenReview shows them, everybody else reads `401 Unauthorized`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It says our issuer's name, and yet is not signed by one of our keys with that key's own
    /// algorithm.
    #[error("invalid signature: {0}")]
    Signature(String),
    /// It names a key that is not ours.
    #[error("invalid signature, no keys found")]
    NoKey,
    /// The signature is ours, the claims are not.
    #[error("the token's claims cannot be read: {0}")]
    Claims(String),
    #[error("token audiences {} is invalid for the target audiences {}", quoted(.0), quoted(.1))]
    Audience(Vec<String>, Vec<String>),
    #[error("service account token has expired")]
    Expired,
    #[error("service account token is not valid yet")]
    NotYetValid,
    #[error("service account token is issued in the future")]
    IssuedInTheFuture,
    #[error("serviceaccounts {0:?} not found")]
    NoAccount(String),
    #[error("service account {0}/{1} has been deleted")]
    AccountDeleted(String, String),
    /// The Secret, Pod or Node that it is bound to is gone.
    #[error("service account token has been invalidated")]
    Invalidated,
    /// It is bound to an object of this name that another has taken the place of.
    #[error("{what} UID ({actual}) does not match {claim} ({claimed})")]
    Uid {
        what: &'static str,
        claim: &'static str,
        actual: String,
        claimed: String,
    },
    /// A token from a Secret.
    #[error("{0}")]
    Legacy(String),
    /// Its objects could not be read; it may be good.
    #[error("{0}")]
    Lookup(#[from] StatusError),
}
