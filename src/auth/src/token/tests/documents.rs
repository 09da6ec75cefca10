//! What the issuer publishes is enough to verify its tokens.

use expect_test::expect;
use serde_json::{Value, json};

use super::World;

#[test]
fn discovery_is_upstreams() {
    let world = World::new();
    let document = world
        .tokens
        .discovery("https://10.0.0.1:6443/openid/v1/jwks");
    let text = serde_json::to_string_pretty(&document).expect("JSON");
    expect![[r#"
        {
          "id_token_signing_alg_values_supported": [
            "ES256"
          ],
          "issuer": "https://kubernetes.default.svc.cluster.local",
          "jwks_uri": "https://10.0.0.1:6443/openid/v1/jwks",
          "response_types_supported": [
            "id_token"
          ],
          "subject_types_supported": [
            "public"
          ]
        }"#]]
    .assert_eq(&text);
}

#[test]
fn a_token_verifies_with_the_published_key() {
    let world = World::new();
    let keys = world.tokens.jwks();
    let mut shown = keys.clone();
    for field in ["kid", "x", "y"] {
        shown["keys"][0][field] = "…".into();
    }
    expect![[r#"{"keys":[{"alg":"ES256","crv":"P-256","kid":"…","kty":"EC","use":"sig","x":"…","y":"…"}]}"#]].assert_eq(&shown.to_string());
    let token = world.token(json!({}));
    let jwk = serde_json::from_value(keys["keys"][0].clone()).expect("a JWK");
    let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).expect("a key");
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    let read = jsonwebtoken::decode::<Value>(&token, &key, &validation).expect("verified");
    assert_eq!(read.header.kid.as_deref(), keys["keys"][0]["kid"].as_str());
}

#[test]
fn rsa_keys_are_published_too() {
    let world = World::new();
    let path = world.directory.path().join("server/tls/service.key");
    std::fs::write(
        &path,
        include_str!("../../../../pki/testdata/rsa-pkcs1.key"),
    )
    .expect("writable");
    let pki = world.opened_again();
    let keys = pki.service_account_keys();
    let clock = world.clock.clone();
    let tokens =
        crate::ServiceAccountTokens::new("https://issuer", keys, clock, world.shelf.clone());
    let mut keys = tokens.jwks();
    let jwk = serde_json::from_value(keys["keys"][0].clone()).expect("a JWK");
    let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).expect("a key");
    drop(key);
    for field in ["kid", "n"] {
        keys["keys"][0][field] = "…".into();
    }
    expect![[r#"{"keys":[{"alg":"RS256","e":"AQAB","kid":"…","kty":"RSA","n":"…","use":"sig"}]}"#]]
        .assert_eq(&keys.to_string());
    let token = tokens.keys.sign(&json!({"a": 1})).expect("signed");
    assert!(tokens.keys.verify::<Value>(&token).is_ok());
}
