//! Who reaches whom, and as whom.

use std::net::UdpSocket;

use super::*;
use crate::testing::in_own_namespaces;

/// Sets whether frames between ports of a bridge pass the IPv4 hooks, where the kernel can.
fn bridge_netfilter(value: &str) {
    let path = "/proc/sys/net/bridge/bridge-nf-call-iptables";
    if std::fs::exists(path).expect("told") {
        std::fs::write(path, value).expect("written");
    }
}

#[test]
fn pods_and_host_reach_each_other_without_a_default_route() {
    for value in ["0", "1"] {
        in_own_namespaces(move || async move {
            bridge_netfilter(value);
            run("ip link set lo up");
            let network = open().await;
            let a = setup(&network, "a").await;
            let b = setup(&network, "b").await;
            let on_a = Server::start(Some(&a.netns)).await;
            let on_host = Server::start(None).await;
            let (address, other) = (ip(&a), ip(&b).to_string());

            let seen = dial(Some(&b.netns), address).await.expect("pod to pod");
            assert_eq!(seen, other);
            let seen = dial(Some(&a.netns), address).await.expect("pod to itself");
            assert_eq!(seen, address.to_string());
            let loopback = Ipv4Addr::LOCALHOST;
            let seen = dial(Some(&a.netns), loopback).await.expect("its loopback");
            assert_eq!(seen, "127.0.0.1");
            let gateway = options().pod_cidr.gateway();
            let seen = dial(None, address).await.expect("host to pod");
            assert_eq!(seen, gateway.to_string());
            let seen = dial(Some(&b.netns), gateway).await.expect("pod to host");
            assert_eq!(seen, other);
            on_a.stop().await;
            on_host.stop().await;
        });
    }
}

#[test]
fn the_host_has_a_route_to_services() {
    in_own_namespaces(|| async {
        let probe = || {
            let socket = UdpSocket::bind("0.0.0.0:0").expect("bound");
            socket.connect("10.43.0.1:53")?;
            socket.local_addr()
        };
        let error = probe().expect_err("a host without routes");
        assert_eq!(error.kind(), io::ErrorKind::NetworkUnreachable);
        let network = open().await;
        let source = probe().expect("routed").ip();
        assert_eq!(source, options().pod_cidr.gateway());
        drop(network);
    });
}

#[test]
fn the_world_sees_the_host() {
    in_own_namespaces(|| async {
        run("ip netns add world");
        run("ip link add uplink type veth peer name inner netns world");
        run("ip address add 192.0.2.1/24 dev uplink");
        run("ip link set uplink up");
        run("ip -n world address add 192.0.2.2/24 dev inner");
        run("ip -n world link set inner up");
        run("ip route add default via 192.0.2.2");
        // Other nodes' pods see the pod itself.
        run("ip -n world address add 10.42.7.7/32 dev inner");
        run("ip -n world route add 10.42.0.0/24 via 192.0.2.1");

        let network = open().await;
        let a = setup(&network, "a").await;
        let server = Server::start(Some(Path::new("/run/netns/world"))).await;
        let world = Ipv4Addr::new(192, 0, 2, 2);
        let seen = dial(Some(&a.netns), world).await.expect("reached");
        assert_eq!(seen, "192.0.2.1");
        let node = Ipv4Addr::new(10, 42, 7, 7);
        let seen = dial(Some(&a.netns), node).await.expect("reached");
        assert_eq!(seen, ip(&a).to_string());
        server.stop().await;
    });
}

/// Sends a datagram from `source` inside the pod to the host; whether it arrives.
async fn arrives(pod: &PodAttachment, source: Ipv4Addr) -> bool {
    let gateway = options().pod_cidr.gateway();
    let socket = tokio::net::UdpSocket::bind((gateway, 0)).await;
    let socket = socket.expect("bound");
    let to = socket.local_addr().expect("bound");
    let send = move || UdpSocket::bind((source, 0))?.send_to(b"x", to);
    in_netns(&pod.netns, send).await.expect("sent");
    // Delivery happened while the pod was sending, or never will.
    let mut byte = [0];
    match socket.try_recv_from(&mut byte) {
        Ok((_, from)) => {
            assert_eq!(from.ip(), source);
            true
        }
        Err(_) => {
            let clock = Clock::system();
            let received = socket.recv_from(&mut byte);
            let wait = Duration::from_millis(200);
            clock.timeout(wait, received).await.is_ok()
        }
    }
}

#[test]
fn a_pod_cannot_speak_as_another() {
    in_own_namespaces(|| async {
        let network = open().await;
        let a = setup(&network, "a").await;
        let b = setup(&network, "b").await;
        assert!(arrives(&a, ip(&a)).await);

        let forge = format!("ip address add {}/32 dev eth0", ip(&b));
        let run_inside = in_netns(&a.netns, move || Ok(run(&forge)));
        run_inside.await.expect("added");
        assert!(!arrives(&a, ip(&b)).await);
        assert!(arrives(&b, ip(&b)).await, "the owner still may");

        // The control: without the rule the forged datagram arrives.
        run("nft flush chain bridge rk3s-pods prerouting");
        assert!(arrives(&a, ip(&b)).await);
    });
}

#[test]
fn a_forged_arp_moves_no_address() {
    in_own_namespaces(|| async {
        let network = open().await;
        let a = setup(&network, "a").await;
        let b = setup(&network, "b").await;
        let server = Server::start(Some(&b.netns)).await;
        // Pod a takes b's hardware and IP addresses, and shouts both from every roof.
        let steps = [
            "ip link set eth0 down".to_owned(),
            format!("ip link set eth0 address {}", b.mac),
            format!("ip address add {}/32 dev eth0", ip(&b)),
            "ip link set eth0 up".to_owned(),
            "ip route add 10.42.0.1 dev eth0".to_owned(),
        ];
        let forge = move || {
            steps.iter().for_each(|step| {
                run(step);
            });
            UdpSocket::bind("0.0.0.0:0")?.send_to(b"x", "10.42.0.1:9")
        };
        in_netns(&a.netns, forge).await.expect("forged");
        let seen = dial(None, ip(&b)).await.expect("still b's");
        assert_eq!(seen, "10.42.0.1");
        server.stop().await;
    });
}
