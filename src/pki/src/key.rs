//! Private keys: made here (ECDSA P-256, PKCS#8) or brought along (also SEC1 and PKCS#1).

use std::sync::Arc;

use rcgen::{PublicKeyData, SignatureAlgorithm, SubjectPublicKeyInfo};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rustls::SignatureScheme;
use rustls::sign::SigningKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, alg_id};

use crate::der;

/// A private key that can sign. Its PEM is PKCS#8, or what its file held.
#[derive(Clone, Debug)]
pub(crate) struct PrivateKey {
    key: Arc<dyn SigningKey>,
    public: SubjectPublicKeyInfo,
    der: Arc<PrivateKeyDer<'static>>,
}

/// What a private key's file may be wrong about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("it holds no PEM private key")]
    NoPem,
    #[error("its key is of a kind that cannot sign (use ECDSA P-256 or P-384, RSA or Ed25519)")]
    Unsupported,
}

/// A signature algorithm as certificates name it, from strongest liking to weakest.
const SCHEMES: [SignatureScheme; 4] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PKCS1_SHA256,
];

impl PrivateKey {
    /// A new ECDSA P-256 key.
    pub(crate) fn generate() -> Self {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
                .expect("the kernel gives random bytes once it has booted");
        let der = PrivatePkcs8KeyDer::from(pkcs8.as_ref().to_vec()).into();
        Self::from_der(der).expect("ring reads the keys it makes")
    }

    /// The first private key of a PEM text, in any of the three encodings.
    pub(crate) fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::NoPem)?;
        Self::from_der(der)
    }

    pub(crate) fn from_der(der: PrivateKeyDer<'static>) -> Result<Self, KeyError> {
        let key = rustls::crypto::ring::sign::any_supported_type(&der)
            .map_err(|_| KeyError::Unsupported)?;
        if key.choose_scheme(&SCHEMES).is_none() {
            return Err(KeyError::Unsupported);
        }
        let public = key.public_key().ok_or(KeyError::Unsupported)?;
        let public = SubjectPublicKeyInfo::from_der(&public).map_err(|_| KeyError::Unsupported)?;
        Ok(Self {
            key,
            public,
            der: Arc::new(der),
        })
    }

    /// The key as rustls holds it.
    pub(crate) fn signing_key(&self) -> Arc<dyn SigningKey> {
        self.key.clone()
    }

    /// The private half, in whatever encoding it came.
    pub(crate) fn der(&self) -> &PrivateKeyDer<'static> {
        &self.der
    }

    /// PEM, labelled as the encoding demands.
    pub(crate) fn to_pem(&self) -> String {
        let (label, bytes) = match &*self.der {
            PrivateKeyDer::Pkcs1(der) => ("RSA PRIVATE KEY", der.secret_pkcs1_der()),
            PrivateKeyDer::Sec1(der) => ("EC PRIVATE KEY", der.secret_sec1_der()),
            other => ("PRIVATE KEY", other.secret_der()),
        };
        crate::pem::encode(label, bytes)
    }

    /// SubjectPublicKeyInfo, in DER.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        self.public.subject_public_key_info()
    }

    /// RFC 7093's first method: the first 160 bits of the public key's SHA-256.
    pub(crate) fn key_id(&self) -> Vec<u8> {
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.public_key());
        digest.as_ref()[..20].to_vec()
    }

    /// The scheme this key signs with.
    pub(crate) fn scheme(&self) -> SignatureScheme {
        let signer = self.key.choose_scheme(&SCHEMES);
        signer.expect("checked in from_der").scheme()
    }

    /// The AlgorithmIdentifier that goes with [`PrivateKey::sign`].
    pub(crate) fn algorithm_id(&self) -> Vec<u8> {
        let content = match self.scheme() {
            SignatureScheme::ECDSA_NISTP256_SHA256 => alg_id::ECDSA_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384 => alg_id::ECDSA_SHA384,
            SignatureScheme::ED25519 => alg_id::ED25519,
            _ => alg_id::RSA_PKCS1_SHA256,
        };
        der::tlv(der::SEQUENCE, &content)
    }

    /// A signature as X.509 carries it.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let signer = self.key.choose_scheme(&SCHEMES);
        signer.expect("checked in from_der").sign(message)
    }
}

/// rcgen's own keys cannot be read from SEC1 or PKCS#1, so it signs with ours.
impl rcgen::SigningKey for PrivateKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        PrivateKey::sign(self, message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

impl PublicKeyData for PrivateKey {
    fn der_bytes(&self) -> &[u8] {
        self.public.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.public.algorithm()
    }
}
