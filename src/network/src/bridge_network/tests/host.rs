//! What the host looks like, and what is made of a strange one.

use super::*;
use crate::testing::in_own_namespaces;
use crate::{Error, node_address};
use expect_test::expect;

#[test]
fn rules_as_nft_lists_them() {
    in_own_namespaces(|| async {
        let network = open().await;
        let pod = setup(&network, "a").await;
        let listed = run("nft list ruleset").replace(&pod.host_interface, "rk3vPOD");
        expect![[r#"
            table ip rk3s-pods {
            	set inside {
            		type ipv4_addr
            		flags interval
            		elements = { 10.42.0.0/16, 224.0.0.0/4 }
            	}

            	chain raw {
            		type filter hook prerouting priority raw; policy accept;
            		iifname "rk3s0" ip daddr 127.0.0.0/8 drop
            	}

            	chain forward {
            		type filter hook forward priority filter; policy accept;
            		ct state established,related accept
            		iifname "rk3s0" accept
            		oifname "rk3s0" accept
            	}

            	chain postrouting {
            		type nat hook postrouting priority srcnat; policy accept;
            		ip saddr 10.42.0.0/24 ip daddr != @inside masquerade fully-random
            	}
            }
            table bridge rk3s-pods {
            	set sources {
            		type ifname . ipv4_addr
            		elements = { "rk3vPOD" . 10.42.0.2 }
            	}

            	chain prerouting {
            		type filter hook prerouting priority filter; policy accept;
            		iifname != "rk3v*" return
            		meta protocol ip6 drop
            		iifname . ip saddr @sources accept
            		iifname . arp saddr ip @sources accept
            		counter packets 0 bytes 0 drop
            	}
            }
        "#]]
        .assert_eq(&listed);
        network.teardown("a").await.expect("torn down");
        assert!(!run("nft list ruleset").contains("10.42.0.2"));
    });
}

#[test]
fn flushed_rules_come_back_with_the_next_pod() {
    in_own_namespaces(|| async {
        let network = open().await;
        setup(&network, "a").await;
        run("nft flush ruleset");
        network.teardown("a").await.expect("torn down");
        setup(&network, "b").await;
        let listed = run("nft list ruleset");
        run("nft flush ruleset");
        drop(network);
        open().await;
        assert_eq!(run("nft list ruleset"), listed);
    });
}

#[test]
fn a_bridge_is_not_taken_from_others() {
    in_own_namespaces(|| async {
        run("ip link add rk3s0 type veth peer name other");
        let Err(error) = BridgeNetwork::open(options()).await else {
            panic!("the name is taken");
        };
        assert_eq!(
            error.to_string(),
            "interface rk3s0: exists and is not a bridge"
        );
    });
}

#[test]
fn the_mtu_is_the_default_routes_or_as_told() {
    in_own_namespaces(|| async {
        run("ip link add uplink mtu 1400 type bridge");
        run("ip address add 192.0.2.1/24 dev uplink");
        run("ip link set uplink up");
        run("ip route add default via 192.0.2.2");
        let network = open().await;
        let pod = setup(&network, "a").await;
        let inside = || Ok(run("ip -o link show eth0"));
        let line = in_netns(&pod.netns, inside).await.expect("shown");
        assert!(line.contains("mtu 1400"), "{line}");
    });
}

#[test]
fn the_nodes_address() {
    // What the host has, line by line; each line changes the answer.
    let steps = [
        ("ip link set lo up", "10.42.0.1"),
        ("ip link add first type bridge", "10.42.0.1"),
        ("ip address add 198.51.100.1/24 dev first", "10.42.0.1"),
        ("ip link set first up", "198.51.100.1"),
        ("ip link add second type bridge", "198.51.100.1"),
        ("ip address add 192.0.2.1/24 dev second", "198.51.100.1"),
        ("ip address add 203.0.113.1/24 dev second", "198.51.100.1"),
        ("ip link set second up", "198.51.100.1"),
        (
            "ip route add default via 203.0.113.9 metric 9",
            "203.0.113.1",
        ),
        ("ip route add default dev second metric 5", "192.0.2.1"),
        (
            "ip route add default dev second metric 3 src 203.0.113.1",
            "203.0.113.1",
        ),
        (
            "ip route add default via 198.51.100.9 metric 1",
            "198.51.100.1",
        ),
    ];
    in_own_namespaces(move || async move {
        let network = open().await;
        setup(&network, "a").await;
        for (step, expected) in steps {
            run(step);
            let address = node_address(&options()).await.expect("an address");
            assert_eq!(address.to_string(), expected, "after {step}");
        }
        let address = network.node_address().await.expect("an address");
        assert_eq!(address.to_string(), "198.51.100.1");
    });
}

#[test]
fn contradicting_options_change_nothing() {
    in_own_namespaces(|| async {
        let before = Footprint::take(&options()).await.expect("looks");
        let mut bad = options();
        bad.pod_cidr = "10.99.0.0/24".parse().expect("valid");
        let error = BridgeNetwork::open(bad).await.err();
        assert!(matches!(error, Some(Error::Options(_))), "{error:?}");
        settles(&before).await;
    });
}
