//! Damage, leftovers, and the leak check's control.

use std::net::UdpSocket;
use std::process::{Child, Command};

use super::*;
use crate::Error;
use crate::testing::in_own_namespaces;

#[test]
fn setup_repairs_what_check_finds() {
    let damages = [
        (
            "ip link delete eth0",
            "the host's end of its interface is gone",
        ),
        ("ip link set eth0 down", "its interface is down"),
        ("ip address flush dev eth0", "its address is gone"),
        ("ip route delete default", "its default route is gone"),
    ];
    in_own_namespaces(move || async move {
        let network = open().await;
        let whole = setup(&network, "a").await;
        let server = Server::start(None).await;
        for (damage, expected) in damages {
            let inside = move || Ok(run(damage));
            in_netns(&whole.netns, inside).await.expect("damaged");
            let error = network.check("a").await.expect_err("damaged");
            let Error::Damaged { what, .. } = error else {
                panic!("{error}");
            };
            assert_eq!(what, expected, "after {damage}");
            assert_eq!(setup(&network, "a").await, whole);
            assert_eq!(network.check("a").await.expect("whole"), whole);
            let gateway = options().pod_cidr.gateway();
            dial(Some(&whole.netns), gateway).await.expect("reached");
        }
        run(&format!("ip link set {} nomaster", whole.host_interface));
        network.check("a").await.expect_err("not on the bridge");
        assert_eq!(setup(&network, "a").await, whole);
        server.stop().await;
    });
}

#[test]
fn the_bridge_comes_back_with_the_next_setup() {
    in_own_namespaces(|| async {
        let network = open().await;
        let opened = Footprint::take(&options()).await.expect("looks");
        let a = setup(&network, "a").await;
        for damage in [
            "ip link delete rk3s0",
            "ip link set rk3s0 down",
            "ip address flush dev rk3s0",
            "ip route delete 10.43.0.0/16",
        ] {
            run(damage);
            let b = setup(&network, "b").await;
            let server = Server::start(Some(&b.netns)).await;
            dial(None, ip(&b)).await.expect("reached");
            server.stop().await;
            assert_eq!(setup(&network, "a").await, a, "after {damage}");
            assert_eq!(network.check("a").await.expect("whole"), a);
            network.teardown("b").await.expect("torn down");
        }
        run("ip link delete rk3s0");
        let error = network.check("a").await.expect_err("damaged");
        assert_eq!(
            error.to_string(),
            "pod a: network is damaged: the bridge is gone or down"
        );
        network.teardown("a").await.expect("torn down");
        drop(network);
        drop(open().await);
        forget_the_round();
        settles(&opened).await;
    });
}

#[test]
fn a_namespace_lost_while_in_use_is_made_anew() {
    in_own_namespaces(|| async {
        let network = open().await;
        let whole = setup(&network, "a").await;
        // A process of the pod lives on and keeps the old namespace with its interface.
        let kept = in_netns(&whole.netns, || UdpSocket::bind("0.0.0.0:0")).await;
        run(&format!("umount {}", whole.netns.display()));
        network.check("a").await.expect_err("damaged");
        assert_eq!(setup(&network, "a").await, whole);
        let server = Server::start(Some(&whole.netns)).await;
        dial(None, ip(&whole)).await.expect("reached");
        server.stop().await;
        drop(kept);
    });
}

#[test]
fn opening_removes_what_belongs_to_nobody() {
    in_own_namespaces(|| async {
        let network = open().await;
        let opened = Footprint::take(&options()).await.expect("looks");
        let lost = setup(&network, "lost").await;
        let kept = in_netns(&lost.netns, || UdpSocket::bind("0.0.0.0:0")).await;
        setup(&network, "stays").await;
        drop(network);
        std::fs::remove_file("/run/state/pods/lost.json").expect("there");
        std::fs::write("/run/rk3s/netns/half", b"").expect("written");

        let network = open().await;
        let uids = network.list().await.expect("lists");
        assert_eq!(uids.len(), 1);
        network.check("stays").await.expect("whole");
        network.teardown("stays").await.expect("torn down");
        forget_the_round();
        // The neighbour of the lost pod stays until its address is given out again.
        run("ip neigh flush all nud permanent");
        settles(&opened).await;
        drop(kept);
    });
}

#[test]
fn the_leak_check_finds_each_kind_of_leftover() {
    let leftovers = [
        ("ip link add left type veth peer name over", "interface"),
        ("ip address add 10.9.9.9/32 dev lo", "address"),
        ("ip link set lo up", "route"),
        (
            "ip neigh add 10.42.0.77 lladdr 02:00:00:00:00:01 dev rk3s0",
            "neighbour",
        ),
        ("nft add table ip leftover", "table"),
        ("touch /run/rk3s/netns/leftover", "file"),
        (
            "mount --bind /proc/self/ns/net /run/rk3s/netns/leftover",
            "mount",
        ),
        ("touch /run/state/pods/leftover.json", "file"),
        ("sysctl -q -w net.ipv4.ip_forward=0", "sysctl"),
    ];
    in_own_namespaces(move || async move {
        let network = open().await;
        let mut before = Footprint::take(&options()).await.expect("looks");
        for (leftover, kind) in leftovers {
            run(leftover);
            let after = Footprint::take(&options()).await.expect("looks");
            let changes = before.changes(&after);
            let prefix = format!("+ {kind} ");
            let found = changes.iter().any(|change| change.starts_with(&prefix));
            assert!(found, "{leftover}: {changes:?}");
            before = after;
        }
        drop(network);
    });
}

/// A process in a mount namespace of its own; killed on drop.
struct Bystander(Child);

impl Bystander {
    fn start() -> Self {
        let child = Command::new("unshare")
            .args(["--mount", "--propagation", "unchanged", "cat"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn();
        let mut bystander = Self(child.expect("unshare is part of util-linux"));
        // An echo: it is past unshare.
        let (stdin, stdout) = (&mut bystander.0.stdin, &mut bystander.0.stdout);
        let stdin = stdin.as_mut().expect("piped");
        std::io::Write::write_all(stdin, b"x").expect("written");
        let mut echo = [0];
        let stdout = stdout.as_mut().expect("piped");
        std::io::Read::read_exact(stdout, &mut echo).expect("echoed");
        bystander
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn copies_of_the_mounts_elsewhere_keep_no_namespace() {
    for propagation in ["private", "shared"] {
        in_own_namespaces(move || async move {
            run(&format!("mount --make-{propagation} /run"));
            let empty = Footprint::take(&options()).await.expect("looks");
            let network = open().await;
            setup(&network, "a").await;
            let mounts = run("cat /proc/self/mountinfo");
            assert_eq!(mounts.matches("/netns/a ").count(), 1, "{mounts}");
            let bystander = Bystander::start();
            network.teardown("a").await.expect("torn down");
            drop(network);
            crate::cleanup(options()).await.expect("cleaned");
            settles(&empty).await;
            drop(bystander);
        });
    }
}
