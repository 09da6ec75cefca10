//! What is written on the first start, read on the second, and refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use expect_test::expect;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Rig;
use crate::LeafName;

fn tree(root: &Path) -> Vec<(String, u32, Vec<u8>)> {
    let mut files = Vec::new();
    for directory in ["server/tls", "agent"] {
        for entry in fs::read_dir(root.join(directory)).expect("readable") {
            let path = entry.expect("readable").path();
            let mode = fs::metadata(&path).expect("there").permissions().mode();
            let name = path.strip_prefix(root).expect("below").display();
            files.push((
                name.to_string(),
                mode & 0o777,
                fs::read(&path).expect("readable"),
            ));
        }
    }
    files.sort();
    files
}

#[test]
fn the_first_start_writes_everything_and_the_second_nothing() {
    let rig = Rig::new();
    rig.open().expect("made");
    let first = tree(rig.path());
    let list: String = first
        .iter()
        .map(|(name, mode, _)| format!("{mode:o} {name}\n"))
        .collect();
    expect![[r#"
        644 agent/client-kubelet.crt
        600 agent/client-kubelet.key
        644 agent/serving-kubelet.crt
        600 agent/serving-kubelet.key
        644 server/tls/client-admin.crt
        600 server/tls/client-admin.key
        644 server/tls/client-auth-proxy.crt
        600 server/tls/client-auth-proxy.key
        644 server/tls/client-ca.crt
        600 server/tls/client-ca.key
        644 server/tls/client-kube-apiserver.crt
        600 server/tls/client-kube-apiserver.key
        644 server/tls/request-header-ca.crt
        600 server/tls/request-header-ca.key
        644 server/tls/server-ca.crt
        600 server/tls/server-ca.key
        600 server/tls/service.key
        644 server/tls/serving-kube-apiserver.crt
        600 server/tls/serving-kube-apiserver.key
    "#]]
    .assert_eq(&list);
    rig.open().expect("read");
    assert!(tree(rig.path()) == first, "the second start changed a file");
}

/// A certificate in the words of a test.
fn show(pem: &str) -> String {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    let (_, certificate) = X509Certificate::from_der(&der).expect("DER");
    let purposes = certificate.extended_key_usage().expect("well-formed");
    let purposes = purposes.map(|p| (p.value.server_auth, p.value.client_auth));
    let names = certificate.subject_alternative_name().expect("well-formed");
    let names = names.as_ref().map(|names| &names.value.general_names);
    let names = names.into_iter().flatten();
    let names: String = names.map(|name| format!("  {name}\n")).collect();
    let validity = certificate.validity();
    let days = (validity.not_after.timestamp() - validity.not_before.timestamp()) / 86_400;
    format!(
        "{}\n  CA {} (server, client) {purposes:?} {days} days from {}\n{}",
        certificate.subject(),
        certificate.is_ca(),
        validity.not_before,
        names,
    )
}

#[test]
fn certificates_say_what_they_shall() {
    let rig = Rig::new();
    let pki = rig.open().expect("made");
    let pems = [
        pki.server_ca_pem().to_owned(),
        pki.leaf(LeafName::ApiServer).cert_pem,
        pki.leaf(LeafName::Kubelet).cert_pem,
        pki.leaf(LeafName::KubeletClient).cert_pem,
        pki.leaf(LeafName::Admin).cert_pem,
        pki.client_certificate("dev", &["a", "b", "a"])
            .expect("issued")
            .cert_pem,
    ];
    let shown: String = pems.iter().map(|pem| show(pem)).collect();
    expect![[r#"
        CN=rk3s-server-ca@1798804800
          CA true (server, client) None 3650 days from Jan  1 11:55:00 2027 +00:00
        CN=kube-apiserver
          CA false (server, client) Some((true, false)) 365 days from Jan  1 11:55:00 2027 +00:00
          DNSName(api.example.com)
          DNSName(kubernetes)
          DNSName(kubernetes.default)
          DNSName(kubernetes.default.svc)
          DNSName(kubernetes.default.svc.cluster.local)
          DNSName(localhost)
          DNSName(node-1)
          IPAddress(0a:2b:00:01)
          IPAddress(7f:00:00:01)
          IPAddress(c0:00:02:07)
          IPAddress(cb:00:71:05)
          IPAddress(00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:01)
          IPAddress(20:01:0d:b8:00:00:00:00:00:00:00:00:00:00:00:07)
        O=system:nodes, CN=system:node:Node-1
          CA false (server, client) Some((true, false)) 365 days from Jan  1 11:55:00 2027 +00:00
          DNSName(localhost)
          DNSName(node-1)
          IPAddress(7f:00:00:01)
          IPAddress(c0:00:02:07)
          IPAddress(20:01:0d:b8:00:00:00:00:00:00:00:00:00:00:00:07)
        O=system:nodes, CN=system:node:Node-1
          CA false (server, client) Some((false, true)) 365 days from Jan  1 11:55:00 2027 +00:00
        O=system:masters, CN=system:admin
          CA false (server, client) Some((false, true)) 365 days from Jan  1 11:55:00 2027 +00:00
        O=a, O=b, O=a, CN=dev
          CA false (server, client) Some((false, true)) 365 days from Jan  1 11:55:00 2027 +00:00
    "#]]
    .assert_eq(&shown);
}

#[test]
fn changed_names_and_authorities_give_new_leaves() {
    let rig = Rig::new();
    let before = rig.open().expect("made");
    let mut options = rig.options();
    options.tls_sans.push("new.example.com".into());
    let after = crate::Pki::open(options).expect("read");
    assert_ne!(
        before.leaf(LeafName::ApiServer),
        after.leaf(LeafName::ApiServer)
    );
    assert_eq!(
        before.leaf(LeafName::Kubelet),
        after.leaf(LeafName::Kubelet)
    );

    for half in ["client-ca.crt", "client-ca.key"] {
        fs::remove_file(rig.tls(half)).expect("removable");
    }
    let replaced = rig.open().expect("read");
    assert_ne!(replaced.leaf(LeafName::Admin), after.leaf(LeafName::Admin));
    assert_eq!(
        replaced.leaf(LeafName::AuthProxy),
        after.leaf(LeafName::AuthProxy)
    );
}

#[test]
fn a_damaged_leaf_is_issued_anew() {
    let rig = Rig::new();
    rig.open().expect("made");
    for (file, contents) in [
        (
            "client-admin.crt",
            &b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"[..],
        ),
        ("client-admin.key", b"junk"),
        ("client-admin.crt", b""),
    ] {
        fs::write(rig.tls(file), contents).expect("writable");
        let pki = rig.open().expect("issued anew");
        let there = fs::read_to_string(rig.tls("client-admin.crt")).expect("there");
        assert_eq!(there, pki.leaf(LeafName::Admin).cert_pem);
    }
}

#[test]
fn a_key_without_its_certificate_gets_one() {
    let rig = Rig::new();
    rig.open().expect("made");
    let key = fs::read(rig.tls("server-ca.key")).expect("there");
    fs::remove_file(rig.tls("server-ca.crt")).expect("removable");
    rig.open().expect("made again");
    assert_eq!(fs::read(rig.tls("server-ca.key")).expect("there"), key);
}

#[test]
fn what_cannot_be_mended_is_refused_with_its_remedy() {
    type Damage = fn(&Rig);
    let rows: [(&str, Damage); 7] = [
        ("empty certificate", |rig| {
            fs::write(rig.tls("server-ca.crt"), "").expect("writable");
        }),
        ("cut certificate", |rig| {
            let pem = fs::read_to_string(rig.tls("server-ca.crt")).expect("there");
            fs::write(rig.tls("server-ca.crt"), &pem[..200]).expect("writable");
        }),
        ("missing key", |rig| {
            fs::remove_file(rig.tls("client-ca.key")).expect("removable");
        }),
        ("another's key", |rig| {
            fs::copy(rig.tls("server-ca.key"), rig.tls("client-ca.key")).expect("copied");
        }),
        ("a leaf for an authority", |rig| {
            fs::copy(rig.tls("client-admin.crt"), rig.tls("client-ca.crt")).expect("copied");
            fs::copy(rig.tls("client-admin.key"), rig.tls("client-ca.key")).expect("copied");
        }),
        ("junk service key", |rig| {
            fs::write(rig.tls("service.key"), "junk").expect("writable");
        }),
        ("clock far ahead", |rig| {
            rig.hands.shift_wall(11.0 * 365.0 * 86_400.0)
        }),
    ];
    let mut shown = String::new();
    for (what, damage) in rows {
        let rig = Rig::new();
        rig.open().expect("made");
        damage(&rig);
        let error = rig.open().expect_err(what).to_string();
        let error = error.replace(&rig.path().display().to_string(), "DATA");
        shown += &format!("{what}: {error}\n");
    }
    let rig = Rig::new();
    rig.open().expect("made");
    rig.hands.shift_wall(-86_400.0);
    let error = rig.open().expect_err("clock behind").to_string();
    shown += &format!(
        "clock behind: {}\n",
        error.replace(&rig.path().display().to_string(), "DATA")
    );
    let mut options = rig.options();
    options.tls_sans.push("not a name".into());
    rig.hands.shift_wall(86_400.0);
    let error = crate::Pki::open(options).expect_err("bad name");
    shown += &format!("bad name: {error}\n");
    expect![[r#"
        empty certificate: DATA/server/tls/server-ca.crt is damaged: it holds no PEM certificate; put the right file back from a backup, or move the whole tls directory away to start over with new certificates and a new kubeconfig
        cut certificate: DATA/server/tls/server-ca.crt is damaged: missing section end marker: [67, 69, 82, 84, 73, 70, 73, 67, 65, 84, 69]; put the right file back from a backup, or move the whole tls directory away to start over with new certificates and a new kubeconfig
        missing key: DATA/server/tls/client-ca.crt is there, but DATA/server/tls/client-ca.key is missing; put the right file back from a backup, or move the whole tls directory away to start over with new certificates and a new kubeconfig
        another's key: DATA/server/tls/client-ca.key is not the key of DATA/server/tls/client-ca.crt; put the right file back from a backup, or move the whole tls directory away to start over with new certificates and a new kubeconfig
        a leaf for an authority: DATA/server/tls/client-ca.crt is damaged: it is not a certificate authority (CA:TRUE, keyCertSign); put the right file back from a backup, or move the whole tls directory away to start over with new certificates and a new kubeconfig
        junk service key: DATA/server/tls/service.key is damaged: it holds no PEM private key; put the right file back from a backup, or move it away so that a new key is made and every service-account token is refused until its pod restarts
        clock far ahead: DATA/server/tls/server-ca.crt expired at 2036-12-29T12:00:00Z; put the right file back from a backup, or move the whole tls directory away to start over with new certificates and a new kubeconfig
        clock behind: DATA/server/tls/server-ca.crt is valid from 2027-01-01T11:55:00Z on, but this machine's clock says 2026-12-31T12:00:00Z; set the clock and start again
        bad name: "not a name" is neither an IP address nor a host name
    "#]].assert_eq(&shown);
}

#[test]
fn a_key_that_others_could_read_is_closed() {
    let rig = Rig::new();
    rig.open().expect("made");
    let key = rig.tls("server-ca.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("changed");
    rig.open().expect("read");
    let mode = fs::metadata(&key).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
