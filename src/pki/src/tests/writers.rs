//! The two writers of certificates say the same.

use std::collections::BTreeMap;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::brought::BROUGHT;
use crate::certificate::{Contents, Issuer, San, Subject, Usage, Validity};
use crate::key::PrivateKey;
use crate::{by_hand, by_rcgen};

type Extensions = BTreeMap<String, (bool, Vec<u8>)>;

/// All but the serial number and the signature; the extensions' order is free.
fn parts(der: &[u8]) -> (Vec<Vec<u8>>, Validity, Extensions) {
    let (_, certificate) = X509Certificate::from_der(der).expect("DER");
    let serial = certificate.raw_serial();
    assert!(serial.len() == 16 && serial[0] & 0xc0 == 0x40, "{serial:?}");
    let algorithm = format!("{:?}", certificate.signature_algorithm);
    assert_eq!(
        algorithm,
        format!("{:?}", certificate.tbs_certificate.signature)
    );
    let bytes = [
        certificate.issuer().as_raw(),
        certificate.subject().as_raw(),
        certificate.public_key().raw,
        algorithm.as_bytes(),
    ];
    let extensions = certificate.extensions().iter().map(|extension| {
        let said = (extension.critical, extension.value.to_vec());
        (extension.oid.to_id_string(), said)
    });
    (
        bytes.map(<[u8]>::to_vec).to_vec(),
        crate::leaf::validity(&certificate),
        extensions.collect(),
    )
}

#[test]
fn a_serving_certificate_is_the_same_from_both() {
    let sans = ["*.lan", "node-1", "192.0.2.7", "2001:db8::7"].map(|s| San::parse(s).expect(s));
    let key = PrivateKey::generate();
    for (what, certificate, signer) in BROUGHT {
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect(what);
        let (_, parsed) = X509Certificate::from_der(&certificate).expect(what);
        let signer = PrivateKey::from_pem(signer.as_bytes()).expect(what);
        let key_id = parsed.iter_extensions().find_map(|e| {
            use x509_parser::extensions::ParsedExtension::SubjectKeyIdentifier;
            match e.parsed_extension() {
                SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
                _ => None,
            }
        });
        let issuer = Issuer {
            certificate: &certificate,
            name: parsed.subject().as_raw(),
            key_id: &key_id.unwrap_or_else(|| signer.key_id()),
            key: &signer,
        };
        for from in ["2027-01-01T12:00:00.5Z", "2060-01-01T12:00:00Z"] {
            let from = from.parse().expect("a time");
            let contents = Contents {
                subject: &Subject::new("system:node:Node-1", &["system:nodes"]),
                key: &key,
                usage: Usage::Server,
                sans: &sans,
                validity: Validity::from(from, crate::leaf::LIFE),
            };
            let hand = by_hand::sign(&contents, &issuer).expect(what);
            let made = by_rcgen::serving(&contents, &issuer).expect(what);
            assert_eq!(made.is_none(), what.contains("two DC"), "{what}");
            if let Some(made) = made {
                assert_eq!(parts(&made), parts(&hand), "{what}");
            }
        }
    }
}

#[test]
fn names_that_rcgen_would_cut_are_refused() {
    let key = PrivateKey::generate();
    let authority = Subject::new("ca", &[]);
    let validity = Validity::from(
        "2027-01-01T12:00:00Z".parse().expect("a time"),
        crate::leaf::LIFE,
    );
    let certificate = by_rcgen::authority(&authority, &key, validity).expect("signed");
    let issuer = Issuer {
        certificate: &certificate,
        name: &authority.to_der(),
        key_id: &key.key_id(),
        key: &key,
    };
    for (organizations, whole) in [(&["a"][..], true), (&["a", "b"], false)] {
        let contents = Contents {
            subject: &Subject::new("server", organizations),
            key: &key,
            usage: Usage::Server,
            sans: &[],
            validity,
        };
        let made = by_rcgen::serving(&contents, &issuer).expect("signed");
        assert_eq!(made.is_some(), whole, "{organizations:?}");
    }
}

#[test]
fn an_authority_says_what_it_may() {
    let (key, subject) = (PrivateKey::generate(), Subject::new("ca", &[]));
    let validity = Validity::from(
        "2027-01-01T12:00:00Z".parse().expect("a time"),
        crate::leaf::LIFE,
    );
    let der = by_rcgen::authority(&subject, &key, validity).expect("signed");
    let (names, said, extensions) = parts(&der);
    assert_eq!(
        names[..3],
        [subject.to_der(), subject.to_der(), key.public_key()]
    );
    assert_eq!(said, validity);
    let wanted = [
        ("2.5.29.14", (false, crate::der::octets(&key.key_id()))),
        // digitalSignature, keyCertSign, cRLSign.
        ("2.5.29.15", (true, vec![0x03, 0x02, 0x01, 0b1000_0110])),
        // CA:TRUE.
        ("2.5.29.19", (true, vec![0x30, 0x03, 0x01, 0x01, 0xff])),
    ];
    assert_eq!(
        extensions,
        wanted.map(|(kind, said)| (kind.to_owned(), said)).into()
    );
}
