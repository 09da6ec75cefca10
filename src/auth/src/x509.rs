//! Client certificates: the common name is the user, organizations are groups.

use apimachinery::UserInfo;
use base::Clock;
use pki::ClientVerifier;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::authenticate::{Authenticator, Credentials, Unauthenticated};

/// Where audit events read which certificate it was (upstream's key).
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// Accepts certificates for client authentication that lead to the client authorities, valid by
/// the clock at the time of the request.
#[derive(Clone, Debug)]
pub struct X509 {
    verifier: ClientVerifier,
    clock: Clock,
}

impl X509 {
    /// Trusts the authorities of a PEM bundle.
    ///
    /// # Errors
    /// When the bundle holds no usable certificate.
    pub fn new(client_ca_pem: &str, clock: Clock) -> pki::Result<Self> {
        let verifier = ClientVerifier::new(client_ca_pem)?;
        Ok(Self { verifier, clock })
    }
}

impl Authenticator for X509 {
    fn authenticate(
        &self,
        credentials: &Credentials<'_>,
    ) -> Result<Option<UserInfo>, Unauthenticated> {
        let chain = credentials.peer_certificates;
        let Some(leaf) = chain.first() else {
            return Ok(None);
        };
        let (_, certificate) = X509Certificate::from_der(leaf)
            .map_err(|error| Unauthenticated::Unreadable(error.to_string()))?;
        let verified = self.verifier.verify(chain, self.clock.wall());
        verified.map_err(|error| Unauthenticated::Certificate {
            subject: certificate.subject().to_string(),
            serial: certificate.raw_serial_as_string(),
            why: error.to_string(),
        })?;
        Ok(user(&certificate, leaf))
    }
}

/// The user a certificate names; `None` without a common name, as upstream.
fn user(certificate: &X509Certificate<'_>, der: &[u8]) -> Option<UserInfo> {
    let subject = certificate.subject();
    let name = subject.iter_common_name().last()?.as_str().ok()?;
    if name.is_empty() {
        return None;
    }
    let organizations = subject.iter_organization();
    // A group that is no text cannot be named in a binding either.
    let groups: Vec<_> = organizations.filter_map(|o| o.as_str().ok()).collect();
    let mut user = UserInfo::new(name, &groups);
    user.extra
        .insert(CREDENTIAL_ID.into(), vec![credential_id(der)]);
    Some(user)
}

fn credential_id(der: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, der);
    let hex = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("X509SHA256={}", hex.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use pki::{CertAndKey, LeafName, Pki, PkiOptions};
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;

    fn chain(identity: &CertAndKey) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(identity.cert_pem.as_bytes())
            .map(|der| der.expect("PEM"))
            .collect()
    }

    fn open(clock: &Clock, data_dir: &std::path::Path) -> Pki {
        Pki::open(PkiOptions {
            data_dir: data_dir.to_owned(),
            clock: clock.clone(),
            node_name: "n1".into(),
            node_ips: Vec::new(),
            service_ips: Vec::new(),
            cluster_domain: "cluster.local".into(),
            tls_sans: Vec::new(),
        })
        .expect("made")
    }

    #[test]
    fn names_become_users_and_bad_certificates_are_refused() {
        let start = "2027-01-01T12:00:00Z".parse().expect("a time");
        let (clock, hands) = Clock::manual(start);
        let directory = tempfile::tempdir().expect("fresh directory");
        let elsewhere = tempfile::tempdir().expect("fresh directory");
        let pki = open(&clock, directory.path());
        let foreign = open(&clock, elsewhere.path());
        let authenticator = X509::new(pki.client_ca_pem(), clock).expect("authorities");
        let mut shown = String::new();
        let mut show = |what: &str, identity: &CertAndKey| {
            let chain = chain(identity);
            let credentials = Credentials {
                peer_certificates: &chain,
                bearer: None,
            };
            let line = match authenticator.authenticate(&credentials) {
                Ok(Some(user)) => format!("{} {:?} {}", user.name, user.groups, user.extra.len()),
                Ok(None) => "nobody".into(),
                Err(Unauthenticated::Certificate { subject, why, .. }) => {
                    format!("refused {subject}: {why}")
                }
                Err(error) => format!("refused: {error}"),
            };
            shown += &format!("{what}: {line}\n");
        };
        let issue =
            |name: &str, groups: &[&str]| pki.client_certificate(name, groups).expect("issued");
        show("admin", &pki.leaf(LeafName::Admin));
        show("kubelet", &pki.leaf(LeafName::KubeletClient));
        show("groups", &issue("dev", &["a", "b", "a"]));
        show("no name", &issue("", &["system:masters"]));
        show("a server", &pki.leaf(LeafName::ApiServer));
        show("a front proxy", &pki.leaf(LeafName::AuthProxy));
        show("foreign", &foreign.leaf(LeafName::Admin));
        let serving = pki.kubelet_serving("n2", &[]).expect("issued");
        show("another kubelet's server", &serving);
        let ending = issue("dev", &[]);
        hands.shift_wall(366.0 * 86_400.0);
        show("a year later", &ending);
        expect![[r#"
            admin: system:admin ["system:masters", "system:authenticated"] 1
            kubelet: system:node:n1 ["system:nodes", "system:authenticated"] 1
            groups: dev ["a", "b", "a", "system:authenticated"] 1
            no name: nobody
            a server: refused CN=kube-apiserver: invalid peer certificate: certificate does not allow extended key usage for client authentication, allows server authentication
            a front proxy: refused CN=system:auth-proxy: invalid peer certificate: UnknownIssuer
            foreign: refused O=system:masters, CN=system:admin: invalid peer certificate: BadSignature
            another kubelet's server: refused O=system:nodes, CN=system:node:n2: invalid peer certificate: certificate does not allow extended key usage for client authentication, allows server authentication
            a year later: refused CN=dev: invalid peer certificate: certificate expired: verification time 1830427200 (UNIX), but certificate is not valid after 1830340800 (86400 seconds ago)
        "#]].assert_eq(&shown);

        let none = authenticator.authenticate(&Credentials::default());
        assert_eq!(none, Ok(None));
        let junk = [CertificateDer::from(vec![1, 2, 3])];
        let credentials = Credentials {
            peer_certificates: &junk,
            bearer: None,
        };
        let refused = authenticator.authenticate(&credentials);
        assert!(matches!(refused, Err(Unauthenticated::Unreadable(_))));
    }
}
