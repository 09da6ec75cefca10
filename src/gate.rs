//! Who may use the kubelet's own API: the cluster's authenticators and authorizers decide.

use std::sync::Arc;

use auth::{Authenticator, Authorizer, AuthzAttributes, Credentials, Decision};
use http::StatusCode;
use kubelet::Gate;
use rustls::pki_types::CertificateDer;

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

impl Gate for NodeGate {
    fn check(
        &self,
        peer: &[CertificateDer<'static>],
        verb: &str,
        subresource: &str,
    ) -> Result<(), (StatusCode, String)> {
        let credentials = Credentials {
            peer_certificates: peer,
            bearer: None,
        };
        let unauthorized = || (StatusCode::UNAUTHORIZED, "Unauthorized".to_owned());
        let user = self
            .authenticator
            .authenticate(&credentials)
            .map_err(|_| unauthorized())?;
        // The kubelet knows no anonymous requests.
        let user = user
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
