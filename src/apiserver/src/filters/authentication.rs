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

/// The token of `Authorization: Bearer`. One that is no text is a token all the same, which nobody
/// knows: without credentials is only who sends none.
fn bearer(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let said = headers.get(header::AUTHORIZATION)?.as_bytes().trim_ascii();
    let space = said.iter().position(|byte| *byte == b' ')?;
    let (scheme, token) = said.split_at(space);
    scheme
        .eq_ignore_ascii_case(b"bearer")
        .then(|| String::from_utf8_lossy(token.trim_ascii()))
}
