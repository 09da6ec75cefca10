//! Secrets of the type `kubernetes.io/service-account-token`: filled with a token of their
//! account, and gone with it. The entry point is [`ROW`].

mod plan;

use std::sync::Arc;

use api::{Kind, Secret, ServiceAccount};
use apimachinery::{Encoded, Object};
use base::TraceId;
use client::{Client, DeleteOptions};
use futures::FutureExt;
use futures::future::BoxFuture;
use informer::{Action, Change, Informer, Key, Lister, ReconcileError, Reconciler};

use crate::cx::{ControllersCx, Row, TokenSigner};
use crate::owed::{Look, Owed, look};
use crate::writes;
use plan::Step;

/// The row of [`crate::CONTROLLERS`]. Upstream's loop acts as the controller manager itself.
pub(crate) const ROW: Row = Row {
    name: "serviceaccount-token-controller",
    start,
};

/// Secrets by the account they name.
const ACCOUNT: &str = "service-account";

struct AccountTokens {
    secrets: Lister<Secret>,
    accounts: Lister<ServiceAccount>,
    owed: Owed,
    client: Client,
    sign: TokenSigner,
    root_ca_pem: String,
}

fn start(cx: &ControllersCx) -> BoxFuture<'static, ()> {
    let client = cx.manager.clone();
    let tokens = AccountTokens {
        secrets: cx.informers.lister().with_index(ACCOUNT, by_account),
        accounts: cx.informers.lister(),
        owed: Owed::new::<Secret>(cx, &client),
        sign: cx.sign_token.clone(),
        root_ca_pem: cx.root_ca_pem.clone(),
        client,
    };
    let secrets = tokens.secrets.informer().clone();
    cx.controller(ROW.name, "serviceaccount_tokens_secret")
        .watches_by(tokens.secrets.informer(), |change| {
            let key = Key::of(change.object());
            let ours = !by_account(change.object()).is_empty();
            key.filter(|_| ours).into_iter().collect()
        })
        .watches_by(tokens.accounts.informer(), move |change| {
            of_account(&secrets, change)
        })
        .run(Arc::new(tokens), cx.shutdown.clone())
        .boxed()
}

/// `namespace/name` of the account that a token secret names.
fn by_account(secret: &Encoded) -> Vec<String> {
    // What does not decode names nobody; the lister logs it when it is read.
    let secret: Option<Secret> = api::decode(secret).ok();
    let account = |secret: &Secret| {
        let name = plan::account_name(secret)?;
        Some(account_key(secret.namespace(), name))
    };
    secret.as_ref().and_then(account).into_iter().collect()
}

fn account_key(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

fn of_account(secrets: &Informer, change: &Change<'_>) -> Vec<Key> {
    let Some(account) = Key::of(change.object()) else {
        return Vec::new();
    };
    let account = account_key(&account.namespace, &account.name);
    let secrets = secrets.by_index(ACCOUNT, &account);
    secrets.iter().filter_map(Key::of).collect()
}

impl Reconciler for AccountTokens {
    fn reconcile<'a>(
        &'a self,
        key: &'a Key,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Action, ReconcileError>> {
        Box::pin(self.sync(key, trace))
    }
}

impl AccountTokens {
    async fn sync(&self, key: &Key, trace: TraceId) -> Result<Action, ReconcileError> {
        let secret = match look(&[&self.owed], &self.secrets, key).await? {
            Look::At(secret) => secret,
            Look::Nothing(action) => return Ok(action),
        };
        let Some(name) = plan::account_name(&secret) else {
            return Ok(Action::Done);
        };
        let client = self.client.with_trace(trace);
        let account = self.account(&client, &secret, name).await?;
        match plan::plan(&secret, account.as_ref(), &self.root_ca_pem) {
            Step::Nothing => {}
            Step::Delete => delete(&client, &secret).await?,
            Step::Fill { account, token } => {
                let token = token
                    .then(|| self.token(account, &secret.json))
                    .transpose()?;
                let after = plan::filled(&secret, account, token, &self.root_ca_pem);
                writes::update(&client, &self.owed, key, &secret, &after).await?;
            }
        }
        Ok(Action::Done)
    }

    fn token(&self, account: &ServiceAccount, secret: &Object) -> Result<String, ReconcileError> {
        (self.sign)(&account.encode(), secret).map_err(ReconcileError::Other)
    }

    /// The account that the secret is of. One that the cache lacks may be new.
    async fn account(
        &self,
        client: &Client,
        secret: &Secret,
        name: &str,
    ) -> Result<Option<ServiceAccount>, ReconcileError> {
        let cached = self.accounts.get(secret.namespace(), name);
        if cached
            .as_ref()
            .is_some_and(|account| plan::is_of(secret, account))
        {
            return Ok(cached);
        }
        let accounts = client.typed::<ServiceAccount>();
        let accounts = accounts.in_namespace(secret.namespace());
        Ok(accounts.find(name).await?)
    }
}

async fn delete(client: &Client, secret: &Secret) -> Result<(), ReconcileError> {
    let version = secret.metadata.resource_version.as_deref();
    let options = DeleteOptions::of_version(secret.uid(), version);
    let secrets = client.typed::<Secret>().in_namespace(secret.namespace());
    client::if_present(secrets.delete(secret.name(), &options).await)?;
    Ok(())
}

#[cfg(test)]
mod tests;
