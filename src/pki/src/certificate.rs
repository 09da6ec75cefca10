//! What a certificate says, and its DER.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use crate::der::{self, oid};
use crate::key::PrivateKey;

/// Other machines' clocks may be behind ours by this much (upstream's signer takes the same).
const BACKDATE: SignedDuration = SignedDuration::from_mins(5);

/// A name in a serving certificate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum San {
    Dns(String),
    Ip(IpAddr),
}

/// What the holder of a key may do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    Authority,
    Server,
    Client,
}

/// A subject as Kubernetes reads it: a user and its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) common_name: String,
    pub(crate) organizations: Vec<String>,
}

/// From when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
}

/// The name and key of whoever signs.
pub(crate) struct Issuer<'a> {
    /// The distinguished name, in DER, byte for byte as the issuer's certificate has it.
    pub(crate) name: &'a [u8],
    pub(crate) key_id: &'a [u8],
    pub(crate) key: &'a PrivateKey,
}

impl Subject {
    pub(crate) fn new(common_name: impl Into<String>, organizations: &[&str]) -> Self {
        Self {
            common_name: common_name.into(),
            organizations: organizations.iter().map(|o| (*o).to_owned()).collect(),
        }
    }

    /// The distinguished name: each organization in a relative name of its own, then the common
    /// name.
    pub(crate) fn to_der(&self) -> Vec<u8> {
        let organizations = self.organizations.iter().map(|o| (oid::ORGANIZATION, o));
        let names = organizations.chain([(oid::COMMON_NAME, &self.common_name)]);
        let parts: Vec<_> = names
            .map(|(kind, text)| {
                der::set(&der::sequence(&[
                    der::object_identifier(kind),
                    der::utf8(text),
                ]))
            })
            .collect();
        der::sequence(&parts)
    }
}

impl Validity {
    /// `life` from `now`, and a little before.
    pub(crate) fn from(now: Timestamp, life: SignedDuration) -> Self {
        // Only a clock at the end of time itself saturates here.
        Self {
            not_before: now.saturating_sub(BACKDATE).unwrap_or(now),
            not_after: now.saturating_add(life).unwrap_or(Timestamp::MAX),
        }
    }

    /// When two thirds of its life are over.
    pub(crate) fn renewal(self) -> Timestamp {
        let life = self.not_after.duration_since(self.not_before);
        let margin = SignedDuration::from_secs(life.as_secs() / 3);
        self.not_after
            .saturating_sub(margin)
            .unwrap_or(self.not_after)
    }

    /// Whether it is time for a new certificate: two thirds are over, or the clock has been set
    /// back to before its first day.
    pub(crate) fn is_due(self, now: Timestamp) -> bool {
        now >= self.renewal() || now < self.not_before
    }
}

/// A signed certificate, in DER.
pub(crate) fn sign(
    subject: &Subject,
    public_key: &PrivateKey,
    usage: Usage,
    sans: &[San],
    validity: Validity,
    issuer: &Issuer<'_>,
) -> Result<Vec<u8>, rustls::Error> {
    let mut serial: [u8; 16] = base::random::bytes();
    // Positive, and always sixteen octets long.
    serial[0] = serial[0] & 0x7f | 0x40;
    let body = der::sequence(&[
        der::constructed(0, &der::unsigned(&[2])),
        der::unsigned(&serial),
        issuer.key.algorithm(),
        issuer.name.to_vec(),
        der::sequence(&[
            der::time(validity.not_before),
            der::time(validity.not_after),
        ]),
        subject.to_der(),
        public_key.public_key(),
        der::constructed(3, &extensions(public_key, usage, sans, issuer)),
    ]);
    let signature = issuer.key.sign(&body)?;
    Ok(der::sequence(&[
        body,
        issuer.key.algorithm(),
        der::bits(0, &signature),
    ]))
}

fn extensions(key: &PrivateKey, usage: Usage, sans: &[San], issuer: &Issuer<'_>) -> Vec<u8> {
    let authority = usage == Usage::Authority;
    let constraints = if authority {
        der::sequence(&[der::boolean(true)])
    } else {
        der::sequence(&[])
    };
    // Bit 0 digitalSignature, bit 2 keyEncipherment, bit 5 keyCertSign, bit 6 cRLSign.
    let key_usage = if authority {
        der::bits(1, &[0b1000_0110])
    } else {
        der::bits(5, &[0b1010_0000])
    };
    let mut list = vec![
        extension(oid::KEY_USAGE, true, &key_usage),
        extension(oid::BASIC_CONSTRAINTS, true, &constraints),
        extension(oid::SUBJECT_KEY_ID, false, &der::octets(&key.key_id())),
    ];
    let purpose = match usage {
        Usage::Authority => None,
        Usage::Server => Some(oid::SERVER_AUTH),
        Usage::Client => Some(oid::CLIENT_AUTH),
    };
    if let Some(purpose) = purpose {
        let purposes = der::sequence(&[der::object_identifier(purpose)]);
        list.push(extension(oid::EXTENDED_KEY_USAGE, false, &purposes));
        let issuer = der::sequence(&[der::implicit(0, issuer.key_id)]);
        list.push(extension(oid::AUTHORITY_KEY_ID, false, &issuer));
    }
    if !sans.is_empty() {
        let names: Vec<_> = sans.iter().map(San::to_der).collect();
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

    /// From what a user wrote: an address, or else a host name (a leading `*.` is allowed).
    /// `None` for what a certificate cannot hold.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Ok(ip) = text.parse() {
            return Some(Self::Ip(ip));
        }
        let name = text.strip_prefix("*.").unwrap_or(text);
        let label = |label: &str| {
            let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            (1..=63).contains(&label.len()) && label.bytes().all(inner)
        };
        let valid = name.len() <= 253 && name.split('.').all(label);
        valid.then(|| Self::Dns(text.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_as_users_write_them() {
        let rows = [
            ("10.0.0.1", Some(San::Ip("10.0.0.1".parse().expect("ip")))),
            ("::1", Some(San::Ip("::1".parse().expect("ip")))),
            ("Host.Lan", Some(San::Dns("host.lan".into()))),
            ("*.lan", Some(San::Dns("*.lan".into()))),
            ("a*.lan", None),
            ("", None),
            ("a..b", None),
            ("http://x", None),
            ("hôte", None),
        ];
        for (text, expected) in rows {
            assert_eq!(San::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn renewal_is_at_two_thirds_of_life() {
        let validity = Validity {
            not_before: Timestamp::from_second(0).expect("in range"),
            not_after: Timestamp::from_second(900).expect("in range"),
        };
        assert_eq!(validity.renewal().as_second(), 600);
    }
}
