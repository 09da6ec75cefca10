//! Who asks: the listener's certificates and the bearer token, or the identity of a component of
//! this process.

use std::borrow::Cow;

use apimachinery::{RequestCx, StatusError, UserInfo};
use auth::{Credentials, Outcome};
use http::{Extensions, HeaderMap, header};
use tracing::debug;

use crate::State;
use crate::in_process::Identity;
use crate::listener::Peer;

/// What a client is told whose token is not taken for one.
const SPACED: &str = "the provided Authorization header contains extra space before the bearer token, and is ignored";

/// The user, anonymous without credentials. Warns through `cx`, whatever becomes of the request.
///
/// # Errors
/// Unauthorized for credentials that nobody accepts.
pub(crate) async fn authenticate(
    state: &State,
    extensions: &Extensions,
    headers: &HeaderMap,
    cx: &RequestCx,
) -> Result<UserInfo, StatusError> {
    if let Some(Identity(user)) = extensions.get::<Identity>() {
        return Ok(user.clone());
    }
    let peer = extensions.get::<Peer>();
    let bearer = Bearer::of(headers);
    let credentials = Credentials {
        peer_certificates: peer.map_or(&[][..], |peer| peer.certificates.as_slice()),
        bearer: bearer.token(),
        audiences: &[],
    };
    let started = state.parts.clock.monotonic();
    let outcome = state.parts.authenticator.authenticate(credentials).await;
    let took = state.parts.clock.monotonic().saturating_sub(started);
    let metrics = &state.metrics.identity;
    if bearer == Bearer::Spaced && !is_by_certificate(&outcome) {
        cx.warn(SPACED);
    }
    match outcome {
        Ok(Some(known)) => {
            metrics.authenticated(&known.user.name, took);
            if let Some(until) = peer.and_then(|peer| peer.certificate_until) {
                metrics.certificate(until.duration_since(state.parts.clock.wall()));
            }
            if let Some(warning) = known.warning {
                cx.warn(warning);
            }
            Ok(known.user)
        }
        Ok(None) => {
            metrics.not_authenticated("failure", took);
            Err(StatusError::unauthorized())
        }
        Err(error) => {
            metrics.not_authenticated("error", took);
            debug!(%error, "refused credentials");
            Err(StatusError::unauthorized())
        }
    }
}

/// Who is known by a certificate is not asked for a token.
fn is_by_certificate(outcome: &Outcome) -> bool {
    matches!(outcome, Ok(Some(known)) if known.user != UserInfo::anonymous())
}

/// What `Authorization: Bearer` says.
#[derive(Debug, PartialEq, Eq)]
enum Bearer<'a> {
    Nothing,
    /// The second word, and as upstream no word after it counts. One that is no text is a token all
    /// the same, which nobody knows: without credentials is only who sends none.
    Token(Cow<'a, str>),
    /// A second space makes an empty word, which is no token.
    Spaced,
}

impl<'a> Bearer<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let Some(said) = headers.get(header::AUTHORIZATION) else {
            return Self::Nothing;
        };
        let mut words = said.as_bytes().trim_ascii().split(|byte| *byte == b' ');
        let scheme = words.next().unwrap_or_default();
        if !scheme.eq_ignore_ascii_case(b"bearer") {
            return Self::Nothing;
        }
        match words.next() {
            None => Self::Nothing,
            Some([]) => Self::Spaced,
            Some(token) => Self::Token(String::from_utf8_lossy(token)),
        }
    }

    fn token(&self) -> Option<&str> {
        match self {
            Self::Token(token) => Some(token),
            Self::Nothing | Self::Spaced => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_the_second_word() {
        let token = |token: &'static str| Bearer::Token(token.into());
        for (said, expected) in [
            ("Bearer a.b.c", token("a.b.c")),
            ("bEARER a.b.c", token("a.b.c")),
            (" Bearer a.b.c ", token("a.b.c")),
            ("Bearer a.b.c more", token("a.b.c")),
            ("Bearer  a.b.c", Bearer::Spaced),
            ("bearer   a.b.c", Bearer::Spaced),
            ("Bearer", Bearer::Nothing),
            ("Bearer ", Bearer::Nothing),
            ("Bearer  ", Bearer::Nothing),
            ("Basic  YTpi", Bearer::Nothing),
            ("Bearera.b.c", Bearer::Nothing),
        ] {
            let mut headers = HeaderMap::new();
            let value = http::HeaderValue::from_static(said);
            headers.insert(header::AUTHORIZATION, value);
            assert_eq!(Bearer::of(&headers), expected, "{said:?}");
        }
        assert_eq!(Bearer::of(&HeaderMap::new()), Bearer::Nothing);
    }
}
