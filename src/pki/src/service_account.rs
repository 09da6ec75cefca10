//! The keys of service-account tokens (RFC 7518 signatures).

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, alg_id};
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::der;
use crate::error::{Error, Result};
use crate::files;
use crate::key::PrivateKey;

const REMEDY: &str = "put the right file back from a backup, or move it away so that a new key \
                      is made and every service-account token is refused until its pod restarts";

/// A token's `alg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Es256,
    Es384,
    Rs256,
}

/// The keys of `service.key`: the first signs, all verify, so that a key is rotated by putting a
/// new one in front.
#[derive(Debug)]
pub struct ServiceAccountKeys {
    signing: PrivateKey,
    verifying: Vec<VerifyingKey>,
}

/// A public key that tokens are verified with.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    /// A token's `kid`: SHA-256 of the public key, base64url, as upstream.
    pub id: String,
    pub algorithm: Algorithm,
    /// SubjectPublicKeyInfo, in DER.
    pub public_key: Vec<u8>,
}

impl Algorithm {
    /// `ES256`, as tokens and JWKS write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
        }
    }

    fn of(key: &PrivateKey) -> Option<Self> {
        match key.scheme() {
            SignatureScheme::ECDSA_NISTP256_SHA256 => Some(Self::Es256),
            SignatureScheme::ECDSA_NISTP384_SHA384 => Some(Self::Es384),
            SignatureScheme::RSA_PKCS1_SHA256 => Some(Self::Rs256),
            _ => None,
        }
    }
}

impl ServiceAccountKeys {
    /// Reads the file, or makes a key.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let Some(pem) = files::read_key(path)? else {
            let key = PrivateKey::generate();
            files::write(path, &key.to_pem(), files::KEY_MODE)?;
            return Self::from_keys(path, vec![key]);
        };
        let ders: std::result::Result<Vec<_>, _> = PrivateKeyDer::pem_slice_iter(&pem).collect();
        let ders = ders.map_err(|error| damaged(path, error.to_string()))?;
        let keys: std::result::Result<Vec<_>, _> =
            ders.into_iter().map(PrivateKey::from_der).collect();
        Self::from_keys(
            path,
            keys.map_err(|error| damaged(path, error.to_string()))?,
        )
    }

    fn from_keys(path: &Path, keys: Vec<PrivateKey>) -> Result<Self> {
        let verifying: Option<Vec<_>> = keys.iter().map(VerifyingKey::new).collect();
        let verifying =
            verifying.ok_or_else(|| damaged(path, "tokens need an ECDSA or RSA key".to_owned()))?;
        let signing = keys
            .into_iter()
            .next()
            .ok_or_else(|| damaged(path, "it holds no PEM private key".to_owned()))?;
        Ok(Self { signing, verifying })
    }

    /// The key that signs.
    #[must_use]
    pub fn signing(&self) -> &VerifyingKey {
        &self.verifying[0]
    }

    /// All keys that verify, the signing one first.
    #[must_use]
    pub fn verifying(&self) -> &[VerifyingKey] {
        &self.verifying
    }

    /// The key that signs, as token libraries read it: PKCS#8, or PKCS#1 when the file holds
    /// that.
    #[must_use]
    pub fn signing_der(&self) -> Vec<u8> {
        match self.signing.der() {
            PrivateKeyDer::Sec1(sec1) => {
                let curve = match self.signing().algorithm {
                    Algorithm::Es384 => alg_id::ECDSA_P384,
                    Algorithm::Es256 | Algorithm::Rs256 => alg_id::ECDSA_P256,
                };
                der::sequence(&[
                    der::unsigned(&[0]),
                    der::tlv(der::SEQUENCE, &curve),
                    der::octets(sec1.secret_sec1_der()),
                ])
            }
            other => other.secret_der().to_vec(),
        }
    }
}

impl VerifyingKey {
    fn new(key: &PrivateKey) -> Option<Self> {
        let public_key = key.public_key();
        let digest = ring::digest::digest(&ring::digest::SHA256, &public_key);
        Some(Self {
            id: URL_SAFE_NO_PAD.encode(digest),
            algorithm: Algorithm::of(key)?,
            public_key,
        })
    }

    /// The content of the bit string: a point of the curve, or an RSAPublicKey in DER.
    #[must_use]
    pub fn public_bits(&self) -> Vec<u8> {
        let (_, key) =
            SubjectPublicKeyInfo::from_der(&self.public_key).expect("rustls wrote this public key");
        key.subject_public_key.data.into_owned()
    }
}

fn damaged(path: &Path, what: String) -> Error {
    Error::Damaged {
        path: path.to_owned(),
        what,
        remedy: REMEDY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

    #[test]
    fn the_first_key_signs_and_all_verify() {
        let directory = tempfile::tempdir().expect("fresh directory");
        let path = directory.path().join("service.key");
        let old = ServiceAccountKeys::open(&path).expect("made");
        let again = ServiceAccountKeys::open(&path).expect("read");
        assert_eq!(old.signing().id, again.signing().id);

        let pem = std::fs::read_to_string(&path).expect("readable");
        let rotated = PrivateKey::generate().to_pem() + &pem;
        std::fs::write(&path, rotated).expect("writable");
        let new = ServiceAccountKeys::open(&path).expect("read");
        assert_ne!(new.signing().id, old.signing().id);
        let ids: Vec<_> = new.verifying().iter().map(|key| &key.id).collect();
        assert_eq!(ids, [&new.signing().id, &old.signing().id]);
        for keys in [old, new] {
            let signing = EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &keys.signing_der(),
                &ring::rand::SystemRandom::new(),
            );
            let signing = signing.expect("ring's own form");
            let public = signing.public_key().as_ref();
            assert_eq!(public, keys.signing().public_bits());
        }
    }
}
