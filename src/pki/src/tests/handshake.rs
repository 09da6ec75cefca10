//! Handshakes in memory.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection, ProtocolVersion, ServerConfig, ServerConnection};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

use super::Rig;
use crate::{ClientVerifier, LeafName};

/// What the two ends learned.
pub(super) struct Met {
    pub(super) client_chain: Vec<CertificateDer<'static>>,
    pub(super) server_chain: Vec<CertificateDer<'static>>,
    protocol: Option<Vec<u8>>,
    version: Option<ProtocolVersion>,
}

pub(super) fn shake(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    name: &str,
) -> Result<Met, rustls::Error> {
    connect(client, server, name).map(|ends| ends.met())
}

/// The two ends of a connection.
pub(super) struct Ends {
    client: ClientConnection,
    server: ServerConnection,
}

pub(super) fn connect(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    name: &str,
) -> Result<Ends, rustls::Error> {
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut ends = Ends {
        client: ClientConnection::new(client.clone(), name)?,
        server: ServerConnection::new(server.clone())?,
    };
    while ends.client.is_handshaking() || ends.server.is_handshaking() {
        ends.pass()?;
    }
    Ok(ends)
}

impl Ends {
    /// Carries over what either has to send.
    fn pass(&mut self) -> Result<(), rustls::Error> {
        let mut sent = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut sent).expect("memory");
        }
        let mut left = &sent[..];
        while !left.is_empty() {
            self.server.read_tls(&mut left).expect("memory");
            self.server.process_new_packets()?;
        }
        let mut sent = Vec::new();
        while self.server.wants_write() {
            self.server.write_tls(&mut sent).expect("memory");
        }
        let mut left = &sent[..];
        while !left.is_empty() {
            self.client.read_tls(&mut left).expect("memory");
            self.client.process_new_packets()?;
        }
        Ok(())
    }

    /// Says something to the server, which says it back.
    pub(super) fn echo(&mut self, text: &str) -> String {
        let mut heard = vec![0; text.len()];
        self.client
            .writer()
            .write_all(text.as_bytes())
            .expect("memory");
        self.pass().expect("carried over");
        self.server
            .reader()
            .read_exact(&mut heard)
            .expect("arrived");
        self.server.writer().write_all(&heard).expect("memory");
        self.pass().expect("carried over");
        self.client
            .reader()
            .read_exact(&mut heard)
            .expect("arrived");
        String::from_utf8(heard).expect("the same text")
    }

    pub(super) fn met(&self) -> Met {
        let own = |chain: Option<&[CertificateDer<'static>]>| chain.unwrap_or_default().to_vec();
        Met {
            client_chain: own(self.server.peer_certificates()),
            server_chain: own(self.client.peer_certificates()),
            protocol: self.server.alpn_protocol().map(<[u8]>::to_vec),
            version: self.server.protocol_version(),
        }
    }
}

#[test]
fn every_name_is_served_over_http2_to_the_anonymous() {
    let rig = Rig::new();
    let pki = rig.open().expect("made");
    let client = pki.client_config(None).expect("config");
    let server = pki.server_config().expect("config");
    for name in [
        "127.0.0.1",
        "::1",
        "localhost",
        "node-1",
        "192.0.2.7",
        "2001:db8::7",
        "10.43.0.1",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "api.example.com",
        "203.0.113.5",
    ] {
        let met = shake(&client, &server, name).expect(name);
        assert_eq!(met.protocol.as_deref(), Some(&b"h2"[..]));
        assert_eq!(met.version, Some(ProtocolVersion::TLSv1_3));
        assert!(met.client_chain.is_empty());
    }
    shake(&client, &server, "example.org")
        .map(drop)
        .expect_err("another's name");
    let kubelet = pki.kubelet_server_config().expect("config");
    shake(&client, &kubelet, "192.0.2.7")
        .map(drop)
        .expect("the node's address");
    shake(&client, &kubelet, "10.43.0.1")
        .map(drop)
        .expect_err("the API server's address");
}

