//! Who asks: the listener's certificates and the bearer token, or the identity of a component of
//! this process.

use apimachinery::{StatusError, UserInfo};
use auth::Credentials;
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
) -> Result<UserInfo, StatusError> {
    if let Some(Identity(user)) = extensions.get::<Identity>() {
        return Ok(user.clone());
    }
    let peer = extensions.get::<Peer>();
    let credentials = Credentials {
        peer_certificates: peer.map_or(&[][..], |peer| peer.certificates.as_slice()),
        bearer: bearer(headers),
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

/// The token of `Authorization: Bearer`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}
