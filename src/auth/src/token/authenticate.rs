//! From a token to a service account.

use apimachinery::{Object, UserInfo};
use futures::future::BoxFuture;
use jiff::Timestamp;

use super::ServiceAccountTokens;
use super::claims::{Bound, Claims, LEEWAY, Reference};
use super::error::TokenError;
use super::keys::unverified_issuer;
use super::legacy::LEGACY_ISSUER;
use super::objects::TokenObject;
use crate::authenticate::{Authenticated, Authenticator, Credentials, Outcome};

/// Keys of a user's `extra`, upstream's.
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";
const POD_NAME: &str = "authentication.kubernetes.io/pod-name";
const POD_UID: &str = "authentication.kubernetes.io/pod-uid";
const NODE_NAME: &str = "authentication.kubernetes.io/node-name";
const NODE_UID: &str = "authentication.kubernetes.io/node-uid";

impl Authenticator for ServiceAccountTokens {
    fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let Some(token) = credentials.bearer else {
                return Ok(None);
            };
            let wanted = credentials.audiences;
            let known = match unverified_issuer(token) {
                Some(issuer) if issuer == self.issuer => self.bound(token, wanted).await?,
                Some(issuer) if issuer == LEGACY_ISSUER => self.legacy(token, wanted).await?,
                // Somebody else's token, or none at all.
                _ => return Ok(None),
            };
            Ok(Some(known))
        })
    }
}

impl ServiceAccountTokens {
    async fn bound(&self, token: &str, wanted: &[String]) -> Result<Authenticated, TokenError> {
        let claims: Claims = self.keys.verify(token)?;
        let audiences = self.audiences_of(&claims.aud, wanted)?;
        let now = self.clock.wall();
        claims.check_times(now)?;
        self.check_objects(&claims.bound, now).await?;
        match claims.bound.warnafter {
            None => {}
            Some(after) if now.as_second() <= after => self.usage.valid.inc(),
            Some(_) => {
                self.usage.stale.inc();
                tracing::debug!(
                    subject = claims.sub,
                    "a token is used that should be renewed"
                );
            }
        }
        Ok(Authenticated {
            audiences,
            ..user(&claims).into()
        })
    }

    /// The token's audiences that the asker wants; a token that names none is for the API server.
    pub(super) fn audiences_of(
        &self,
        named: &[String],
        wanted: &[String],
    ) -> Result<Vec<String>, TokenError> {
        let own = &self.audiences;
        if named.is_empty() {
            self.usage.legacy.inc();
        }
        let named = if named.is_empty() { own } else { named };
        let wanted = if wanted.is_empty() { own } else { wanted };
        let both: Vec<String> = named
            .iter()
            .filter(|audience| wanted.contains(audience))
            .cloned()
            .collect();
        if both.is_empty() {
            return Err(TokenError::Audience(named.to_vec(), wanted.to_vec()));
        }
        Ok(both)
    }

    /// Whether everything that the token is bound to is still there.
    async fn check_objects(&self, bound: &Bound, now: Timestamp) -> Result<(), TokenError> {
        let (namespace, account) = (&bound.namespace, &bound.serviceaccount);
        let kind = TokenObject::ServiceAccount;
        let found = self.objects.get(kind, namespace, &account.name).await?;
        let found = found.ok_or_else(|| TokenError::NoAccount(account.name.clone()))?;
        if is_deleted(&found, now) {
            let (namespace, name) = (namespace.clone(), account.name.clone());
            return Err(TokenError::AccountDeleted(namespace, name));
        }
        same(&found, account, "service account", "claim")?;
        if let Some(secret) = &bound.secret {
            let claim = "service account secret ref claim";
            let found = self.live(TokenObject::Secret, namespace, secret, now);
            same(&found.await?, secret, "secret", claim)?;
        }
        if let Some(pod) = &bound.pod {
            let claim = "service account pod ref claim";
            let found = self.live(TokenObject::Pod, namespace, pod, now);
            same(&found.await?, pod, "pod", claim)?;
        }
        // A pod's Node is only told, not asked for.
        if let (None, Some(node)) = (&bound.pod, &bound.node) {
            let claim = "service account node ref claim";
            let found = self.live(TokenObject::Node, "", node, now);
            same(&found.await?, node, "node", claim)?;
        }
        Ok(())
    }

    async fn live(
        &self,
        kind: TokenObject,
        namespace: &str,
        reference: &Reference,
        now: Timestamp,
    ) -> Result<Object, TokenError> {
        let found = self.objects.get(kind, namespace, &reference.name).await?;
        let found = found.filter(|object| !is_deleted(object, now));
        found.ok_or(TokenError::Invalidated)
    }
}

/// Whether it should be gone: a pod uses its token until its grace period has ended.
fn is_deleted(object: &Object, now: Timestamp) -> bool {
    let before = now.saturating_sub(LEEWAY).unwrap_or(Timestamp::MIN);
    object.deletion_timestamp().is_some_and(|at| at < before)
}

fn same(
    object: &Object,
    reference: &Reference,
    what: &'static str,
    claim: &'static str,
) -> Result<(), TokenError> {
    if object.uid() == reference.uid {
        return Ok(());
    }
    Err(TokenError::Uid {
        what,
        claim,
        actual: object.uid().to_owned(),
        claimed: reference.uid.clone(),
    })
}

fn user(claims: &Claims) -> UserInfo {
    let bound = &claims.bound;
    let mut user = UserInfo::service_account(&bound.namespace, &bound.serviceaccount.name);
    user.uid.clone_from(&bound.serviceaccount.uid);
    let mut extra = |key: &str, value: String| {
        user.extra.insert(key.to_owned(), vec![value]);
    };
    if !claims.jti.is_empty() {
        extra(CREDENTIAL_ID, format!("JTI={}", claims.jti));
    }
    if let Some(pod) = &bound.pod {
        extra(POD_NAME, pod.name.clone());
        extra(POD_UID, pod.uid.clone());
    }
    if let Some(node) = &bound.node {
        extra(NODE_NAME, node.name.clone());
        if !node.uid.is_empty() {
            extra(NODE_UID, node.uid.clone());
        }
    }
    user
}
