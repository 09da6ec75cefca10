//! The issuer's public documents: where others learn to verify our tokens (OIDC discovery).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pki::{Algorithm, VerifyingKey};
use serde_json::{Value, json};

use super::ServiceAccountTokens;

impl ServiceAccountTokens {
    /// `/.well-known/openid-configuration`. `jwks_uri` is where [`ServiceAccountTokens::jwks`] is
    /// served: `https://10.0.0.1:6443/openid/v1/jwks`.
    #[must_use]
    pub fn discovery(&self, jwks_uri: &str) -> Value {
        let mut algorithms = Vec::new();
        for (key, _) in &self.keys.verifying {
            if !algorithms.contains(&key.algorithm.name()) {
                algorithms.push(key.algorithm.name());
            }
        }
        json!({
            "issuer": self.issuer,
            "jwks_uri": jwks_uri,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": algorithms,
        })
    }

    /// `/openid/v1/jwks` (media type `application/jwk-set+json`): every key that verifies.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let keys = self.keys.verifying.iter().map(|(key, _)| jwk(key));
        json!({"keys": keys.collect::<Vec<_>>()})
    }
}

fn jwk(key: &VerifyingKey) -> Value {
    let base64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let bits = key.public_bits();
    let curve = match key.algorithm {
        Algorithm::Es256 => "P-256",
        Algorithm::Es384 => "P-384",
        Algorithm::Rs256 => {
            let (modulus, exponent) = rsa_parts(&bits);
            return json!({
                "use": "sig", "kty": "RSA", "kid": key.id, "alg": key.algorithm.name(),
                "n": base64(&modulus), "e": base64(&exponent),
            });
        }
    };
    // An uncompressed point: 4, x, y.
    let (x, y) = bits[1..].split_at(bits.len() / 2);
    json!({
        "use": "sig", "kty": "EC", "kid": key.id, "crv": curve, "alg": key.algorithm.name(),
        "x": base64(x), "y": base64(y),
    })
}

/// The modulus and the exponent of an RSAPublicKey.
fn rsa_parts(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    use x509_parser::prelude::FromDer;
    let (_, key) =
        x509_parser::public_key::RSAPublicKey::from_der(der).expect("rustls wrote this public key");
    let plain = |number: &[u8]| {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        number[zeros..].to_vec()
    };
    (plain(key.modulus), plain(key.exponent))
}
