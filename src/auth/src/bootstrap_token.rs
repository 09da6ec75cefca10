//! Bootstrap tokens: `abcdef.0123456789abcdef`, from Secrets in kube-system, for nodes that join.

use std::sync::Arc;

use apimachinery::{Object, StatusError, UserInfo, time};
use base::Clock;
use futures::future::BoxFuture;
use tracing::debug;

use crate::authenticate::{Authenticated, Authenticator, Credentials, Outcome, Unauthenticated};
use crate::token::{TokenObject, TokenObjects, data};

const NAMESPACE: &str = "kube-system";
const TYPE: &str = "bootstrap.kubernetes.io/token";
const GROUP: &str = "system:bootstrappers";

/// Accepts the tokens whose Secret is there, has not expired, and is meant for authentication.
pub struct BootstrapTokens {
    objects: Arc<dyn TokenObjects>,
    clock: Clock,
    /// The API server's: bootstrap tokens are for nobody else.
    audiences: Vec<String>,
}

impl BootstrapTokens {
    #[must_use]
    pub fn new(objects: Arc<dyn TokenObjects>, clock: Clock, audiences: Vec<String>) -> Self {
        Self {
            objects,
            clock,
            audiences,
        }
    }

    async fn judge(&self, token: &str) -> Result<Option<UserInfo>, StatusError> {
        let Some((id, secret_part)) = parts(token) else {
            return Ok(None);
        };
        let name = format!("bootstrap-token-{id}");
        let kind = TokenObject::Secret;
        let Some(secret) = self.objects.get(kind, NAMESPACE, &name).await? else {
            return Ok(None);
        };
        match self.groups(&secret, id, secret_part) {
            Ok(groups) => {
                let groups: Vec<_> = groups.iter().map(String::as_str).collect();
                Ok(Some(UserInfo::new(
                    format!("system:bootstrap:{id}"),
                    &groups,
                )))
            }
            Err(why) => {
                // As upstream: the client reads no more than that it is not known.
                debug!(secret = name, why, "refused a bootstrap token");
                Ok(None)
            }
        }
    }

    /// The groups of a good token.
    fn groups(&self, secret: &Object, id: &str, given: &str) -> Result<Vec<String>, String> {
        let text = |key: &str| {
            let bytes = data(secret, key).unwrap_or_default();
            String::from_utf8(bytes).unwrap_or_default()
        };
        let when = |holds: bool, otherwise: &str| {
            if holds {
                Ok(())
            } else {
                Err(otherwise.to_owned())
            }
        };
        let is_going = secret.deletion_timestamp().is_some();
        when(!is_going, "is deleted and awaiting removal")?;
        let kind = secret.0.get("type").and_then(|kind| kind.as_str());
        when(kind == Some(TYPE), "has an invalid type")?;
        let key = text("token-secret");
        when(same(&key, given), "has invalid value for key token-secret")?;
        when(text("token-id") == id, "has invalid value for key token-id")?;
        when(!self.has_expired(&text("expiration")), "has expired")?;
        let usage = text("usage-bootstrap-authentication");
        when(
            usage == "true",
            "not marked usage-bootstrap-authentication=true",
        )?;
        let extra = text("auth-extra-groups");
        let mut groups = vec![GROUP.to_owned()];
        // An empty list is no group, an empty group in a list is a wrong one.
        for group in extra.split(',').filter(|_| !extra.is_empty()) {
            when(
                is_group(group),
                "has invalid value for key auth-extra-groups",
            )?;
            groups.push(group.to_owned());
        }
        groups.sort();
        groups.dedup();
        Ok(groups)
    }

    /// A time that cannot be read has passed.
    fn has_expired(&self, expiration: &str) -> bool {
        !expiration.is_empty() && time::parse(expiration).is_none_or(|end| self.clock.wall() > end)
    }
}

impl Authenticator for BootstrapTokens {
    fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let Some(token) = credentials.bearer else {
                return Ok(None);
            };
            let wanted = credentials.audiences;
            let wanted = if wanted.is_empty() {
                &self.audiences
            } else {
                wanted
            };
            let audiences = self.audiences.iter().filter(|own| wanted.contains(own));
            let audiences: Vec<String> = audiences.cloned().collect();
            if audiences.is_empty() {
                return Ok(None);
            }
            let known = self.judge(token).await.map_err(|error| {
                Unauthenticated::Unreadable(format!("a bootstrap token's Secret: {error}"))
            })?;
            Ok(known.map(|user| Authenticated {
                audiences,
                ..user.into()
            }))
        })
    }
}

/// Id and secret of a token of this form.
fn parts(token: &str) -> Option<(&str, &str)> {
    let plain = |text: &str, length: usize| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        text.len() == length && text.bytes().all(plain)
    };
    let (id, secret) = token.split_once('.')?;
    (plain(id, 6) && plain(secret, 16)).then_some((id, secret))
}

