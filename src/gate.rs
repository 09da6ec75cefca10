//! Who may use the kubelet's own API: the cluster's authenticators and authorizers decide.

use std::sync::Arc;

use auth::{Authenticator, Authorizer, AuthzAttributes, Credentials, Decision};
use futures::future::BoxFuture;
use http::StatusCode;
use kubelet::{Caller, Gate};

pub struct NodeGate {
    authenticator: Arc<dyn Authenticator>,
    authorizer: Arc<dyn Authorizer>,
    node: String,
}

impl NodeGate {
    pub fn new(
        authenticator: Arc<dyn Authenticator>,
        authorizer: Arc<dyn Authorizer>,
        node: String,
    ) -> Self {
        Self {
            authenticator,
            authorizer,
            node,
        }
    }
}

impl NodeGate {
    async fn judge(
        &self,
        caller: Caller<'_>,
        verb: &str,
        subresources: &[&str],
    ) -> Result<(), (StatusCode, String)> {
        let credentials = Credentials {
            peer_certificates: caller.peer,
            bearer: caller.bearer,
            audiences: &[],
        };
        let unauthorized = || (StatusCode::UNAUTHORIZED, "Unauthorized".to_owned());
        let known = self.authenticator.authenticate(credentials).await;
        let user = known.map_err(|error| {
            tracing::debug!(%error, "the kubelet refused credentials");
            unauthorized()
        })?;
        // The kubelet knows no anonymous requests.
        let user = user
            .map(|known| known.user)
            .filter(|user| user.name != "system:anonymous")
            .ok_or_else(unauthorized)?;
        for &subresource in subresources {
            let attributes = AuthzAttributes {
                subresource,
                name: &self.node,
                ..AuthzAttributes::resource(&user, verb, "", "nodes")
            };
            match self.authorizer.authorize(&attributes) {
                Decision::Allow(_) => return Ok(()),
                Decision::Deny(_) => break,
                Decision::NoOpinion(_) => {}
            }
        }
        let subresources = subresources.join(" ");
        Err((
            StatusCode::FORBIDDEN,
            format!(
                "Forbidden (user={}, verb={verb}, resource=nodes, subresource(s)=[{subresources}])",
                user.name
            ),
        ))
    }
}

impl Gate for NodeGate {
    fn check<'a>(
        &'a self,
        caller: Caller<'a>,
        verb: &'a str,
        subresources: &'a [&'a str],
    ) -> BoxFuture<'a, Result<(), (StatusCode, String)>> {
        Box::pin(self.judge(caller, verb, subresources))
    }
}

#[cfg(test)]
mod tests {
    use apimachinery::UserInfo;
    use auth::{Anonymous, Authenticated, Chain, Outcome};

    use super::*;

    /// The token is the user.
    struct Named;

    impl Authenticator for Named {
        fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> BoxFuture<'a, Outcome> {
            let user = credentials.bearer.map(|name| UserInfo::new(name, &[]));
            Box::pin(std::future::ready(Ok(user.map(Authenticated::from))))
        }
    }

    /// Users have the right to read what they are named after, on one node.
    struct ByName;

    impl Authorizer for ByName {
        fn authorize(&self, asked: &AuthzAttributes<'_>) -> Decision {
            let held = asked.user.name == asked.subresource && asked.verb == "get";
            if held && asked.resource == "nodes" && asked.name == "n1" {
                Decision::Allow("".into())
            } else {
                Decision::NoOpinion("".into())
            }
        }
    }

    #[tokio::test]
    async fn the_right_to_any_part_will_do_and_nobody_is_anonymous() {
        let known: Arc<dyn Authenticator> = Arc::new(Chain::new(vec![Arc::new(Named)], true));
        let gate = NodeGate::new(known, Arc::new(ByName), "n1".into());
        let ask = async |bearer, verb, subresources: &[&str]| {
            let caller = Caller { peer: &[], bearer };
            let answer = gate.check(caller, verb, subresources).await;
            answer.map_or_else(|(code, why)| format!("{code}: {why}"), |()| "ok".to_owned())
        };
        assert_eq!(ask(Some("pods"), "get", &["pods", "proxy"]).await, "ok");
        assert_eq!(ask(Some("proxy"), "get", &["pods", "proxy"]).await, "ok");
        let forbidden = |verb: &str, parts: &str| {
            format!(
                "403 Forbidden: Forbidden (user=pods, verb={verb}, resource=nodes, \
                 subresource(s)=[{parts}])"
            )
        };
        let rows: [(&str, &[&str], &str); 3] = [
            ("get", &["metrics"], "metrics"),
            ("get", &["healthz", "proxy"], "healthz proxy"),
            ("create", &["pods", "proxy"], "pods proxy"),
        ];
        for (verb, parts, shown) in rows {
            let expected = forbidden(verb, shown);
            assert_eq!(ask(Some("pods"), verb, parts).await, expected);
        }
        let anonymous = ask(None, "get", &["healthz", "proxy"]).await;
        assert_eq!(anonymous, "401 Unauthorized: Unauthorized");
        // The control: the chain knows the anonymous, the gate does not.
        let credentials = Credentials::default();
        let known = Anonymous.authenticate(credentials).await.expect("known");
        assert_eq!(known.expect("somebody").user, UserInfo::anonymous());
    }
}
