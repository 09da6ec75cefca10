//! What a certificate says.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::CertificateDer;

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

/// What a leaf says of its holder.
pub(crate) struct Contents<'a> {
    pub(crate) subject: &'a Subject,
    /// The holder's; only its public half is written.
    pub(crate) key: &'a PrivateKey,
    pub(crate) usage: Usage,
    pub(crate) sans: &'a [San],
    pub(crate) validity: Validity,
}

/// The name and key of whoever signs.
pub(crate) struct Issuer<'a> {
    pub(crate) certificate: &'a CertificateDer<'a>,
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

/// A new serial number: positive, and always sixteen octets long.
pub(crate) fn serial() -> [u8; 16] {
    let mut serial: [u8; 16] = base::random::bytes();
    serial[0] = serial[0] & 0x7f | 0x40;
    serial
}

impl San {
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
