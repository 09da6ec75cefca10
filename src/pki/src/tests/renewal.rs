//! Leaves change under running configurations.

use std::sync::Arc;
use std::time::Duration;

use base::Shutdown;
use tokio::sync::mpsc;

use super::{Rig, handshake::connect, handshake::shake};
use crate::{ClientVerifier, LeafName, Pki, renewal};

const DAY: Duration = Duration::from_secs(86_400);

/// The renewal task, and a message for each time it renewed.
fn start(pki: &Arc<Pki>, shutdown: &Shutdown) -> mpsc::UnboundedReceiver<()> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let told = move |_: &Pki| sender.send(()).expect("the test listens");
    tokio::spawn(renewal(pki.clone(), shutdown.clone(), told));
    receiver
}

#[tokio::test]
async fn renews_at_two_thirds_of_life_and_keeps_configurations() {
    let rig = Rig::new();
    let pki = Arc::new(rig.open().expect("made"));
    let shutdown = Shutdown::new();
    let mut renewed = start(&pki, &shutdown);
    let (server, client) = (
        pki.server_config().expect("config"),
        pki.client_config(None),
    );
    let client = client.expect("config");
    let before = shake(&client, &server, "localhost")
        .expect("passes")
        .server_chain;
    let admin = pki.leaf(LeafName::Admin);

    rig.hands.advance(DAY * 243);
    tokio::task::yield_now().await;
    assert!(renewed.try_recv().is_err(), "renewed too early");
    rig.hands.advance(DAY);
    renewed.recv().await.expect("renewed");
    let after = shake(&client, &server, "localhost")
        .expect("passes")
        .server_chain;
    assert_ne!(before, after);
    assert_ne!(pki.leaf(LeafName::Admin), admin);
    let there = std::fs::read_to_string(rig.tls("client-admin.crt")).expect("there");
    assert_eq!(there, pki.leaf(LeafName::Admin).cert_pem);

    // Two years on, with the same configurations.
    for _ in 0..3 {
        rig.hands.advance(DAY * 244);
        renewed.recv().await.expect("renewed");
        shake(&client, &server, "localhost").expect("passes");
    }
    shutdown.stop();
    assert_eq!(renewed.recv().await, None, "the task ends");
}

/// The API server's certificate and the one it shows kubelets, over configurations that were made
/// once and a connection that was made before.
#[tokio::test]
async fn both_ends_show_new_certificates_while_an_old_connection_goes_on() {
    let rig = Rig::new();
    let pki = Arc::new(rig.open().expect("made"));
    let (serving, kubelet) = (pki.server_config(), pki.kubelet_server_config());
    let (serving, kubelet) = (serving.expect("config"), kubelet.expect("config"));
    let client = pki.client_config_as(LeafName::ApiServerClient);
    let client = client.expect("config");
    let verifier = ClientVerifier::new(pki.client_ca_pem()).expect("an authority");
    let is_known = |met: &super::handshake::Met| {
        let now = rig.clock.wall();
        verifier.verify(&met.client_chain, now).is_ok()
    };
    let mut old = connect(&client, &serving, "localhost").expect("passes");
    let kubelets = shake(&client, &kubelet, "localhost").expect("passes");
    assert!(is_known(&old.met()) && is_known(&kubelets));

    // The control: nobody renews, and after a year both ends are refused.
    rig.hands.advance(DAY * 364);
    assert!(is_known(
        &shake(&client, &serving, "localhost").expect("in time")
    ));
    rig.hands.advance(DAY * 2);
    for server in [&serving, &kubelet] {
        shake(&client, server, "localhost")
            .map(drop)
            .expect_err("expired");
    }
    assert!(!is_known(&old.met()));
    assert_eq!(old.echo("still here"), "still here");

    let shutdown = Shutdown::new();
    let mut renewed = start(&pki, &shutdown);
    renewed.recv().await.expect("renewed");
    for (server, before) in [(&serving, old.met()), (&kubelet, kubelets)] {
        let after = shake(&client, server, "localhost").expect("passes again");
        assert!(is_known(&after));
        assert_ne!(after.server_chain, before.server_chain);
        assert_ne!(after.client_chain, before.client_chain);
    }
    assert_eq!(old.echo("and here"), "and here");
    shutdown.stop();
}

#[tokio::test]
async fn a_jump_of_the_wall_clock_is_noticed_by_the_next_handshake() {
    for jump in [400.0, -400.0] {
        let rig = Rig::new();
        let pki = Arc::new(rig.open().expect("made"));
        let shutdown = Shutdown::new();
        let mut renewed = start(&pki, &shutdown);
        tokio::task::yield_now().await;
        let (server, client) = (
            pki.server_config().expect("config"),
            pki.client_config(None),
        );
        let client = client.expect("config");
        rig.hands.shift_wall(jump * 86_400.0);
        shake(&client, &server, "localhost")
            .map(drop)
            .expect_err("not valid by this clock");
        renewed.recv().await.expect("renewed");
        if jump > 0.0 {
            shake(&client, &server, "localhost").expect("passes again");
        }
        shutdown.stop();
    }
}

#[tokio::test]
async fn a_failed_renewal_is_tried_again() {
    let rig = Rig::new();
    let pki = Arc::new(rig.open().expect("made"));
    let shutdown = Shutdown::new();
    let mut renewed = start(&pki, &shutdown);
    let (away, tls) = (rig.path().join("away"), rig.tls(""));
    std::fs::rename(&tls, &away).expect("moved");
    let before = pki.leaf(LeafName::Admin);
    rig.hands.advance(DAY * 244);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(
        renewed.try_recv().is_err(),
        "there is no directory to write to"
    );
    assert_eq!(pki.leaf(LeafName::Admin), before);
    std::fs::rename(&away, &tls).expect("moved back");
    rig.hands.advance(Duration::from_secs(600));
    renewed.recv().await.expect("renewed");
    assert_ne!(pki.leaf(LeafName::Admin), before);
    shutdown.stop();
}
