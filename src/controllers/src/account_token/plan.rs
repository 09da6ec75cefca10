//! What becomes of a token secret: pure functions.

use api::wellknown::annotations::{SERVICE_ACCOUNT_NAME, SERVICE_ACCOUNT_UID};
use api::{ByteString, Kind, Secret, ServiceAccount};

const TYPE: &str = "kubernetes.io/service-account-token";

const TOKEN: &str = "token";
const CERTIFICATE: &str = "ca.crt";
const NAMESPACE: &str = "namespace";

#[derive(Debug, PartialEq)]
pub(super) enum Step<'a> {
    Nothing,
    /// Its account is gone.
    Delete,
    /// `token` says whether it has none yet.
    Fill {
        account: &'a ServiceAccount,
        token: bool,
    },
}

/// The account that a secret wants a token of; `None` for other secrets.
pub(super) fn account_name(secret: &Secret) -> Option<&str> {
    let ours = secret.type_.as_deref() == Some(TYPE);
    let name = secret.annotation(SERVICE_ACCOUNT_NAME);
    name.filter(|name| ours && !name.is_empty())
}

/// Whether the secret is this very account's: one of its name that came later has another UID.
pub(super) fn is_of(secret: &Secret, account: &ServiceAccount) -> bool {
    let uid = secret.annotation(SERVICE_ACCOUNT_UID).unwrap_or_default();
    account_name(secret) == Some(account.name()) && ["", account.uid()].contains(&uid)
}

pub(super) fn plan<'a>(
    secret: &Secret,
    account: Option<&'a ServiceAccount>,
    root_ca_pem: &str,
) -> Step<'a> {
    if secret.is_terminating() {
        return Step::Nothing;
    }
    let Some(account) = account.filter(|account| is_of(secret, account)) else {
        return Step::Delete;
    };
    let token = has(secret, TOKEN).is_none_or(<[u8]>::is_empty);
    let right = has(secret, CERTIFICATE) == Some(root_ca_pem.as_bytes())
        && has(secret, NAMESPACE).is_some_and(|namespace| !namespace.is_empty())
        && secret.annotation(SERVICE_ACCOUNT_UID) == Some(account.uid());
    if token || !right {
        Step::Fill { account, token }
    } else {
        Step::Nothing
    }
}

fn has<'a>(secret: &'a Secret, key: &str) -> Option<&'a [u8]> {
    let data = secret.data.as_ref()?.get(key)?;
    Some(&data.0)
}

/// The secret with all that belongs into it.
pub(super) fn filled(
    secret: &Secret,
    account: &ServiceAccount,
    token: Option<String>,
    root_ca_pem: &str,
) -> Secret {
    let mut filled = secret.clone();
    let data = filled.data.get_or_insert_default();
    let mut put = |key: &str, text: &str| {
        data.insert(key.to_owned(), ByteString(text.as_bytes().to_vec()));
    };
    put(CERTIFICATE, root_ca_pem);
    put(NAMESPACE, secret.namespace());
    if let Some(token) = token {
        put(TOKEN, &token);
    }
    let annotations = filled.metadata.annotations.get_or_insert_default();
    annotations.insert(SERVICE_ACCOUNT_NAME.to_owned(), account.name().to_owned());
    annotations.insert(SERVICE_ACCOUNT_UID.to_owned(), account.uid().to_owned());
    filled
}
