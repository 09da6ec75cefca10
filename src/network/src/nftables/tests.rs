//! Against the kernel and `nft list ruleset` (Debian's `nftables`), in a namespace of the test's
//! own.

use super::*;
use crate::testing::in_own_namespaces;
use expect_test::{Expect, expect};
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

/// As `nft` reads the calling thread's namespace.
fn listed() -> String {
    let output = Command::new("nft")
        .args(["list", "ruleset"])
        .output()
        .expect("nft is installed (apt-get install nftables)");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Commits what `build` puts into a table and compares what nft makes of it.
fn check(build: fn(&mut InTable<'_>), expected: Expect) {
    in_own_namespaces(move || async move {
        let mut batch = Batch::new();
        let mut table = batch.table(Family::Ipv4, "t");
        table.replace();
        build(&mut table);
        let mut nftables = Nftables::open().expect("opens");
        nftables.commit(batch).expect("taken");
        expected.assert_eq(&listed());
    });
}

const KEY: [DataType; 3] = [
    DataType::IPV4_ADDRESS,
    DataType::L4_PROTOCOL,
    DataType::PORT,
];

fn service(last: u8, port: u16) -> Value {
    Value::new()
        .address(Ipv4Addr::new(10, 43, 0, last))
        .protocol(6)
        .port(port)
}

fn goto(chain: &str) -> Verdict {
    Verdict::Goto(chain.to_owned())
}

/// Loads the key of [`KEY`] from the packet.
fn load_key(rule: Rule) -> Rule {
    rule.ip_destination(Register::slot(0))
        .meta(Meta::L4Protocol, Register::slot(1))
        .destination_port(Register::slot(2))
}

#[test]
fn services_as_kube_proxy_will_lay_them_out() {
    check(
        |table| {
            let endpoint = [DataType::IPV4_ADDRESS, DataType::PORT];
            table.add_set(&Set::new("front", &KEY).verdicts());
            table.add_set(&Set::new("ep0", &KEY).to_fields(&endpoint));
            for name in ["services", "mark", "c2", "cs0", "rejectit"] {
                table.add_chain(&Chain::regular(name));
            }
            let (nat, dstnat) = (ChainType::Nat, priority::DSTNAT);
            for chain in [
                Chain::base("nat-pre", nat, Hook::Prerouting, dstnat),
                Chain::base("nat-out", nat, Hook::Output, dstnat),
                Chain::base("nat-post", nat, Hook::Postrouting, priority::SRCNAT),
            ] {
                table.add_chain(&chain);
            }
            let jump = Verdict::Jump("services".into());
            table.add_rule("nat-pre", &Rule::new().verdict(&jump));
            table.add_rule("nat-out", &Rule::new().verdict(&jump));
            let key = Register::slot(0);
            table.add_rule("services", &load_key(Rule::new()).verdict_map("front", key));
            let nodeport = Rule::new().destination_is_local();
            table.add_rule("services", &nodeport.verdict(&goto("c2")));
            table.add_rule("mark", &Rule::new().change_mark(!0x4000, 0x4000));
            let choice = table.add_choice([goto("cs0"), goto("rejectit")]);
            let pick = Rule::new().random(2, key).verdict_map(choice, key);
            table.add_rule("c2", &pick);
            let (address, port) = (Register::slot(4), Register::slot(5));
            let dnat = load_key(Rule::new()).map("ep0", key, address);
            table.add_rule("cs0", &dnat.dnat(address, port));
            table.add_rule("rejectit", &Rule::new().reject());
            let marked = Rule::new().mark_any(0x4000).change_mark(!0x4000, 0);
            table.add_rule("nat-post", &marked.masquerade());
            let hairpin = Rule::new().status_any(CT_DNAT).masquerade();
            table.add_rule("nat-post", &hairpin);
            let front = Element::verdict(service(1, 443), &goto("c2"));
            table.add_elements("front", [front]);
            let to = Value::new().address(Ipv4Addr::new(10, 42, 0, 2)).port(6443);
            table.add_elements("ep0", [Element::map(service(1, 443), &to)]);
        },
        expect![[r#"
            table ip t {
            	map front {
            		type ipv4_addr . inet_proto . inet_service : verdict
            		elements = { 10.43.0.1 . tcp . 443 : goto c2 }
            	}

            	map ep0 {
            		type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
            		elements = { 10.43.0.1 . tcp . 443 : 10.42.0.2 . 6443 }
            	}

            	chain services {
            		ip daddr . meta l4proto . th dport vmap @front
            		fib daddr type local goto c2
            	}

            	chain mark {
            		meta mark set meta mark | 0x00004000
            	}

            	chain c2 {
            		numgen random mod 2 vmap { 0 : goto cs0, 1 : goto rejectit }
            	}

            	chain cs0 {
            		dnat ip to ip daddr . meta l4proto . th dport map @ep0
            	}

            	chain rejectit {
            		reject
            	}

            	chain nat-pre {
            		type nat hook prerouting priority dstnat; policy accept;
            		jump services
            	}

            	chain nat-out {
            		type nat hook output priority -100; policy accept;
            		jump services
            	}

            	chain nat-post {
            		type nat hook postrouting priority srcnat; policy accept;
            		meta mark & 0x00004000 != 0x00000000 meta mark set meta mark & 0xffffbfff masquerade fully-random
            		ct status dnat masquerade fully-random
            	}
            }
        "#]],
    );
}

#[test]
fn sets_of_every_shape() {
    check(
        |table| {
            let key = Register::slot(0);
            table.add_set(&Set::new("plain", &[DataType::IPV4_ADDRESS]));
            table.add_set(&Set::new("ranges", &[DataType::IPV4_ADDRESS]).intervals());
            table.add_set(&Set::new("policy", &KEY).intervals());
            table.add_set(&Set::new("affinity", &KEY).dynamic(65_535));
            table.add_chain(&Chain::regular("c"));

            let address = Value::new().address(Ipv4Addr::new(10, 0, 0, 1));
            table.add_elements("plain", [Element::key(address)]);
            // The second one ends where addresses do.
            for cidr in ["10.0.0.0/8", "128.0.0.0/1"] {
                let cidr = cidr.parse().expect("valid");
                table.add_elements("ranges", Element::cidr(cidr));
            }
            let range = Element::range(service(0, 1), service(255, 9000));
            table.add_elements("policy", [range]);

            table.add_rule("c", &Rule::new().ip_source(key).is_in("plain", key));
            table.add_rule("c", &Rule::new().ip_source(key).is_not_in("ranges", key));
            let allowed = load_key(Rule::new()).is_in("policy", key);
            table.add_rule("c", &allowed.verdict(&Verdict::Return));
            let timeout = Some(Duration::from_secs(10_800));
            let update =
                load_key(Rule::new()).change_set("affinity", SetChange::Update, key, None, timeout);
            table.add_rule("c", &update);
            let pod = Rule::new().source_is(Ipv4Addr::new(10, 0, 0, 9));
            table.add_rule("c", &pod.l4_protocol_is(17).counter());
            let new = Rule::new().state_any(CT_NEW);
            table.add_rule("c", &new.verdict(&Verdict::Drop));
        },
        expect![[r#"
            table ip t {
            	set plain {
            		type ipv4_addr
            		elements = { 10.0.0.1 }
            	}

            	set ranges {
            		type ipv4_addr
            		flags interval
            		elements = { 10.0.0.0/8, 128.0.0.0/1 }
            	}

            	set policy {
            		type ipv4_addr . inet_proto . inet_service
            		flags interval
            		elements = { 10.43.0.0/24 . tcp . 1-9000 }
            	}

            	set affinity {
            		type ipv4_addr . inet_proto . inet_service
            		size 65535
            		flags dynamic,timeout
            	}

            	chain c {
            		ip saddr @plain
            		ip saddr != @ranges
            		ip daddr . meta l4proto . th dport @policy return
            		update @affinity { ip daddr . meta l4proto . th dport timeout 3h }
            		ip saddr 10.0.0.9 meta l4proto udp counter packets 0 bytes 0
            		ct state new drop
            	}
            }
        "#]],
    );
}

#[test]
fn a_batch_is_all_or_nothing_and_names_each_culprit() {
    in_own_namespaces(|| async {
        let mut nftables = Nftables::open().expect("opens");
        let mut batch = Batch::new();
        let mut table = batch.table(Family::Ipv4, "t");
        table.add();
        table.add_set(&Set::new("front", &KEY).verdicts());
        nftables.commit(batch).expect("taken");
        let before = listed();

        let mut batch = Batch::new();
        let mut table = batch.table(Family::Ipv4, "t");
        table.add_chain(&Chain::regular("unwanted"));
        let element = Element::verdict(service(1, 80), &goto("nowhere"));
        table.add_elements("front", [element]);
        table.delete_elements("front", [Element::key(service(2, 80))]);
        let error = nftables.commit(batch).expect_err("refused");
        expect!["nf_tables refused: add elements of front: No such file or directory (os error 2) at byte 44; delete elements of front: No such file or directory (os error 2) at byte 44"].assert_eq(&error.to_string());
        assert!(error.is_not_found());
        assert_eq!(listed(), before);

        // The socket is good for the next one, and an empty batch asks for nothing.
        nftables.commit(Batch::new()).expect("nothing to do");
        let mut batch = Batch::new();
        batch.table(Family::Ipv4, "t").destroy();
        batch.table(Family::Ipv4, "never-there").destroy();
        nftables.commit(batch).expect("taken");
        assert_eq!(listed(), "");
        assert_eq!(nftables.tables().expect("listed"), []);
    });
}

#[test]
fn chains_sets_and_elements_go_again() {
    in_own_namespaces(|| async {
        let mut nftables = Nftables::open().expect("opens");
        let mut batch = Batch::new();
        let mut table = batch.table(Family::Ipv4, "t");
        table.add();
        table.add_chain(&Chain::regular("c"));
        table.add_set(&Set::new("front", &KEY).verdicts());
        table.add_set(&Set::new("other", &KEY));
        table.add_rule("c", &Rule::new().counter());
        let element = |last, to| Element::verdict(service(last, 80), &to);
        let drops = [1, 2].map(|last| element(last, Verdict::Drop));
        table.add_elements("front", drops);
        table.add_elements("other", [Element::key(service(1, 1))]);
        nftables.commit(batch).expect("taken");

        // New data for a key: deleted and added in one batch.
        let mut batch = Batch::new();
        let mut table = batch.table(Family::Ipv4, "t");
        table.delete_elements("front", [Element::key(service(1, 80))]);
        table.add_elements("front", [element(1, Verdict::Accept)]);
        table.flush_set("other");
        table.delete_set("other");
        table.delete_chain("c");
        nftables.commit(batch).expect("taken");
        expect![[r#"
            table ip t {
            	map front {
            		type ipv4_addr . inet_proto . inet_service : verdict
            		elements = { 10.43.0.1 . tcp . 80 : accept,
            			     10.43.0.2 . tcp . 80 : drop }
            	}
            }
        "#]]
        .assert_eq(&listed());
        assert_eq!(
            nftables.tables().expect("listed"),
            [(Family::Ipv4, "t".to_owned())]
        );
    });
}

#[test]
fn a_big_set_is_split_into_messages() {
    in_own_namespaces(|| async {
        let mut nftables = Nftables::open().expect("opens");
        let mut batch = Batch::new();
        let mut table = batch.table(Family::Ipv4, "t");
        table.add();
        table.add_set(&Set::new("front", &KEY).verdicts());
        let port = |number| service(1, number);
        let all = (1..=10_000).map(|number| Element::verdict(port(number), &Verdict::Drop));
        table.add_elements("front", all);
        nftables.commit(batch).expect("taken");
        assert_eq!(listed().matches(" : drop").count(), 10_000);
    });
}

#[test]
fn what_does_not_fit_is_an_error() {
    in_own_namespaces(|| async {
        let mut batch = Batch::new();
        let mut table = batch.table(Family::Ipv4, "t");
        let mut rule = Rule::new();
        for _ in 0..5000 {
            rule = rule.counter();
        }
        table.add_rule("c", &rule);
        let error = Nftables::open().expect("opens").commit(batch);
        expect!["nf_tables: add rule in c: longer than a netlink attribute can be"]
            .assert_eq(&error.expect_err("too long").to_string());
    });
}
