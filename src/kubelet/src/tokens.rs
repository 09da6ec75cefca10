//! Service account tokens of pods: asked for when a volume shows one, kept until they grow old.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use api::authentication::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use api::core::{Pod, ServiceAccount};
use apimachinery::StatusError;
use base::Clock;
use client::Client;
use jiff::Timestamp;
use tracing::debug;

use crate::pod::config::identity;

/// A token is asked for anew when it is this old, however long it lives.
const OLDEST: Duration = Duration::from_secs(24 * 3600);
/// Not all pods' tokens are asked for at once.
const SPREAD: Duration = Duration::from_secs(10);

/// Which token of a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    pod: String,
    audience: String,
    seconds: i64,
}

#[derive(Clone)]
struct Held {
    token: String,
    expires: Timestamp,
    /// From then on a new one is asked for.
    stale: Timestamp,
}

/// The node's tokens for its pods; none is ever written anywhere but into the pods' volumes.
pub struct Tokens {
    client: Client,
    clock: Clock,
    held: Mutex<BTreeMap<Key, Held>>,
}

impl Tokens {
    pub fn new(client: Client, clock: Clock) -> Self {
        Self {
            client,
            clock,
            held: Mutex::default(),
        }
    }

    /// A token of the pod's service account, bound to the pod. `audience`: empty is the API
    /// server's own.
    ///
    /// # Errors
    /// What the API says, unless an older token is still good.
    pub async fn get(
        &self,
        pod: &Pod,
        audience: &str,
        seconds: i64,
    ) -> Result<String, StatusError> {
        let key = Key {
            pod: identity(pod).2.to_owned(),
            audience: audience.to_owned(),
            seconds,
        };
        let now = self.clock.wall();
        let held = self.held().get(&key).cloned();
        if let Some(held) = held.as_ref().filter(|held| now < held.stale) {
            return Ok(held.token.clone());
        }
        match self.request(pod, &key, now).await {
            Ok(fresh) => {
                let token = fresh.token.clone();
                self.held().insert(key, fresh);
                Ok(token)
            }
            Err(error) => match held.filter(|held| now < held.expires) {
                Some(held) => {
                    debug!(pod = pod.metadata.name, %error, "a token is not renewed");
                    Ok(held.token)
                }
                None => Err(error),
            },
        }
    }

    /// The pod is gone.
    pub fn forget(&self, pod: &Pod) {
        let uid = identity(pod).2;
        self.held().retain(|key, _| key.pod != uid);
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn request(&self, pod: &Pod, key: &Key, now: Timestamp) -> Result<Held, StatusError> {
        let (namespace, name, uid) = identity(pod);
        let account = pod.spec.as_ref().map(|spec| &spec.service_account_name);
        let account = account.and_then(|name| name.as_deref()).unwrap_or_default();
        let audiences = Some(key.audience.clone()).filter(|audience| !audience.is_empty());
        let request = TokenRequest {
            spec: TokenRequestSpec {
                audiences: audiences.into_iter().collect(),
                bound_object_ref: Some(BoundObjectReference {
                    api_version: Some("v1".to_owned()),
                    kind: Some("Pod".to_owned()),
                    name: Some(name.to_owned()),
                    uid: Some(uid.to_owned()),
                }),
                expiration_seconds: Some(key.seconds),
            },
            ..TokenRequest::default()
        };
        let accounts = self.client.typed::<ServiceAccount>();
        let accounts = accounts.in_namespace(namespace);
        let answer = accounts
            .create_subresource(account, "token", &request)
            .await?;
        let answer: TokenRequest = api::decode(&answer).map_err(StatusError::internal)?;
        let status = answer
            .status
            .ok_or_else(|| StatusError::internal("the answer to a token request holds no token"))?;
        let expires = status.expiration_timestamp.0;
        Ok(Held {
            token: status.token,
            expires,
            stale: stale_at(now, expires),
        })
    }
}

/// When four fifths of a token's life are over, or it is a day old, and a little earlier
/// (upstream's token manager).
fn stale_at(issued: Timestamp, expires: Timestamp) -> Timestamp {
    let life = Duration::try_from(expires.duration_since(issued)).unwrap_or_default();
    let spread = SPREAD.mul_f64(base::random::fraction());
    let age = (life * 4 / 5).min(OLDEST).saturating_sub(spread);
    issued.saturating_add(age).unwrap_or(expires)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_grow_old_before_they_expire() {
        let issued: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        for (life, stale) in [(3600, 2880), (600, 480), (172_800, 86_400), (0, 0)] {
            let age = |at: Timestamp| at.duration_since(issued).as_secs();
            let expires = issued + Duration::from_secs(life);
            let stale = i64::from(stale);
            let at = age(stale_at(issued, expires));
            assert!((stale - 10..=stale).contains(&at), "{life}: {at}");
        }
    }
}
