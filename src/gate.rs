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
        subresource: &str,
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
        let attributes = AuthzAttributes {
            subresource,
            name: &self.node,
            ..AuthzAttributes::resource(&user, verb, "", "nodes")
        };
        match self.authorizer.authorize(&attributes) {
            Decision::Allow(_) => Ok(()),
            Decision::Deny(_) | Decision::NoOpinion(_) => Err((
                StatusCode::FORBIDDEN,
                format!(
                    "Forbidden (user={}, verb={verb}, resource=nodes, subresource(s)=[{subresource}])",
                    user.name
                ),
            )),
        }
    }
}

impl Gate for NodeGate {
    fn check<'a>(
        &'a self,
        caller: Caller<'a>,
        verb: &'a str,
        subresource: &'a str,
    ) -> BoxFuture<'a, Result<(), (StatusCode, String)>> {
        Box::pin(self.judge(caller, verb, subresource))
    }
}
