//! The pod network's nftables: who is masqueraded, who may speak as whom.

use std::sync::{Arc, Mutex, PoisonError};

use crate::cidr::Cidr;
use crate::ledger::Record;
use crate::nftables::{
    Batch, CT_ESTABLISHED, CT_RELATED, Chain, ChainType, DataType, Element, Error, Family, Hook,
    InTable, Meta, Nftables, Register, Rule, Set, Value, Verdict, priority,
};
use crate::options::NetworkOptions;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// Host interface and address of each pod, in the bridge's table.
const SOURCES: &str = "sources";
/// Destinations that see a pod's own address.
const INSIDE: &str = "inside";

/// The rules, and the socket to change them by.
#[derive(Clone, Debug)]
pub struct Rules {
    options: Arc<NetworkOptions>,
    socket: Arc<Mutex<Nftables>>,
}

impl Rules {
    /// Opens the socket in the calling thread's network namespace; changes nothing yet.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn open(options: Arc<NetworkOptions>) -> Result<Self, Error> {
        let socket = Arc::new(Mutex::new(Nftables::open()?));
        Ok(Self { options, socket })
    }

    /// Blocks for some microseconds; the kernel answers at once.
    fn commit(&self, batch: Batch) -> Result<(), Error> {
        // A panic in the middle of a commit leaves at most unread answers, which are drained.
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        socket.commit(batch)
    }

    /// Makes both tables so, whatever they were; running traffic sees no gap.
    ///
    /// # Errors
    /// [`Error::Refused`]
    pub fn install(&self, pods: &[Record]) -> Result<(), Error> {
        let mut batch = Batch::new();
        let options = &self.options;
        routed(&mut batch.table(Family::Ipv4, &options.table), options);
        bridged(&mut batch.table(Family::Bridge, &options.table), pods);
        self.commit(batch)
    }

    /// Lets a pod's packets in. `all` are the pods to install where somebody flushed the tables.
    ///
    /// # Errors
    /// [`Error::Refused`]
    pub fn admit(&self, pod: &Record, all: impl FnOnce() -> Vec<Record>) -> Result<(), Error> {
        let mut batch = Batch::new();
        let mut table = batch.table(Family::Bridge, &self.options.table);
        table.add_elements(SOURCES, [source(pod)]);
        match self.commit(batch) {
            Err(error) if error.is_not_found() => self.install(&all()),
            other => other,
        }
    }

    /// Stops a pod's packets, if they were let in.
    ///
    /// # Errors
    /// [`Error::Refused`]
    pub fn expel(&self, pod: &Record) -> Result<(), Error> {
        let mut batch = Batch::new();
        let mut table = batch.table(Family::Bridge, &self.options.table);
        table.delete_elements(SOURCES, [source(pod)]);
        match self.commit(batch) {
            Err(error) if error.is_not_found() => Ok(()),
            other => other,
        }
    }

    /// Removes both tables.
    ///
    /// # Errors
    /// [`Error::Refused`]
    pub fn remove(&self) -> Result<(), Error> {
        let mut batch = Batch::new();
        for family in [Family::Ipv4, Family::Bridge] {
            batch.table(family, &self.options.table).destroy();
        }
        self.commit(batch)
    }
}

/// What is routed: from pod to pod unchanged, from pods to the world in the host's name.
fn routed(table: &mut InTable<'_>, options: &NetworkOptions) {
    table.replace();
    table.add_set(&Set::new(INSIDE, &[DataType::IPV4_ADDRESS]).intervals());
    let multicast: Cidr = "224.0.0.0/4".parse().expect("a constant range");
    for cidr in [options.cluster_cidr, multicast] {
        table.add_elements(INSIDE, Element::cidr(cidr));
    }

    let raw = Chain::base("raw", ChainType::Filter, Hook::Prerouting, priority::RAW);
    let forward = Chain::base(
        "forward",
        ChainType::Filter,
        Hook::Forward,
        priority::FILTER,
    );
    let postrouting = Chain::base(
        "postrouting",
        ChainType::Nat,
        Hook::Postrouting,
        priority::SRCNAT,
    );
    for chain in [&raw, &forward, &postrouting] {
        table.add_chain(chain);
    }

    // The host's own loopback is out of reach even where route_localnet is set.
    let loopback: Cidr = "127.0.0.0/8".parse().expect("a constant range");
    let rule = Rule::new().input(&options.bridge);
    let rule = rule.destination_in(loopback).verdict(&Verdict::Drop);
    table.add_rule(raw.name(), &rule);

    for rule in [
        Rule::new().state_any(CT_ESTABLISHED | CT_RELATED),
        Rule::new().input(&options.bridge),
        Rule::new().output(&options.bridge),
    ] {
        table.add_rule(forward.name(), &rule.verdict(&Verdict::Accept));
    }

    let key = Register::slot(0);
    let rule = Rule::new()
        .source_in(options.pod_cidr)
        .ip_destination(key)
        .is_not_in(INSIDE, key)
        .masquerade();
    table.add_rule(postrouting.name(), &rule);
}

/// What comes in by a pod's port: IPv4 and ARP that name the pod's own address as the source, and
/// nothing else. Other bridges' ports are none of our business.
fn bridged(table: &mut InTable<'_>, pods: &[Record]) {
    table.replace();
    let key = [DataType::INTERFACE_NAME, DataType::IPV4_ADDRESS];
    table.add_set(&Set::new(SOURCES, &key));
    table.add_elements(SOURCES, pods.iter().map(source));
    let chain = Chain::base(
        "prerouting",
        ChainType::Filter,
        Hook::Prerouting,
        priority::BRIDGE_FILTER,
    );
    table.add_chain(&chain);

    // An interface's name fills four registers.
    let (key, address) = (Register::slot(0), Register::slot(4));
    let foreign = Rule::new().input_without_prefix(crate::PORT_PREFIX);
    // Pods have no IPv6 addresses; their kernels still call for neighbours and routers.
    let ipv6 = Rule::new().ethertype(ETHERTYPE_IPV6);
    let ipv4 = Rule::new()
        .ethertype(ETHERTYPE_IPV4)
        .meta(Meta::InputName, key)
        .ip_source(address)
        .is_in(SOURCES, key);
    let arp = Rule::new()
        .ethertype(ETHERTYPE_ARP)
        .meta(Meta::InputName, key)
        .arp_sender(address)
        .is_in(SOURCES, key);
    for rule in [
        foreign.verdict(&Verdict::Return),
        ipv6.verdict(&Verdict::Drop),
        ipv4.verdict(&Verdict::Accept),
        arp.verdict(&Verdict::Accept),
        Rule::new().counter().verdict(&Verdict::Drop),
    ] {
        table.add_rule(chain.name(), &rule);
    }
}

fn source(pod: &Record) -> Element {
    let key = Value::new().interface(&pod.interface).address(pod.address);
    Element::key(key)
}
