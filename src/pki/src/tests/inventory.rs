//! What `rk3s certificate` sees and does.

use std::fs;

use expect_test::expect;

use super::Rig;
use crate::{LeafName, Service, check, rotate};

const DAY: f64 = 86_400.0;

fn shown(rig: &Rig, services: &[Service]) -> String {
    let found = check(rig.path(), services, rig.clock.wall()).expect("readable");
    let lines = found.iter().map(|one| {
        let file = one.file.strip_prefix(rig.path()).expect("below");
        // An authority's name holds the time of its making.
        let subject = one.subject.split('@').next().unwrap_or_default();
        let (usages, until) = (one.usages.join(","), one.not_after);
        format!(
            "{} {subject} {usages} {until} {:?}\n",
            file.display(),
            one.state
        )
    });
    lines.collect()
}

#[test]
fn tells_every_certificate_and_how_it_stands() {
    let rig = Rig::new();
    assert_eq!(shown(&rig, &Service::ALL), "", "before the first start");
    drop(rig.open().expect("made"));
    let now = shown(&rig, &Service::ALL);
    let mut later = String::new();
    for (what, days) in [
        ("before it was made", -1.0),
        ("when due", 245.0),
        ("when expired", 121.0),
    ] {
        rig.hands.shift_wall(days * DAY);
        later += &format!("{what}: {}", shown(&rig, &[Service::AuthProxy]));
    }
    expect![[r#"
        server/tls/client-admin.crt CN=system:admin,O=system:masters ClientAuth 2028-01-01T12:00:00Z Good
        server/tls/client-ca.crt CN=rk3s-client-ca CertSign 2036-12-29T12:00:00Z Good
        server/tls/client-kube-apiserver.crt CN=kube-apiserver ClientAuth 2028-01-01T12:00:00Z Good
        server/tls/serving-kube-apiserver.crt CN=kube-apiserver ServerAuth 2028-01-01T12:00:00Z Good
        server/tls/server-ca.crt CN=rk3s-server-ca CertSign 2036-12-29T12:00:00Z Good
        server/tls/client-auth-proxy.crt CN=system:auth-proxy ClientAuth 2028-01-01T12:00:00Z Good
        server/tls/request-header-ca.crt CN=rk3s-request-header-ca CertSign 2036-12-29T12:00:00Z Good
        agent/client-kubelet.crt CN=system:node:Node-1,O=system:nodes ClientAuth 2028-01-01T12:00:00Z Good
        agent/serving-kubelet.crt CN=system:node:Node-1,O=system:nodes ServerAuth 2028-01-01T12:00:00Z Good
    "#]].assert_eq(&now);
    expect![[r#"
        before it was made: server/tls/client-auth-proxy.crt CN=system:auth-proxy ClientAuth 2028-01-01T12:00:00Z NotYetValid
        server/tls/request-header-ca.crt CN=rk3s-request-header-ca CertSign 2036-12-29T12:00:00Z NotYetValid
        when due: server/tls/client-auth-proxy.crt CN=system:auth-proxy ClientAuth 2028-01-01T12:00:00Z Due
        server/tls/request-header-ca.crt CN=rk3s-request-header-ca CertSign 2036-12-29T12:00:00Z Good
        when expired: server/tls/client-auth-proxy.crt CN=system:auth-proxy ClientAuth 2028-01-01T12:00:00Z Expired
        server/tls/request-header-ca.crt CN=rk3s-request-header-ca CertSign 2036-12-29T12:00:00Z Good
    "#]].assert_eq(&later);
    fs::write(rig.tls("client-admin.crt"), "x").expect("written");
    let error = check(rig.path(), &[Service::Admin], rig.clock.wall()).expect_err("damaged");
    let text = error
        .to_string()
        .replace(&rig.path().display().to_string(), "");
    expect!["/server/tls/client-admin.crt is damaged: it holds no PEM certificate; put the right file back from a backup, or rotate it"].assert_eq(&text);
}

#[test]
fn rotation_changes_the_chosen_leaves_and_nothing_else() {
    let rig = Rig::new();
    let nothing = rotate(rig.path(), &Service::ALL, rig.clock.wall()).expect("no files");
    assert_eq!((nothing.backup, nothing.moved), (None, Vec::new()));
    let first = rig.open().expect("made");
    let rotation = rotate(rig.path(), &[Service::Kubelet], rig.clock.wall()).expect("moved");
    let mut shown = String::new();
    for path in rotation.moved.iter().chain(&rotation.backup) {
        let path = path.strip_prefix(rig.path()).expect("below");
        shown += &format!("{}\n", path.display());
    }
    expect![[r#"
        agent/client-kubelet.crt
        agent/client-kubelet.key
        agent/serving-kubelet.crt
        agent/serving-kubelet.key
        server/tls-1798804800
    "#]]
    .assert_eq(&shown);
    let backup = rotation.backup.expect("made");
    let old = fs::read_to_string(backup.join("client-kubelet.key")).expect("kept");
    assert_eq!(old, first.leaf(LeafName::KubeletClient).key_pem);

    let second = rig.open().expect("issued anew");
    let changed = |name| first.leaf(name) != second.leaf(name);
    for name in [LeafName::Kubelet, LeafName::KubeletClient] {
        assert!(changed(name), "{name:?}");
    }
    for name in [LeafName::Admin, LeafName::ApiServer, LeafName::AuthProxy] {
        assert!(!changed(name), "{name:?}");
    }
    assert_eq!(first.server_ca_pem(), second.server_ca_pem());
    assert_eq!(first.client_ca_pem(), second.client_ca_pem());
    // In the same second, over a backup that is there: nothing is lost.
    assert!(rotate(rig.path(), &Service::ALL, rig.clock.wall()).is_err());
    assert!(!shown.is_empty() && rig.open().is_ok());
}

#[test]
fn services_have_k3s_names() {
    for service in Service::ALL {
        assert_eq!(Service::parse(service.name()), Some(service));
        assert!(!Service::WITHOUT_CERTIFICATE.contains(&service.name()));
    }
    assert_eq!(Service::parse("scheduler"), None);
}
