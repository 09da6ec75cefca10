//! Client certificates: the common name is the user, organizations are groups.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use apimachinery::UserInfo;
use base::Clock;
use futures::future::BoxFuture;
use jiff::Timestamp;
use pki::ClientVerifier;
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

use crate::authenticate::{Authenticator, Credentials, Outcome, Unauthenticated};

/// Where audit events read which certificate it was (upstream's key).
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";
/// How many chains are remembered: a cluster's components and people, many times over.
const REMEMBERED: usize = 1024;
/// The attribute of a subject that says the user's uid (upstream's).
const UID: &str = "1.3.6.1.4.1.57683.2";

/// Accepts certificates for client authentication that lead to the client authorities, valid by
/// the clock at the time of the request. A chain's signatures are checked once; what is
/// remembered of it ends with the first of its certificates.
#[derive(Clone, Debug)]
pub struct X509 {
    verifier: ClientVerifier,
    clock: Clock,
    verified: Arc<RwLock<HashMap<Fingerprint, Verified>>>,
}

/// SHA-256 over the whole chain.
type Fingerprint = [u8; 32];

/// What a chain that was accepted says.
#[derive(Clone, Debug)]
struct Verified {
    user: Option<UserInfo>,
    from: Timestamp,
    until: Timestamp,
}

impl X509 {
    /// Trusts the authorities of a PEM bundle.
    ///
    /// # Errors
    /// When the bundle holds no usable certificate.
    pub fn new(client_ca_pem: &str, clock: Clock) -> pki::Result<Self> {
        let verifier = ClientVerifier::new(client_ca_pem)?;
        Ok(Self {
            verifier,
            clock,
            verified: Arc::default(),
        })
    }

