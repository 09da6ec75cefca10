//! From credentials to a user.

use std::sync::Arc;

use apimachinery::UserInfo;
use futures::future::BoxFuture;
use rustls_pki_types::CertificateDer;

use crate::token::TokenError;

/// What came with a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credentials<'a> {
    /// The client's chain, its own certificate first; the handshake has proved that the client
    /// holds the key, and nothing else.
    pub peer_certificates: &'a [CertificateDer<'static>],
    /// The token of `Authorization: Bearer`.
    pub bearer: Option<&'a str>,
    /// For whom a token must be meant (a TokenReview's `spec.audiences`); empty for the API
    /// server itself.
    pub audiences: &'a [String],
}

/// Who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authenticated {
    pub user: UserInfo,
    /// Those of [`Credentials::audiences`], or of the API server's own, that the credentials are
    /// good for; empty when they name none, as a certificate.
    pub audiences: Vec<String>,
    /// What the client shall be told beside its answer.
    pub warning: Option<&'static str>,
}

impl From<UserInfo> for Authenticated {
    fn from(user: UserInfo) -> Self {
        Self {
            user,
            ..Self::default()
        }
    }
}

/// An authenticator's answer: who it is, or `None` when the credentials are of another kind.
pub type Outcome = Result<Option<Authenticated>, Unauthenticated>;

/// Credentials that are not accepted. The client learns `401 Unauthorized` and no more; this is
/// for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// The certificate leads to no trusted authority, is not for clients, or is out of date.
    #[error("client certificate {subject:?} (serial {serial}) is not accepted: {why}")]
    Certificate {
        subject: String,
        /// Hex octets, separated by colons.
        serial: String,
        why: String,
    },
    #[error("the client certificate cannot be read: {0}")]
    Unreadable(String),
    /// A service account's token that is not good.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// No authenticator knows the token.
    #[error("invalid bearer token")]
    UnknownToken,
}

impl Unauthenticated {
    /// What a TokenReview says of it. Upstream asks two authenticators there, of which the first
    /// knows no token but the API server's own, and lists what each said that is new.
    #[must_use]
    pub fn review(&self) -> String {
        match self {
            Self::UnknownToken => self.to_string(),
            // What is wrong with it is for the log.
            Self::Token(TokenError::Signature(_)) => format!(
                "[{}, go-jose/go-jose: error in cryptographic primitive]",
                Self::UnknownToken
            ),
            error => format!("[{}, {error}]", Self::UnknownToken),
        }
    }
}

/// One way to tell who asks.
pub trait Authenticator: Send + Sync {
    /// The user, or `None` when these credentials are of another kind. Asynchronous, because a
    /// token may name objects that have to be read first.
    ///
    /// # Errors
    /// Credentials of this kind that are wrong.
    fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> BoxFuture<'a, Outcome>;
}

/// Authenticators in order. The first that recognizes the credentials decides; when none does and
/// one refused, the request is refused; the anonymous authenticator is asked only when there was
/// nothing to judge.
pub struct Chain {
    authenticators: Vec<Arc<dyn Authenticator>>,
    anonymous: Option<Anonymous>,
}

impl Chain {
    /// `anonymous`: whether requests without credentials are let through to the authorizers.
    #[must_use]
    pub fn new(authenticators: Vec<Arc<dyn Authenticator>>, anonymous: bool) -> Self {
        Self {
            authenticators,
            anonymous: anonymous.then_some(Anonymous),
        }
    }
}

impl Chain {
    async fn judge(&self, credentials: Credentials<'_>) -> Outcome {
        let mut refusal = None;
        for authenticator in &self.authenticators {
            match authenticator.authenticate(credentials).await {
                Ok(Some(known)) => return Ok(Some(known)),
                Ok(None) => {}
                // A good token beside a bad certificate is good, as upstream.
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        if credentials.bearer.is_some() {
            return Err(Unauthenticated::UnknownToken);
        }
        match &self.anonymous {
            Some(anonymous) => anonymous.authenticate(credentials).await,
            None => Ok(None),
        }
    }
}

impl Authenticator for Chain {
    fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(self.judge(credentials))
    }
}

/// Everybody is `system:anonymous`.
#[derive(Clone, Copy, Debug)]
pub struct Anonymous;

impl Authenticator for Anonymous {
    fn authenticate<'a>(&'a self, _credentials: Credentials<'a>) -> BoxFuture<'a, Outcome> {
        let known = Authenticated::from(UserInfo::anonymous());
        Box::pin(std::future::ready(Ok(Some(known))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    /// Knows one token and refuses one.
    struct Tokens;

    impl Authenticator for Tokens {
        fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> BoxFuture<'a, Outcome> {
            let outcome = match credentials.bearer {
                Some("good") => Ok(Some(UserInfo::new("dev", &[]).into())),
                Some("bad") => Err(Unauthenticated::Unreadable("bad".into())),
                _ => Ok(None),
            };
            Box::pin(std::future::ready(outcome))
        }
    }

    struct Refuses;

    impl Authenticator for Refuses {
        fn authenticate<'a>(&'a self, _credentials: Credentials<'a>) -> BoxFuture<'a, Outcome> {
            let refusal = Unauthenticated::Unreadable("always".into());
            Box::pin(std::future::ready(Err(refusal)))
        }
    }

    #[test]
    fn the_first_to_recognize_wins_and_a_refusal_is_never_anonymous() {
        let ask = |chain: &Chain, bearer| {
            let credentials = Credentials {
                bearer,
                ..Credentials::default()
            };
            // Nothing here waits.
            let known = chain.authenticate(credentials).now_or_never();
            let known = known.expect("ready");
            known.map(|known| known.map(|known| known.user.name))
        };
        let name = |name: &str| Ok(Some(name.to_owned()));
        let unreadable = |why: &str| Err(Unauthenticated::Unreadable(why.into()));

        let open = Chain::new(vec![Arc::new(Tokens)], true);
        assert_eq!(ask(&open, None), name("system:anonymous"));
        assert_eq!(ask(&open, Some("good")), name("dev"));
        assert_eq!(ask(&open, Some("bad")), unreadable("bad"));
        assert_eq!(ask(&open, Some("else")), Err(Unauthenticated::UnknownToken));
        assert_eq!(ask(&open, Some("")), Err(Unauthenticated::UnknownToken));

        let closed = Chain::new(vec![Arc::new(Tokens)], false);
        assert_eq!(ask(&closed, None), Ok(None));
        let refusing = Chain::new(vec![Arc::new(Refuses), Arc::new(Tokens)], true);
        assert_eq!(ask(&refusing, None), unreadable("always"));
        assert_eq!(ask(&refusing, Some("good")), name("dev"));
        assert_eq!(ask(&refusing, Some("bad")), unreadable("always"));
    }

    #[test]
    fn reviews_read_as_upstreams() {
        let signature = TokenError::Signature("InvalidAlgorithm".into());
        for (error, expected) in [
            (Unauthenticated::UnknownToken, "invalid bearer token"),
            (
                TokenError::Expired.into(),
                "[invalid bearer token, service account token has expired]",
            ),
            (
                signature.into(),
                "[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]",
            ),
        ] {
            assert_eq!(error.review(), expected);
        }
    }
}
