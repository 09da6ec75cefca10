//! Tokens that nobody here has signed, or not so.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use expect_test::expect;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::hmac;
use serde_json::{Value, json};

use super::{ISSUER, World};
use crate::token::keys::TokenKeys;

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn claims() -> Value {
    let start: jiff::Timestamp = "2027-01-01T12:00:00Z".parse().expect("a time");
    let now = start.as_second();
    json!({
        "aud": [ISSUER], "exp": now + 3600, "iat": now, "iss": ISSUER, "nbf": now,
        "kubernetes.io": {"namespace": "ns", "serviceaccount": {"name": "build", "uid": "sa-1"}},
        "sub": "system:serviceaccount:ns:build",
    })
}

/// Signed with the cluster's own key: only what it says is wrong.
fn signed(world: &World, claims: &Value) -> String {
    let keys = TokenKeys::new(world.pki.service_account_keys());
    keys.sign(claims).expect("signed")
}

#[test]
fn none_is_believed() {
    let world = World::new();
    let own = world.pki.service_account_keys();
    let kid = own.signing().id.clone();
    let good = signed(&world, &claims());
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts");
    };
    // The classic: the public key, which everybody knows, as the secret of an HMAC.
    let confused = |secret: &[u8]| {
        let message = format!("{}.{payload}", part(&json!({"alg": "HS256", "kid": kid})));
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, secret),
            message.as_bytes(),
        );
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    let elsewhere = World::new();
    let foreign = TokenKeys::new(elsewhere.pki.service_account_keys());
    let foreign_named_ours = {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(kid.clone());
        let der = elsewhere.pki.service_account_keys().signing_der();
        let key = EncodingKey::from_ec_der(&der);
        jsonwebtoken::encode(&header, &claims(), &key).expect("signed")
    };
    let changed = |pointer: &str, value: Value| {
        let mut claims = claims();
        *claims.pointer_mut(pointer).expect("there") = value;
        claims
    };
    let forged = part(&changed(
        "/kubernetes.io/serviceaccount/name",
        "admin".into(),
    ));
    let another_issuer = changed("/iss", "https://elsewhere".into());
    let rows = [
        ("good", good.clone()),
        ("unsigned", format!("{header}.{payload}.")),
        (
            "alg none",
            format!("{}.{payload}.", part(&json!({"alg": "none"}))),
        ),
        (
            "alg None, signed",
            format!("{}.{payload}.{signature}", part(&json!({"alg": "None"}))),
        ),
        (
            "no alg",
            format!("{}.{payload}.{signature}", part(&json!({"kid": kid}))),
        ),
        (
            "HMAC with the key's DER",
            confused(&own.signing().public_key),
        ),
        (
            "HMAC with the key's bits",
            confused(&own.signing().public_bits()),
        ),
        (
            "another algorithm",
            format!("{}.{payload}.{signature}", part(&json!({"alg": "RS256"}))),
        ),
        (
            "another curve",
            format!("{}.{payload}.{signature}", part(&json!({"alg": "ES384"}))),
        ),
        ("a foreign key", foreign.sign(&claims()).expect("signed")),
        ("a foreign key under our name", foreign_named_ours),
        ("another's claims", format!("{header}.{forged}.{signature}")),
        ("a cut signature", good[..good.len() - 6].to_owned()),
        (
            "a zero signature",
            format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
        ),
        ("an empty header", format!(".{payload}.{signature}")),
        ("a header of junk", format!("e30.{payload}.{signature}")),
        ("four parts", format!("{good}.x")),
        ("two parts", format!("{header}.{payload}")),
        ("junk", "x".into()),
        ("nothing", String::new()),
        ("dots", "..".into()),
        ("another issuer, our key", signed(&world, &another_issuer)),
        (
            "not yet",
            signed(&world, &changed("/nbf", json!(2_000_000_000))),
        ),
        (
            "from the future",
            signed(&world, &changed("/iat", json!(2_000_000_000))),
        ),
        ("expired", signed(&world, &changed("/exp", json!(0)))),
        (
            "an end that is a text",
            signed(&world, &changed("/exp", json!("never"))),
        ),
        (
            "an end past counting",
            signed(&world, &changed("/exp", json!(1e300))),
        ),
        (
            "a list of audiences",
            signed(&world, &changed("/aud", json!(["x", "y"]))),
        ),
        (
            "one audience",
            signed(&world, &changed("/aud", json!(ISSUER))),
        ),
        ("no audience", signed(&world, &changed("/aud", json!([])))),
        (
            "no account",
            signed(&world, &changed("/kubernetes.io", json!({}))),
        ),
        (
            "another account",
            signed(
                &world,
                &changed("/kubernetes.io/serviceaccount/name", "x".into()),
            ),
        ),
    ];
    let mut shown = String::new();
    for (what, token) in rows {
        shown += &format!("{what}: {}\n", world.ask(&token));
    }
    expect![[r#"
        good: system:serviceaccount:ns:build for ["https://kubernetes.default.svc.cluster.local"]
        unsigned: refused: invalid signature: InvalidSignature
        alg none: refused: invalid signature: JSON error: unknown variant `none`, expected one of `HS256`, `HS384`, `HS512`, `ES256`, `ES384`, `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `EdDSA` at line 1 column 13
        alg None, signed: refused: invalid signature: JSON error: unknown variant `None`, expected one of `HS256`, `HS384`, `HS512`, `ES256`, `ES384`, `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `EdDSA` at line 1 column 13
        no alg: refused: invalid signature: JSON error: missing field `alg` at line 1 column 53
        HMAC with the key's DER: refused: invalid signature: InvalidAlgorithm
        HMAC with the key's bits: refused: invalid signature: InvalidAlgorithm
        another algorithm: refused: invalid signature: InvalidAlgorithm
        another curve: refused: invalid signature: InvalidAlgorithm
        a foreign key: refused: invalid signature, no keys found
        a foreign key under our name: refused: invalid signature: InvalidSignature
        another's claims: refused: invalid signature: InvalidSignature
        a cut signature: refused: invalid signature: InvalidSignature
        a zero signature: refused: invalid signature: InvalidSignature
        an empty header: refused: invalid signature: JSON error: EOF while parsing a value at line 1 column 0
        a header of junk: refused: invalid signature: JSON error: missing field `alg` at line 1 column 2
        four parts: none of ours
        two parts: none of ours
        junk: none of ours
        nothing: none of ours
        dots: none of ours
        another issuer, our key: none of ours
        not yet: refused: service account token is not valid yet
        from the future: refused: service account token is issued in the future
        expired: refused: service account token has expired
        an end that is a text: refused: the token's claims cannot be read: JSON error: invalid type: string "never", expected i64 at line 1 column 69
        an end past counting: refused: the token's claims cannot be read: JSON error: invalid type: floating point `1e+300`, expected i64 at line 1 column 68
        a list of audiences: refused: token audiences ["x" "y"] is invalid for the target audiences ["https://kubernetes.default.svc.cluster.local"]
        one audience: system:serviceaccount:ns:build for ["https://kubernetes.default.svc.cluster.local"]
        no audience: system:serviceaccount:ns:build for ["https://kubernetes.default.svc.cluster.local"]
        no account: refused: the token's claims cannot be read: JSON error: missing field `namespace` at line 1 column 161
        another account: refused: serviceaccounts "x" not found
    "#]].assert_eq(&shown);
}

#[test]
fn an_older_key_still_verifies_and_the_new_one_signs() {
    let world = World::new();
    let old = signed(&world, &claims());
    let path = world.directory.path().join("server/tls/service.key");
    let elsewhere = World::new();
    let other = elsewhere.directory.path().join("server/tls/service.key");
    let read = |path| std::fs::read_to_string(path).expect("readable");
    std::fs::write(&path, read(&other) + &read(&path)).expect("writable");
    let pki = world.opened_again();
    let keys = TokenKeys::new(pki.service_account_keys());
    let new = keys.sign(&claims()).expect("signed");
    let reads = |keys: &TokenKeys, token: &str| keys.verify::<Value>(token).is_ok();
    let before = TokenKeys::new(world.pki.service_account_keys());
    let answers = [
        reads(&keys, &old),
        reads(&keys, &new),
        reads(&before, &old),
        reads(&before, &new),
    ];
    assert_eq!(answers, [true, true, true, false]);
}
