//! Authorities that the user put there before the first start.

use std::fs;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RsaKeyPair};

use super::{Rig, handshake};
use crate::{Algorithm, LeafName};

pub(super) const BROUGHT: [(&str, &str, &str); 4] = [
    (
        "SEC1, P-384",
        include_str!("../../testdata/ec-sec1.crt"),
        include_str!("../../testdata/ec-sec1.key"),
    ),
    (
        "PKCS#1, RSA",
        include_str!("../../testdata/rsa-pkcs1.crt"),
        include_str!("../../testdata/rsa-pkcs1.key"),
    ),
    (
        "PKCS#8, Ed25519, below a root",
        include_str!("../../testdata/chain-pkcs8.crt"),
        include_str!("../../testdata/chain-pkcs8.key"),
    ),
    (
        "PKCS#8, P-256, with two DC in its name",
        include_str!("../../testdata/directory-name.crt"),
        include_str!("../../testdata/directory-name.key"),
    ),
];

#[test]
fn they_are_used_as_they_are() {
    for (what, certificate, key) in BROUGHT {
        let rig = Rig::new();
        fs::create_dir_all(rig.tls("")).expect("made");
        for stem in ["server-ca", "client-ca"] {
            fs::write(rig.tls(&format!("{stem}.crt")), certificate).expect("written");
            fs::write(rig.tls(&format!("{stem}.key")), key).expect("written");
        }
        let pki = rig.open().expect(what);
        assert_eq!(pki.server_ca_pem(), certificate, "{what}");
        let again = rig.open().expect(what);
        let (first, second) = (pki.leaf(LeafName::Admin), again.leaf(LeafName::Admin));
        assert_eq!(first, second, "{what}: issued twice");

        let client = pki.client_config(Some(&first)).expect(what);
        let server = pki.server_config().expect(what);
        let met = handshake::shake(&client, &server, "127.0.0.1").expect(what);
        let verifier = crate::ClientVerifier::new(pki.client_ca_pem()).expect(what);
        verifier
            .verify(&met.client_chain, rig.clock.wall())
            .expect(what);
    }
}

#[test]
fn a_brought_service_key_may_be_of_any_encoding() {
    for (what, _, key) in &BROUGHT[..2] {
        let rig = Rig::new();
        fs::create_dir_all(rig.tls("")).expect("made");
        fs::write(rig.tls("service.key"), key).expect("written");
        let pki = rig.open().expect(what);
        let keys = pki.service_account_keys();
        let (der, random) = (keys.signing_der(), SystemRandom::new());
        let public = match keys.signing().algorithm {
            Algorithm::Rs256 => {
                let key = RsaKeyPair::from_der(&der).expect(what);
                KeyPair::public_key(&key).as_ref().to_vec()
            }
            Algorithm::Es256 | Algorithm::Es384 => {
                let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &der, &random);
                key.expect(what).public_key().as_ref().to_vec()
            }
        };
        assert_eq!(public, keys.signing().public_bits(), "{what}");
    }
}
