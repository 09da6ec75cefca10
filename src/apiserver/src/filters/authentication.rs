//! Who asks: the listener's certificates and the bearer token, or the identity of a component of
//! this process.

use std::borrow::Cow;

use apimachinery::StatusError;
use auth::{Authenticated, Credentials};
use http::{Extensions, HeaderMap, header};
use tracing::debug;

use crate::State;
use crate::in_process::Identity;
use crate::listener::Peer;

/// The user, anonymous without credentials.
///
/// # Errors
/// Unauthorized for credentials that nobody accepts.
pub(crate) async fn authenticate(
    state: &State,
    extensions: &Extensions,
    headers: &HeaderMap,
) -> Result<Authenticated, StatusError> {
    if let Some(Identity(user)) = extensions.get::<Identity>() {
        return Ok(user.clone().into());
    }
    let peer = extensions.get::<Peer>();
    let bearer = bearer(headers);
    let credentials = Credentials {
        peer_certificates: peer.map_or(&[][..], |peer| peer.certificates.as_slice()),
        bearer: bearer.as_deref(),
        audiences: &[],
    };
    let started = state.parts.clock.monotonic();
    let outcome = state.parts.authenticator.authenticate(credentials).await;
    let took = state.parts.clock.monotonic().saturating_sub(started);
    let metrics = &state.metrics.identity;
    match outcome {
        Ok(Some(known)) => {
            metrics.authenticated(&known.user.name, took);
            if let Some(until) = peer.and_then(|peer| peer.certificate_until) {
                metrics.certificate(until.duration_since(state.parts.clock.wall()));
            }
            Ok(known)
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

/// The token of `Authorization: Bearer`: the second word, and as upstream no word after it counts.
/// One that is no text is a token all the same, which nobody knows: without credentials is only who
/// sends none.
fn bearer(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let said = headers.get(header::AUTHORIZATION)?.as_bytes().trim_ascii();
    let mut words = said.split(|byte| *byte == b' ');
    let scheme = words.next()?;
    // A second space makes an empty word, which is no token.
    let token = words.next().filter(|token| !token.is_empty())?;
    scheme
        .eq_ignore_ascii_case(b"bearer")
        .then(|| String::from_utf8_lossy(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_the_second_word() {
        for (said, token) in [
            ("Bearer a.b.c", Some("a.b.c")),
            ("bEARER a.b.c", Some("a.b.c")),
            (" Bearer a.b.c ", Some("a.b.c")),
            ("Bearer a.b.c more", Some("a.b.c")),
            ("Bearer  a.b.c", None),
            ("Bearer", None),
            ("Bearer ", None),
            ("Basic YTpi", None),
            ("Bearera.b.c", None),
        ] {
            let mut headers = HeaderMap::new();
            let value = http::HeaderValue::from_static(said);
            headers.insert(header::AUTHORIZATION, value);
            assert_eq!(bearer(&headers).as_deref(), token, "{said:?}");
        }
    }
}
