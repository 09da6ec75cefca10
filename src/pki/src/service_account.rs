//! The keys of service-account tokens (RFC 7518 signatures).

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, UnparsedPublicKey};
use rustls::SignatureScheme;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

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

    /// A JWS signature with the first key.
    ///
    /// # Errors
    /// [`Error::Tls`] when signing fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let signature = self.signing.sign(message)?;
        let half = match self.signing().algorithm {
            Algorithm::Rs256 => return Ok(signature),
            Algorithm::Es256 => 32,
            Algorithm::Es384 => 48,
        };
        fixed_width(&signature, half).ok_or_else(|| {
            let text = "a signer gave a malformed ECDSA signature";
            Error::Tls(rustls::Error::General(text.into()))
        })
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

    /// Whether this is this key's JWS signature of the message.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let algorithm: &dyn signature::VerificationAlgorithm = match self.algorithm {
            Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        };
        let Ok((_, key)) = SubjectPublicKeyInfo::from_der(&self.public_key) else {
            return false;
        };
        let key = UnparsedPublicKey::new(algorithm, &key.subject_public_key.data);
        key.verify(message, signature).is_ok()
    }
}

/// X.509 writes an ECDSA signature as a DER sequence of two integers, JWS as two numbers of
/// `half` octets each.
fn fixed_width(der: &[u8], half: usize) -> Option<Vec<u8>> {
    let (_, pair) = x509_parser::der_parser::parse_der(der).ok()?;
    let numbers = pair.as_sequence().ok()?;
    let mut out = Vec::with_capacity(2 * half);
    for number in numbers {
        let bytes = number.as_slice().ok()?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let bytes = &bytes[zeros..];
        out.extend(std::iter::repeat_n(0, half.checked_sub(bytes.len())?));
        out.extend_from_slice(bytes);
    }
    (out.len() == 2 * half).then_some(out)
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

    #[test]
    fn signs_with_the_first_key_and_verifies_with_all() {
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
        let signature = old.sign(b"token").expect("signed");
        assert_eq!(signature.len(), 64);
        let verified = new
            .verifying()
            .iter()
            .map(|k| k.verifies(b"token", &signature));
        assert_eq!(verified.collect::<Vec<_>>(), [false, true]);
        assert!(!old.signing().verifies(b"tokem", &signature));
    }

    #[test]
    fn short_numbers_are_padded() {
        let der = [0x30, 0x07, 0x02, 0x02, 0x00, 0x80, 0x02, 0x01, 0x05];
        assert_eq!(fixed_width(&der, 2), Some(vec![0, 0x80, 0, 5]));
        assert_eq!(fixed_width(&der[..5], 2), None);
    }
}
