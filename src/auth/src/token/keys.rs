//! Signing and verifying: `jsonwebtoken` with ring below it.

use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result, new_error};
use jsonwebtoken::signature::{Error, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use pki::{ServiceAccountKeys, VerifyingKey};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::TokenError;

/// The cluster's keys, ready for use.
pub(super) struct TokenKeys {
    header: Header,
    signing: EncodingKey,
    pub(super) verifying: Vec<(VerifyingKey, DecodingKey)>,
}

impl TokenKeys {
    pub(super) fn new(keys: &ServiceAccountKeys) -> Self {
        install();
        let (first, der) = (keys.signing(), keys.signing_der());
        let mut header = Header::new(algorithm(first));
        header.typ = None;
        header.kid = Some(first.id.clone());
        let signing = match first.algorithm {
            pki::Algorithm::Rs256 => EncodingKey::from_rsa_der(&der),
            pki::Algorithm::Es256 | pki::Algorithm::Es384 => EncodingKey::from_ec_der(&der),
        };
        let verifying = keys.verifying().iter().map(|key| {
            let decoding = match key.algorithm {
                pki::Algorithm::Rs256 => DecodingKey::from_rsa_der(&key.public_bits()),
                pki::Algorithm::Es256 | pki::Algorithm::Es384 => {
                    DecodingKey::from_ec_der(&key.public_bits())
                }
            };
            (key.clone(), decoding)
        });
        Self {
            header,
            signing,
            verifying: verifying.collect(),
        }
    }

    /// A token with these claims.
    pub(super) fn sign(&self, claims: &impl Serialize) -> Result<String> {
        jsonwebtoken::encode(&self.header, claims, &self.signing)
    }

    /// The claims of a token that one of our keys has signed, each with its own algorithm only:
    /// what the token says of its algorithm decides nothing. Times and audiences are the
    /// caller's, who has the clock.
    pub(super) fn verify<T: DeserializeOwned>(
        &self,
        token: &str,
    ) -> std::result::Result<T, TokenError> {
        let header = jsonwebtoken::decode_header(token)
            .map_err(|error| TokenError::Signature(error.to_string()))?;
        let named = |id: &str| header.kid.as_deref().is_none_or(|kid| kid == id);
        let mut refusal = TokenError::NoKey;
        for (key, decoding) in self.verifying.iter().filter(|(key, _)| named(&key.id)) {
            match jsonwebtoken::decode(token, decoding, &validation(key)) {
                Ok(token) => return Ok(token.claims),
                Err(error) => {
                    refusal = match error.kind() {
                        ErrorKind::Json(_) => TokenError::Claims(error.to_string()),
                        _ => TokenError::Signature(error.to_string()),
                    }
                }
            }
        }
        Err(refusal)
    }
}

/// What a token says of its issuer, unverified: whether it is for us to judge.
pub(super) fn unverified_issuer(token: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Issuer {
        iss: String,
    }
    let claims = jsonwebtoken::dangerous::insecure_decode_claims::<Issuer>(token).ok()?;
    Some(claims.iss)
}

fn validation(key: &VerifyingKey) -> Validation {
    let mut validation = Validation::new(algorithm(key));
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn algorithm(key: &VerifyingKey) -> Algorithm {
    match key.algorithm {
        pki::Algorithm::Es256 => Algorithm::ES256,
        pki::Algorithm::Es384 => Algorithm::ES384,
        pki::Algorithm::Rs256 => Algorithm::RS256,
    }
}

/// jsonwebtoken asks one provider per process, and has none for ring.
fn install() {
    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: |algorithm, key| Ok(Box::new(RingSigner::new(*algorithm, key)?)),
        verifier_factory: |algorithm, key| Ok(Box::new(RingVerifier::new(*algorithm, key)?)),
        // Only for JWKs made from keys; ours are written from the public key itself.
        key_utils: KeyUtils::new_unimplemented(),
    };
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Nobody else in this process installs one; a second would be as good.
        let _ = PROVIDER.install_default();
    });
}

struct RingSigner {
    algorithm: Algorithm,
    key: KeyPair,
}

enum KeyPair {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl RingSigner {
    fn new(algorithm: Algorithm, key: &EncodingKey) -> Result<Self> {
        let der = key.as_bytes();
        let ecdsa = |signing| {
            let pair = EcdsaKeyPair::from_pkcs8(signing, der, &SystemRandom::new());
            pair.map(KeyPair::Ecdsa)
        };
        let pair = match algorithm {
            Algorithm::ES256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::ES384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::RS256 => {
                let pair = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der));
                pair.map(KeyPair::Rsa)
            }
            _ => return Err(new_error(ErrorKind::UnsupportedAlgorithm)),
        };
        let key = pair.map_err(|error| new_error(ErrorKind::Signing(error.to_string())))?;
        Ok(Self { algorithm, key })
    }
}

impl Signer<Vec<u8>> for RingSigner {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        let random = SystemRandom::new();
        match &self.key {
            KeyPair::Ecdsa(pair) => {
                let signature = pair.sign(&random, message).map_err(|_| Error::new())?;
                Ok(signature.as_ref().to_vec())
            }
            KeyPair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| Error::new())?;
                Ok(signature)
            }
        }
    }
}

impl JwtSigner for RingSigner {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

struct RingVerifier {
    algorithm: Algorithm,
    key: UnparsedPublicKey<Vec<u8>>,
}

impl RingVerifier {
    fn new(algorithm: Algorithm, key: &DecodingKey) -> Result<Self> {
        let verification: &'static dyn VerificationAlgorithm = match algorithm {
            Algorithm::ES256 => &ECDSA_P256_SHA256_FIXED,
            Algorithm::ES384 => &ECDSA_P384_SHA384_FIXED,
            Algorithm::RS256 => &RSA_PKCS1_2048_8192_SHA256,
            _ => return Err(new_error(ErrorKind::UnsupportedAlgorithm)),
        };
        let key = UnparsedPublicKey::new(verification, key.try_get_as_bytes()?.to_vec());
        Ok(Self { algorithm, key })
    }
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        self.key
            .verify(message, signature)
            .map_err(|_| Error::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
