//! Certificates that rcgen cannot write: it keeps a distinguished name as a map, so that of two
//! attributes of one kind only the last remains.
//!
//! A client's organizations are its groups: client certificates are all written here. Serving
//! certificates are when their authority has such a name (Active Directory's `DC=com, DC=example`).

use std::net::IpAddr;

use crate::certificate::{Contents, Issuer, San, Usage, serial};
use crate::der::{self, oid};

/// A signed certificate, in DER.
pub(crate) fn sign(contents: &Contents<'_>, issuer: &Issuer<'_>) -> Result<Vec<u8>, rustls::Error> {
    let body = der::sequence(&[
        der::constructed(0, &der::unsigned(&[2])),
        der::unsigned(&serial()),
        issuer.key.algorithm_id(),
        issuer.name.to_vec(),
        der::sequence(&[
            der::time(contents.validity.not_before),
            der::time(contents.validity.not_after),
        ]),
        contents.subject.to_der(),
        contents.key.public_key(),
        der::constructed(3, &extensions(contents, issuer)),
    ]);
    let signature = issuer.key.sign(&body)?;
    Ok(der::sequence(&[
        body,
        issuer.key.algorithm_id(),
        der::bits(0, &signature),
    ]))
}

fn extensions(contents: &Contents<'_>, issuer: &Issuer<'_>) -> Vec<u8> {
    let purpose = match contents.usage {
        Usage::Server => oid::SERVER_AUTH,
        Usage::Client => oid::CLIENT_AUTH,
    };
    // Bit 0 digitalSignature, bit 2 keyEncipherment.
    let key_usage = der::bits(5, &[0b1010_0000]);
    let purposes = der::sequence(&[der::object_identifier(purpose)]);
    let key_id = der::octets(&contents.key.key_id());
    let issuer_id = der::sequence(&[der::implicit(0, issuer.key_id)]);
    let mut list = vec![
        extension(oid::KEY_USAGE, true, &key_usage),
        extension(oid::BASIC_CONSTRAINTS, true, &der::sequence(&[])),
        extension(oid::SUBJECT_KEY_ID, false, &key_id),
        extension(oid::EXTENDED_KEY_USAGE, false, &purposes),
        extension(oid::AUTHORITY_KEY_ID, false, &issuer_id),
    ];
    if !contents.sans.is_empty() {
        let names: Vec<_> = contents.sans.iter().map(San::to_der).collect();
        let names = der::sequence(&names);
        list.push(extension(oid::SUBJECT_ALT_NAME, false, &names));
    }
    der::sequence(&list)
}

fn extension(kind: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let mut parts = vec![der::object_identifier(kind)];
    if critical {
        parts.push(der::boolean(true));
    }
    parts.push(der::octets(value));
    der::sequence(&parts)
}

impl San {
    fn to_der(&self) -> Vec<u8> {
        match self {
            Self::Dns(name) => der::implicit(2, name.as_bytes()),
            Self::Ip(IpAddr::V4(ip)) => der::implicit(7, &ip.octets()),
            Self::Ip(IpAddr::V6(ip)) => der::implicit(7, &ip.octets()),
        }
    }
}
