//! Tokens that live in a Secret of type `kubernetes.io/service-account-token`.

use apimachinery::{Object, UserInfo};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ServiceAccountTokens;
use super::error::TokenError;
use super::objects::TokenObject;
use super::usage::AUTO_GENERATED;
use crate::authenticate::Authenticated;

/// Their issuer, whatever the cluster's own.
pub(super) const LEGACY_ISSUER: &str = "kubernetes/serviceaccount";
/// On a Secret whose token nobody used for a year.
const INVALID_SINCE: &str = "kubernetes.io/legacy-token-invalid-since";

#[derive(Debug, Serialize, Deserialize)]
struct LegacyClaims {
    iss: String,
    #[serde(rename = "kubernetes.io/serviceaccount/namespace", default)]
    namespace: String,
    #[serde(rename = "kubernetes.io/serviceaccount/secret.name", default)]
    secret: String,
    #[serde(rename = "kubernetes.io/serviceaccount/service-account.name", default)]
    account: String,
    #[serde(rename = "kubernetes.io/serviceaccount/service-account.uid", default)]
    uid: String,
    #[serde(default)]
    sub: String,
    #[serde(
        default,
        skip_serializing,
        deserialize_with = "super::claims::one_or_many"
    )]
    aud: Vec<String>,
}

impl ServiceAccountTokens {
    /// The token that belongs into a Secret: it does not end, and is good for as long as both the
    /// Secret holds it and the account lives.
    ///
    /// # Errors
    /// When signing fails.
    pub fn issue_legacy(
        &self,
        account: &Object,
        secret: &Object,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let (namespace, name) = (account.namespace(), account.name());
        self.keys.sign(&LegacyClaims {
            iss: LEGACY_ISSUER.to_owned(),
            namespace: namespace.to_owned(),
            secret: secret.name().to_owned(),
            account: name.to_owned(),
            uid: account.uid().to_owned(),
            sub: UserInfo::service_account(namespace, name).name,
            aud: Vec::new(),
        })
    }

    pub(super) async fn legacy(
        &self,
        token: &str,
        wanted: &[String],
    ) -> Result<Authenticated, TokenError> {
        let claims: LegacyClaims = self.keys.verify(token)?;
        let audiences = self.audiences_of(&claims.aud, wanted)?;
        claims.check()?;
        let warning = self.check_legacy_objects(token, &claims).await?;
        let mut user = UserInfo::service_account(&claims.namespace, &claims.account);
        user.uid = claims.uid;
        Ok(Authenticated {
            user,
            audiences,
            warning,
        })
    }

    /// What the token's user should be told, if anything.
    async fn check_legacy_objects(
        &self,
        token: &str,
        claims: &LegacyClaims,
    ) -> Result<Option<&'static str>, TokenError> {
        let (namespace, account) = (&claims.namespace, &claims.account);
        let kind = TokenObject::Secret;
        let secret = self.objects.get(kind, namespace, &claims.secret).await?;
        let secret = secret.filter(|secret| secret.deletion_timestamp().is_none());
        let secret = secret.ok_or_else(|| refused("Token has been invalidated"))?;
        if data(&secret, "token").as_deref() != Some(token.as_bytes()) {
            return Err(refused("Token does not match server's copy"));
        }
        let kind = TokenObject::ServiceAccount;
        let found = self.objects.get(kind, namespace, account).await?;
        let found = found.ok_or_else(|| TokenError::NoAccount(account.clone()))?;
        if found.deletion_timestamp().is_some() {
            let text = format!("ServiceAccount {namespace}/{account} has been deleted");
            return Err(refused(text));
        }
        if found.uid() != claims.uid {
            let (actual, claimed) = (found.uid(), &claims.uid);
            let text = format!("ServiceAccount UID ({actual}) does not match claim ({claimed})");
            return Err(refused(text));
        }
        let warning = self.judge_use(&found, &secret);
        self.note_use(&secret).await;
        warning
    }

    /// Counts the use; refuses a Secret that is marked.
    fn judge_use(
        &self,
        account: &Object,
        secret: &Object,
    ) -> Result<Option<&'static str>, TokenError> {
        if secret.label(INVALID_SINCE).is_some_and(|at| !at.is_empty()) {
            self.usage.invalidated.inc();
            let (namespace, account, secret) = (secret.namespace(), account.name(), secret.name());
            return Err(refused(format!(
                "the token in secret {namespace}/{secret} for service account \
                 {namespace}/{account} has been marked invalid. Use tokens from the TokenRequest \
                 API or manually created secret-based tokens, or remove the '{INVALID_SINCE}' \
                 label from the secret to temporarily allow use of this token"
            )));
        }
        let listed = account.get("secrets").and_then(Value::as_array);
        let mut listed = listed.into_iter().flatten();
        if listed.any(|reference| reference["name"] == secret.name()) {
            self.usage.auto_generated.inc();
            return Ok(Some(AUTO_GENERATED));
        }
        self.usage.manual.inc();
        Ok(None)
    }
}

impl LegacyClaims {
    fn check(&self) -> Result<(), TokenError> {
        let claims = [
            ("sub", &self.sub),
            ("namespace", &self.namespace),
            ("secretName", &self.secret),
            ("serviceAccountName", &self.account),
            ("serviceAccountUID", &self.uid),
        ];
        if let Some((name, _)) = claims.iter().find(|(_, value)| value.is_empty()) {
            return Err(refused(format!("{name} claim is missing")));
        }
        if self.sub != UserInfo::service_account(&self.namespace, &self.account).name {
            return Err(refused("sub claim is invalid"));
        }
        Ok(())
    }
}

fn refused(text: impl Into<String>) -> TokenError {
    TokenError::Legacy(text.into())
}

/// An entry of a Secret's data; `None` when it is absent or no base64.
pub(crate) fn data(secret: &Object, key: &str) -> Option<Vec<u8>> {
    let text = secret.0.get("data")?.get(key)?.as_str()?;
    STANDARD.decode(text).ok()
}