#[test]
fn any_client_certificate_passes_and_the_verifier_judges() {
    let rig = Rig::new();
    let (pki, foreign) = (rig.open().expect("made"), Rig::new().open().expect("made"));
    let server = pki.server_config().expect("config");
    let verifier = ClientVerifier::new(pki.client_ca_pem()).expect("verifier");
    let serving = pki.kubelet_serving("node-2", &[]).expect("issued");
    let rows = [
        (pki.client_certificate("dev", &["a", "b"]), true),
        (Ok(pki.leaf(LeafName::KubeletClient)), true),
        (Ok(pki.leaf(LeafName::AuthProxy)), false),
        (
            foreign.client_certificate("dev", &["system:masters"]),
            false,
        ),
        (Ok(serving), false),
    ];
    for (identity, good) in rows {
        let client = pki
            .client_config(Some(&identity.expect("issued")))
            .expect("config");
        let met = shake(&client, &server, "localhost").expect("passes");
        let judged = verifier.verify(&met.client_chain, rig.clock.wall());
        assert_eq!(judged.is_ok(), good, "{judged:?}");
    }
}

#[test]
fn client_certificates_end() {
    let rig = Rig::new();
    let pki = rig.open().expect("made");
    let verifier = ClientVerifier::new(pki.client_ca_pem()).expect("verifier");
    let client = pki.client_config_as(LeafName::Admin).expect("config");
    let met = shake(&client, &pki.server_config().expect("config"), "localhost").expect("passes");
    for (day, good) in [(0, true), (364, true), (366, false)] {
        let now = rig.clock.wall() + jiff::SignedDuration::from_hours(day * 24);
        let judged = verifier.verify(&met.client_chain, now);
        assert_eq!(judged.is_ok(), good, "day {day}: {judged:?}");
    }
    verifier
        .verify(&[], rig.clock.wall())
        .expect_err("no certificate");
}

#[test]
fn client_certificates_end_with_their_authority() {
    let rig = Rig::new();
    let pki = rig.open().expect("made");
    let verifier = ClientVerifier::new(pki.client_ca_pem()).expect("verifier");
    rig.hands.shift_wall(3560.0 * 86_400.0);
    let late = pki.client_certificate("dev", &[]).expect("issued");
    let chain: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(late.cert_pem.as_bytes())
        .map(|der| der.expect("PEM"))
        .collect();
    for (day, good) in [(0, true), (89, true), (91, false), (180, false)] {
        let now = rig.clock.wall() + jiff::SignedDuration::from_hours(day * 24);
        let judged = verifier.verify(&chain, now);
        assert_eq!(judged.is_ok(), good, "day {day}: {judged:?}");
    }
}

#[test]
fn tls_1_2_is_spoken_too() {
    let rig = Rig::new();
    let pki = rig.open().expect("made");
    let mut roots = rustls::RootCertStore::empty();
    let met = shake(
        &pki.client_config(None).expect("config"),
        &pki.server_config().expect("config"),
        "localhost",
    );
    for der in rustls_pki_types::pem::PemObject::pem_slice_iter(pki.server_ca_pem().as_bytes()) {
        roots.add(der.expect("PEM")).expect("a root");
    }
    drop(met.expect("passes"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // The leaf is valid in 2027 and 2028 by the rig's clock.
    let config = ClientConfig::builder_with_details(provider, Arc::new(Noon))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let met = shake(
        &Arc::new(config),
        &pki.server_config().expect("config"),
        "localhost",
    );
    assert_eq!(met.expect("passes").version, Some(ProtocolVersion::TLSv1_2));
}

#[derive(Debug)]
struct Noon;

impl rustls::time_provider::TimeProvider for Noon {
    fn current_time(&self) -> Option<rustls_pki_types::UnixTime> {
        Some(crate::verify::unix_time(
            super::NOON.parse().expect("a time"),
        ))
    }
}