    fn judge(&self, chain: &[CertificateDer<'static>]) -> Outcome {
        let Some(leaf) = chain.first() else {
            return Ok(None);
        };
        let (fingerprint, now) = (fingerprint(chain), self.clock.wall());
        let user = match self.remembered(&fingerprint, now) {
            Some(known) => known.user,
            None => {
                let verified = self.verify(chain, leaf, now)?;
                let user = verified.user.clone();
                self.remember(fingerprint, verified, now);
                user
            }
        };
        Ok(user.map(Into::into))
    }

    fn remembered(&self, fingerprint: &Fingerprint, now: Timestamp) -> Option<Verified> {
        let verified = self.verified.read().unwrap_or_else(PoisonError::into_inner);
        let known = verified.get(fingerprint)?;
        (known.from <= now && now <= known.until).then(|| known.clone())
    }

    fn remember(&self, fingerprint: Fingerprint, known: Verified, now: Timestamp) {
        let mut verified = self
            .verified
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= REMEMBERED {
            verified.retain(|_, known| now <= known.until);
        }
        if verified.len() >= REMEMBERED {
            // Who loses is verified again; who it is does not matter.
            verified.clear();
        }
        verified.insert(fingerprint, known);
    }

    fn verify(
        &self,
        chain: &[CertificateDer<'static>],
        leaf: &CertificateDer<'static>,
        now: Timestamp,
    ) -> Result<Verified, Unauthenticated> {
        let (_, certificate) = X509Certificate::from_der(leaf).map_err(unreadable)?;
        let verified = self.verifier.verify(chain, now);
        let refused = |why: String| Unauthenticated::Certificate {
            subject: certificate.subject().to_string(),
            serial: certificate.raw_serial_as_string(),
            why,
        };
        let (mut from, mut until) = verified
            .map_err(|error| refused(error.to_string()))?
            .into_inner();
        for der in chain {
            let (_, link) = X509Certificate::from_der(der).map_err(unreadable)?;
            let validity = link.validity();
            from = from.max(time(validity.not_before.timestamp()));
            until = until.min(time(validity.not_after.timestamp()));
        }
        let user = user(&certificate, leaf).map_err(refused)?;
        Ok(Verified { user, from, until })
    }
}

impl Authenticator for X509 {
    fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> BoxFuture<'a, Outcome> {
        let outcome = self.judge(credentials.peer_certificates);
        Box::pin(std::future::ready(outcome))
    }
}

fn unreadable(error: impl ToString) -> Unauthenticated {
    Unauthenticated::Unreadable(error.to_string())
}

/// A time past what can be counted is the end of time.
fn time(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}

fn fingerprint(chain: &[CertificateDer<'_>]) -> Fingerprint {
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    for der in chain {
        // DER says its own length: no two chains are the same octets.
        digest.update(der);
    }
    let mut fingerprint = Fingerprint::default();
    fingerprint.copy_from_slice(digest.finish().as_ref());
    fingerprint
}

/// The user a certificate names; `None` without a common name, as upstream.
fn user(certificate: &X509Certificate<'_>, der: &[u8]) -> Result<Option<UserInfo>, String> {
    let subject = certificate.subject();
    let name = subject.iter_common_name().last();
    let name = name.and_then(|name| name.as_str().ok()).unwrap_or_default();
    if name.is_empty() {
        return Ok(None);
    }
    let organizations = subject.iter_organization();
    // A group that is no text cannot be named in a binding either.
    let groups: Vec<_> = organizations.filter_map(|o| o.as_str().ok()).collect();
    let mut user = UserInfo::new(name, &groups);
    let anonymous = UserInfo::anonymous();
    let says = |group: &str| groups.contains(&group);
    if name == anonymous.name
        || says(UserInfo::AUTHENTICATED)
        || anonymous.groups.iter().any(|group| says(group))
    {
        // Who says of itself whether it is known is not told so again.
        user.groups.pop();
    }
    user.uid = uid(subject)?;
    user.extra
        .insert(CREDENTIAL_ID.into(), vec![credential_id(der)]);
    Ok(Some(user))
}

/// Empty without one.
fn uid(subject: &X509Name<'_>) -> Result<String, String> {
    let mut uids = subject
        .iter_attributes()
        .filter(|attribute| attribute.attr_type().to_id_string() == UID);
    let Some(uid) = uids.next() else {
        return Ok(String::new());
    };
    if uids.next().is_some() {
        return Err("expected 1 UID, but found multiple".to_owned());
    }
    match uid.as_str() {
        Ok("") => Err("UID cannot be an empty string".to_owned()),
        Ok(uid) => Ok(uid.to_owned()),
        Err(_) => Err("unable to parse UID into a string".to_owned()),
    }
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
    use futures::FutureExt;
    use pki::{CertAndKey, LeafName, Pki, PkiOptions};
    use rustls_pki_types::pem::PemObject;

    fn chain(identity: &CertAndKey) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(identity.cert_pem.as_bytes())
            .map(|der| der.expect("PEM"))
            .collect()
    }

    fn ask(authenticator: &X509, credentials: Credentials<'_>) -> Outcome {
        let outcome = authenticator.authenticate(credentials).now_or_never();
        outcome.expect("a certificate is judged at once")
    }

    fn open(clock: &Clock, data_dir: &std::path::Path) -> Pki {
        Pki::open(PkiOptions::new(data_dir, clock.clone(), "n1")).expect("made")
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
                ..Credentials::default()
            };
            let line = match ask(&authenticator, credentials) {
                Ok(Some(known)) => {
                    let user = known.user;
                    format!("{} {:?} {}", user.name, user.groups, user.extra.len())
                }
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
        show("before its end", &ending);
        show("and again", &ending);
        hands.shift_wall(366.0 * 86_400.0);
        show("a year later", &ending);
        hands.shift_wall(-366.0 * 86_400.0);
        show("the clock set right", &ending);
        expect![[r#"
            admin: system:admin ["system:masters", "system:authenticated"] 1
            kubelet: system:node:n1 ["system:nodes", "system:authenticated"] 1
            groups: dev ["a", "b", "a", "system:authenticated"] 1
            no name: nobody
            a server: refused CN=kube-apiserver: invalid peer certificate: certificate does not allow extended key usage for client authentication, allows server authentication
            a front proxy: refused CN=system:auth-proxy: invalid peer certificate: UnknownIssuer
            foreign: refused O=system:masters, CN=system:admin: invalid peer certificate: BadSignature
            another kubelet's server: refused O=system:nodes, CN=system:node:n2: invalid peer certificate: certificate does not allow extended key usage for client authentication, allows server authentication
            before its end: dev ["system:authenticated"] 1
            and again: dev ["system:authenticated"] 1
            a year later: refused CN=dev: invalid peer certificate: certificate expired: verification time 1830427200 (UNIX), but certificate is not valid after 1830340800 (86400 seconds ago)
            the clock set right: dev ["system:authenticated"] 1
        "#]].assert_eq(&shown);

        // Its authority ends before the certificate does, also for who has been seen before.
        hands.shift_wall(3560.0 * 86_400.0);
        let outliving = issue("dev", &[]);
        let chain = super::tests::chain(&outliving);
        let good = || {
            let credentials = Credentials {
                peer_certificates: &chain,
                ..Credentials::default()
            };
            ask(&authenticator, credentials).is_ok()
        };
        assert!(good() && good());
        hands.shift_wall(180.0 * 86_400.0);
        assert!(!good());
        hands.shift_wall(-180.0 * 86_400.0);
        assert!(good());

        let none = ask(&authenticator, Credentials::default());
        assert_eq!(none, Ok(None));
        let junk = [CertificateDer::from(vec![1, 2, 3])];
        let credentials = Credentials {
            peer_certificates: &junk,
            ..Credentials::default()
        };
        let refused = ask(&authenticator, credentials);
        assert!(matches!(refused, Err(Unauthenticated::Unreadable(_))));
    }

    #[test]
    fn subjects_say_uids_and_whether_they_are_known() {
        let directory = tempfile::tempdir().expect("fresh directory");
        let (clock, _hands) = Clock::manual("2027-01-01T12:00:00Z".parse().expect("a time"));
        let pki = open(&clock, directory.path());
        let read = |pem: &str| -> Result<_, String> {
            let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
            let (_, certificate) = X509Certificate::from_der(&der).expect("a certificate");
            let known = user(&certificate, &der)?;
            Ok(known.map(|user| (user.uid, user.groups)))
        };
        let issue = |name: &str, groups: &[&str]| {
            let issued = pki.client_certificate(name, groups).expect("issued");
            let known = read(&issued.cert_pem).map(|known| known.expect("a name").1);
            known.expect("no uid")
        };
        let known = "system:authenticated";
        for (name, groups, expected) in [
            ("dev", &["a"][..], &["a", known][..]),
            ("dev", &[known], &[known]),
            (
                "dev",
                &["system:unauthenticated"],
                &["system:unauthenticated"],
            ),
            ("system:anonymous", &["a"], &["a"]),
        ] {
            assert_eq!(issue(name, groups), expected, "{name} {groups:?}");
        }
        let one = read(include_str!("../testdata/one-uid.crt"));
        assert_eq!(one, Ok(Some(("abc".into(), vec![known.into()]))));
        let two = read(include_str!("../testdata/two-uids.crt"));
        assert_eq!(two, Err("expected 1 UID, but found multiple".into()));
    }
}
