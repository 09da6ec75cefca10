//! Setup, teardown, restart.

use futures::future::join_all;

use super::*;
use crate::testing::{in_own_namespaces, run_all};

#[test]
fn passes_the_suite() {
    in_own_namespaces(|| async { run_all(&open().await).await });
}

#[test]
fn teardown_and_cleanup_leave_nothing() {
    in_own_namespaces(|| async {
        let empty = Footprint::take(&options()).await.expect("looks");
        let network = open().await;
        let opened = Footprint::take(&options()).await.expect("looks");
        assert_ne!(empty.changes(&opened), [""; 0]);

        // The round's place is a file from the first teardown of the newest pod on.
        setup(&network, "first").await;
        network.teardown("first").await.expect("torn down");
        let changes = opened.changes(&Footprint::take(&options()).await.expect("looks"));
        assert!(changes.contains(&"+ file /run/state/cursor.json".to_owned()));

        setup(&network, "a").await;
        setup(&network, "b").await;
        for uid in ["a", "b"] {
            network.teardown(uid).await.expect("torn down");
        }
        forget_the_round();
        settles(&opened).await;

        setup(&network, "running").await;
        drop(network);
        crate::cleanup(options()).await.expect("cleaned");
        settles(&empty).await;
        crate::cleanup(options()).await.expect("cleaned again");
    });
}

#[test]
fn a_restart_keeps_pods_and_their_connections() {
    in_own_namespaces(|| async {
        let network = open().await;
        let a = setup(&network, "a").await;
        let b = setup(&network, "b").await;
        let listener = in_netns(&b.netns, || std::net::TcpListener::bind("0.0.0.0:80"));
        let listener = listener.await.expect("listens");
        let to = SocketAddr::from((ip(&b), 80));
        let stream = in_netns(&a.netns, move || std::net::TcpStream::connect(to));
        let mut stream = stream.await.expect("connects");
        let (mut accepted, _) = listener.accept().expect("accepted");

        drop(network);
        let network = open().await;
        std::io::Write::write_all(&mut stream, b"x").expect("written");
        let mut byte = [0];
        std::io::Read::read_exact(&mut accepted, &mut byte).expect("arrived");
        assert_eq!(network.list().await.expect("lists"), [a.clone(), b.clone()]);
        assert_eq!(network.check("a").await.expect("whole"), a);
        assert_eq!(setup(&network, "b").await, b);
    });
}

#[test]
fn a_reboot_keeps_addresses() {
    in_own_namespaces(|| async {
        let network = open().await;
        let a = setup(&network, "a").await;
        drop(network);
        // What a reboot takes: namespaces, interfaces, rules, but not the state.
        let pins = crate::netns::Pins::new(&options().netns_dir());
        pins.remove().expect("unpinned");
        run("ip link delete rk3s0");
        run("nft flush ruleset");

        let network = open().await;
        let error = network.check("a").await.expect_err("gone");
        assert_eq!(
            error.to_string(),
            "pod a: network is damaged: its network namespace is gone"
        );
        assert_eq!(
            network.list().await.expect("lists"),
            std::slice::from_ref(&a)
        );
        assert_eq!(setup(&network, "a").await, a);
        assert_eq!(network.check("a").await.expect("whole"), a);
    });
}

#[test]
fn thirty_at_once() {
    in_own_namespaces(|| async {
        let network = open().await;
        let opened = Footprint::take(&options()).await.expect("looks");
        let uids: Vec<_> = (0..30).map(|number| format!("pod-{number}")).collect();
        let pods = join_all(uids.iter().map(|uid| setup(&network, uid))).await;
        let mut addresses: Vec<_> = pods.iter().map(ip).collect();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), 30);

        let server = Server::start(Some(&pods[0].netns)).await;
        let dials = pods[1..].iter().map(|pod| async {
            let seen = dial(Some(&pod.netns), ip(&pods[0])).await.expect("reached");
            assert_eq!(seen, ip(pod).to_string());
        });
        join_all(dials).await;
        server.stop().await;

        let teardowns = join_all(uids.iter().map(|uid| network.teardown(uid))).await;
        assert!(teardowns.iter().all(Result::is_ok), "{teardowns:?}");
        forget_the_round();
        settles(&opened).await;
    });
}

#[test]
fn a_dropped_call_still_comes_to_its_end() {
    in_own_namespaces(|| async {
        let network = open().await;
        let pod = PodRequest {
            uid: "a".to_owned(),
            ..PodRequest::default()
        };
        drop(network.setup(pod));
        // Takes its turn behind the setup.
        network.check("a").await.expect("whole");
    });
}