/// `system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]`.
fn is_group(group: &str) -> bool {
    let Some(rest) = group.strip_prefix("system:bootstrappers:") else {
        return false;
    };
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let inner = |byte: u8| plain(byte) || matches!(byte, b':' | b'-');
    rest.len() <= 256 && rest.bytes().all(inner) && rest.bytes().last().is_some_and(plain)
}

/// Compares in a time that does not tell how much of it is right.
fn same(one: &str, other: &str) -> bool {
    let differences = one
        .bytes()
        .zip(other.bytes())
        .fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tests::Shelf;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use expect_test::expect;
    use futures::FutureExt;
    use serde_json::{Value, json};

    const TOKEN: &str = "abcdef.0123456789abcdef";

    fn secret(changes: &[(&str, &str)]) -> Value {
        let mut data = json!({
            "token-id": "abcdef", "token-secret": "0123456789abcdef",
            "usage-bootstrap-authentication": "true",
        });
        for (key, value) in changes {
            data[*key] = (*value).into();
        }
        for value in data.as_object_mut().expect("a map").values_mut() {
            *value = STANDARD.encode(value.as_str().expect("text")).into();
        }
        json!({
            "metadata": {"namespace": "kube-system", "name": "bootstrap-token-abcdef"},
            "type": "bootstrap.kubernetes.io/token", "data": data,
        })
    }

    #[test]
    fn a_good_secret_lets_its_token_in() {
        let now = "2027-01-01T12:00:00Z".parse().expect("a time");
        let (clock, _hands) = Clock::manual(now);
        let mut shown = String::new();
        let mut show = |what: &str, token: &str, secret: Value| {
            let shelf = Arc::new(Shelf::default());
            shelf.put(TokenObject::Secret, secret);
            let tokens = BootstrapTokens::new(shelf, clock.clone(), vec!["api".into()]);
            let ask = |audiences: &[String]| {
                let credentials = Credentials {
                    bearer: Some(token),
                    audiences,
                    ..Credentials::default()
                };
                let outcome = tokens.authenticate(credentials).now_or_never();
                outcome.expect("at once").expect("no fault")
            };
            let known = ask(&[]);
            assert_eq!(ask(&["vault".into()]), None, "{what}: for somebody else");
            let both = ask(&["vault".into(), "api".into()]);
            assert_eq!(both, known);
            assert!(known.iter().all(|known| known.audiences == ["api"]));
            let line = known.map(|known| format!("{} {:?}", known.user.name, known.user.groups));
            shown += &format!("{what}: {}\n", line.as_deref().unwrap_or("not known"));
        };
        show("good", TOKEN, secret(&[]));
        show("another secret", "abcdef.0123456789abcdeg", secret(&[]));
        show("another id", "abcdeg.0123456789abcdef", secret(&[]));
        show("upper case", "ABCDEF.0123456789ABCDEF", secret(&[]));
        show("no token", "x", secret(&[]));
        show("a lying id", TOKEN, secret(&[("token-id", "xxxxxx")]));
        show("an empty secret", TOKEN, secret(&[("token-secret", "")]));
        show(
            "for signing only",
            TOKEN,
            secret(&[("usage-bootstrap-authentication", "false")]),
        );
        let end = |end| secret(&[("expiration", end)]);
        show("in time", TOKEN, end("2027-01-01T12:00:01Z"));
        show("expired", TOKEN, end("2027-01-01T11:59:59Z"));
        show("an end that is no time", TOKEN, end("tomorrow"));
        let groups = |groups| secret(&[("auth-extra-groups", groups)]);
        let good = "system:bootstrappers:workers,system:bootstrappers:a:b-c";
        show("groups", TOKEN, groups(good));
        show("a comma too many", TOKEN, groups("system:bootstrappers:a,"));
        show("no groups", TOKEN, groups(""));
        show("a wild group", TOKEN, groups("system:masters"));
        show("a cut group", TOKEN, groups("system:bootstrappers:a-"));
        let mut other = secret(&[]);
        other["type"] = "Opaque".into();
        show("another type", TOKEN, other);
        let mut going = secret(&[]);
        going["metadata"]["deletionTimestamp"] = "2027-01-01T12:00:00Z".into();
        show("going", TOKEN, going);
        expect![[r#"
            good: system:bootstrap:abcdef ["system:bootstrappers", "system:authenticated"]
            another secret: not known
            another id: not known
            upper case: not known
            no token: not known
            a lying id: not known
            an empty secret: not known
            for signing only: not known
            in time: system:bootstrap:abcdef ["system:bootstrappers", "system:authenticated"]
            expired: not known
            an end that is no time: not known
            groups: system:bootstrap:abcdef ["system:bootstrappers", "system:bootstrappers:a:b-c", "system:bootstrappers:workers", "system:authenticated"]
            a comma too many: not known
            no groups: system:bootstrap:abcdef ["system:bootstrappers", "system:authenticated"]
            a wild group: not known
            a cut group: not known
            another type: not known
            going: not known
        "#]].assert_eq(&shown);
    }
}
