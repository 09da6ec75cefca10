//! Rules: the expressions the kernel evaluates one after another, until one does not match.

use std::net::Ipv4Addr;

use super::attributes::Attributes;
use super::set::SetRef;
use super::uapi::{LIST_ELEM, data, expression as nfta};
use super::verdict::Verdict;
use crate::cidr::Cidr;

/// One of the sixteen 4-byte registers that expressions pass values in.
///
/// A concatenated key lies in consecutive registers, each field beginning a register of its own:
/// an interface name takes four, everything shorter one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register(u32);

impl Register {
    /// The register that holds the verdict.
    const VERDICT: Self = Self(0);

    /// The register of that number, 0 to 15.
    #[must_use]
    pub const fn slot(number: u32) -> Self {
        assert!(number < 16, "nf_tables has sixteen 4-byte registers");
        // NFT_REG32_00
        Self(8 + number)
    }
}

/// Where in a packet an offset counts from.
#[derive(Clone, Copy, Debug)]
pub enum Base {
    Link = 0,
    Network = 1,
    Transport = 2,
}

/// Facts about a packet that are not in it. Values are the kernel's `nft_meta_keys`.
#[derive(Clone, Copy, Debug)]
pub enum Meta {
    /// EtherType, big endian.
    Protocol = 1,
    /// The packet mark, host endian.
    Mark = 3,
    /// Name of the interface it came in by, 16 bytes.
    InputName = 6,
    /// Name of the interface it leaves by, 16 bytes.
    OutputName = 7,
    /// The layer 4 protocol, one byte.
    L4Protocol = 16,
}

/// What connection tracking knows. Values are the kernel's `nft_ct_keys`.
#[derive(Clone, Copy, Debug)]
pub enum Conntrack {
    /// `CT_INVALID`, `CT_ESTABLISHED`, …: host-endian bits.
    State = 0,
    /// `CT_DNAT` and others: host-endian bits.
    Status = 2,
}

pub const CT_ESTABLISHED: u32 = 2;
pub const CT_RELATED: u32 = 4;
pub const CT_NEW: u32 = 8;
/// The bit of [`Conntrack::Status`] for a connection whose destination was rewritten.
pub const CT_DNAT: u32 = 32;

#[derive(Clone, Copy, Debug)]
pub enum Comparison {
    Equal = 0,
    NotEqual = 1,
}

/// What a rule does to a dynamic set.
#[derive(Clone, Copy, Debug)]
pub enum SetChange {
    Add = 0,
    Update = 1,
    Delete = 2,
}

/// Lengths and places in IPv4, ARP and transport headers.
const IPV4_SOURCE: u32 = 12;
const IPV4_DESTINATION: u32 = 16;
const ARP_SENDER: u32 = 14;
const DESTINATION_PORT: u32 = 2;
const IFNAMSIZ: usize = 16;
const RTN_LOCAL: u32 = 2;
const ICMP_PORT_UNREACHABLE: u8 = 3;
const NFPROTO_IPV4: u32 = 2;

/// A rule under construction: matches first, then statements.
#[derive(Clone, Debug, Default)]
pub struct Rule(Attributes);

/// Loads and single expressions.
impl Rule {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn push(mut self, name: &str, attributes: &Attributes) -> Self {
        let expression = Attributes::new()
            .text(nfta::NAME, name)
            .nested(nfta::DATA, attributes);
        self.0 = self.0.nested(LIST_ELEM, &expression);
        self
    }

    /// Loads `length` bytes of the packet.
    #[must_use]
    pub fn payload(self, base: Base, offset: u32, length: u32, to: Register) -> Self {
        let attributes = Attributes::new()
            .u32(nfta::PAYLOAD_DREG, to.0)
            .u32(nfta::PAYLOAD_BASE, base as u32)
            .u32(nfta::PAYLOAD_OFFSET, offset)
            .u32(nfta::PAYLOAD_LEN, length);
        self.push("payload", &attributes)
    }

    /// Loads the IPv4 source address.
    #[must_use]
    pub fn ip_source(self, to: Register) -> Self {
        self.payload(Base::Network, IPV4_SOURCE, 4, to)
    }

    /// Loads the IPv4 destination address.
    #[must_use]
    pub fn ip_destination(self, to: Register) -> Self {
        self.payload(Base::Network, IPV4_DESTINATION, 4, to)
    }

    /// Loads the IPv4 address that an ARP packet says it comes from.
    #[must_use]
    pub fn arp_sender(self, to: Register) -> Self {
        self.payload(Base::Network, ARP_SENDER, 4, to)
    }

    /// Loads the destination port of TCP, UDP or SCTP.
    #[must_use]
    pub fn destination_port(self, to: Register) -> Self {
        self.payload(Base::Transport, DESTINATION_PORT, 2, to)
    }

    #[must_use]
    pub fn meta(self, key: Meta, to: Register) -> Self {
        let attributes = Attributes::new()
            .u32(nfta::META_DREG, to.0)
            .u32(nfta::META_KEY, key as u32);
        self.push("meta", &attributes)
    }

    /// Writes a register into the packet's meta data.
    #[must_use]
    pub fn set_meta(self, key: Meta, from: Register) -> Self {
        let attributes = Attributes::new()
            .u32(nfta::META_KEY, key as u32)
            .u32(nfta::META_SREG, from.0);
        self.push("meta", &attributes)
    }

    #[must_use]
    pub fn conntrack(self, key: Conntrack, to: Register) -> Self {
        let attributes = Attributes::new()
            .u32(nfta::CT_DREG, to.0)
            .u32(nfta::CT_KEY, key as u32);
        self.push("ct", &attributes)
    }

    /// A random number below `modulus`, host endian.
    #[must_use]
    pub fn random(self, modulus: u32, to: Register) -> Self {
        let attributes = Attributes::new()
            .u32(nfta::NUMGEN_DREG, to.0)
            .u32(nfta::NUMGEN_MODULUS, modulus)
            .u32(nfta::NUMGEN_TYPE, nfta::NUMGEN_RANDOM)
            .u32(nfta::NUMGEN_OFFSET, 0);
        self.push("numgen", &attributes)
    }

    /// Loads a constant.
    #[must_use]
    pub fn immediate(self, to: Register, value: &[u8]) -> Self {
        let value = Attributes::new().bytes(data::VALUE, value);
        let attributes = Attributes::new()
            .u32(nfta::IMMEDIATE_DREG, to.0)
            .nested(nfta::IMMEDIATE_DATA, &value);
        self.push("immediate", &attributes)
    }

    #[must_use]
    pub fn compare(self, register: Register, comparison: Comparison, value: &[u8]) -> Self {
        let value = Attributes::new().bytes(data::VALUE, value);
        let attributes = Attributes::new()
            .u32(nfta::CMP_SREG, register.0)
            .u32(nfta::CMP_OP, comparison as u32)
            .nested(nfta::CMP_DATA, &value);
        self.push("cmp", &attributes)
    }

    /// `register = (register & mask) ^ xor`, four bytes.
    #[must_use]
    pub fn bitwise(self, register: Register, mask: [u8; 4], xor: [u8; 4]) -> Self {
        let attributes = Attributes::new()
            .u32(nfta::BITWISE_SREG, register.0)
            .u32(nfta::BITWISE_DREG, register.0)
            .u32(nfta::BITWISE_LEN, 4)
            .nested(
                nfta::BITWISE_MASK,
                &Attributes::new().bytes(data::VALUE, &mask),
            )
            .nested(
                nfta::BITWISE_XOR,
                &Attributes::new().bytes(data::VALUE, &xor),
            );
        self.push("bitwise", &attributes)
    }
}

/// Matches, in the words of `nft`.
impl Rule {
    /// `ip saddr CIDR`
    #[must_use]
    pub fn source_in(self, cidr: Cidr) -> Self {
        self.ip_source(Register::slot(0)).within(cidr)
    }

    /// `ip daddr CIDR`
    #[must_use]
    pub fn destination_in(self, cidr: Cidr) -> Self {
        self.ip_destination(Register::slot(0)).within(cidr)
    }

    /// The address in register 0 is in `cidr`.
    fn within(self, cidr: Cidr) -> Self {
        let register = Register::slot(0);
        self.bitwise(register, cidr.mask().octets(), [0; 4])
            .compare(register, Comparison::Equal, &cidr.network().octets())
    }

    /// `ip saddr ADDRESS`
    #[must_use]
    pub fn source_is(self, address: Ipv4Addr) -> Self {
        let register = Register::slot(0);
        self.ip_source(register)
            .compare(register, Comparison::Equal, &address.octets())
    }

    /// `iifname NAME`
    #[must_use]
    pub fn input(self, name: &str) -> Self {
        let register = Register::slot(0);
        self.meta(Meta::InputName, register).compare(
            register,
            Comparison::Equal,
            &interface_name(name),
        )
    }

    /// `iifname != "PREFIX*"`
    #[must_use]
    pub fn input_without_prefix(self, prefix: &str) -> Self {
        let register = Register::slot(0);
        self.meta(Meta::InputName, register).compare(
            register,
            Comparison::NotEqual,
            prefix.as_bytes(),
        )
    }

    /// `oifname NAME`
    #[must_use]
    pub fn output(self, name: &str) -> Self {
        let register = Register::slot(0);
        self.meta(Meta::OutputName, register).compare(
            register,
            Comparison::Equal,
            &interface_name(name),
        )
    }

    /// `meta protocol ETHERTYPE`
    #[must_use]
    pub fn ethertype(self, ethertype: u16) -> Self {
        let register = Register::slot(0);
        self.meta(Meta::Protocol, register).compare(
            register,
            Comparison::Equal,
            &ethertype.to_be_bytes(),
        )
    }

    /// `meta l4proto PROTOCOL`
    #[must_use]
    pub fn l4_protocol_is(self, protocol: u8) -> Self {
        let register = Register::slot(0);
        self.meta(Meta::L4Protocol, register)
            .compare(register, Comparison::Equal, &[protocol])
    }

    /// `ct state A,B`: any of the bits.
    #[must_use]
    pub fn state_any(self, states: u32) -> Self {
        self.conntrack_any(Conntrack::State, states)
    }

    /// `ct status A,B`: any of the bits.
    #[must_use]
    pub fn status_any(self, bits: u32) -> Self {
        self.conntrack_any(Conntrack::Status, bits)
    }

    fn conntrack_any(self, key: Conntrack, bits: u32) -> Self {
        self.conntrack(key, Register::slot(0)).bits_any(bits)
    }

    /// `meta mark & BITS != 0`
    #[must_use]
    pub fn mark_any(self, bits: u32) -> Self {
        self.meta(Meta::Mark, Register::slot(0)).bits_any(bits)
    }

    /// The host-endian number in register 0 has some of `bits`.
    fn bits_any(self, bits: u32) -> Self {
        let register = Register::slot(0);
        self.bitwise(register, bits.to_ne_bytes(), [0; 4]).compare(
            register,
            Comparison::NotEqual,
            &[0; 4],
        )
    }

    /// `fib daddr type local`
    #[must_use]
    pub fn destination_is_local(self) -> Self {
        let register = Register::slot(0);
        let attributes = Attributes::new()
            .u32(nfta::FIB_DREG, register.0)
            .u32(nfta::FIB_RESULT, nfta::FIB_RESULT_ADDRTYPE)
            .u32(nfta::FIB_FLAGS, nfta::FIB_FLAG_DADDR);
        self.push("fib", &attributes)
            .compare(register, Comparison::Equal, &RTN_LOCAL.to_ne_bytes())
    }

    /// The key beginning at `key` is in the set.
    #[must_use]
    pub fn is_in(self, set: impl Into<SetRef>, key: Register) -> Self {
        let attributes = lookup(&set.into(), key);
        self.push("lookup", &attributes)
    }

    /// The key beginning at `key` is not in the set.
    #[must_use]
    pub fn is_not_in(self, set: impl Into<SetRef>, key: Register) -> Self {
        let attributes = lookup(&set.into(), key).u32(nfta::LOOKUP_FLAGS, nfta::LOOKUP_INVERT);
        self.push("lookup", &attributes)
    }
}

/// Statements.
impl Rule {
    #[must_use]
    pub fn verdict(self, verdict: &Verdict) -> Self {
        let attributes = Attributes::new()
            .u32(nfta::IMMEDIATE_DREG, Register::VERDICT.0)
            .nested(nfta::IMMEDIATE_DATA, &verdict.encode());
        self.push("immediate", &attributes)
    }

    /// Loads what the map holds for the key; a key that is missing ends the rule.
    #[must_use]
    pub fn map(self, map: impl Into<SetRef>, key: Register, to: Register) -> Self {
        let attributes = lookup(&map.into(), key).u32(nfta::LOOKUP_DREG, to.0);
        self.push("lookup", &attributes)
    }

    /// Does what the map says for the key; a key that is missing ends the rule.
    #[must_use]
    pub fn verdict_map(self, map: impl Into<SetRef>, key: Register) -> Self {
        self.map(map, key, Register::VERDICT)
    }

    /// Adds the key beginning at `key` to a dynamic set, or renews or deletes it. A map needs
    /// `value`, even to delete.
    #[must_use]
    pub fn change_set(
        self,
        set: &str,
        change: SetChange,
        key: Register,
        value: Option<Register>,
        timeout: Option<std::time::Duration>,
    ) -> Self {
        let mut attributes = Attributes::new()
            .text(nfta::DYNSET_SET_NAME, set)
            .u32(nfta::DYNSET_OP, change as u32)
            .u32(nfta::DYNSET_SREG_KEY, key.0);
        if let Some(value) = value {
            attributes = attributes.u32(nfta::DYNSET_SREG_DATA, value.0);
        }
        if let Some(timeout) = timeout {
            let milliseconds = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
            attributes = attributes.u64(nfta::DYNSET_TIMEOUT, milliseconds);
        }
        self.push("dynset", &attributes)
    }

    /// `meta mark set meta mark & KEEP ^ FLIP`
    #[must_use]
    pub fn change_mark(self, keep: u32, flip: u32) -> Self {
        let register = Register::slot(0);
        self.meta(Meta::Mark, register)
            .bitwise(register, keep.to_ne_bytes(), flip.to_ne_bytes())
            .set_meta(Meta::Mark, register)
    }

    /// `dnat ip to ADDRESS:PORT`, both from registers.
    #[must_use]
    pub fn dnat(self, address: Register, port: Register) -> Self {
        let attributes = Attributes::new()
            .u32(nfta::NAT_TYPE, nfta::NAT_DNAT)
            .u32(nfta::NAT_FAMILY, NFPROTO_IPV4)
            .u32(nfta::NAT_REG_ADDR_MIN, address.0)
            .u32(nfta::NAT_REG_PROTO_MIN, port.0);
        self.push("nat", &attributes)
    }

    /// `masquerade fully-random`
    #[must_use]
    pub fn masquerade(self) -> Self {
        let attributes = Attributes::new().u32(nfta::MASQ_FLAGS, nfta::RANDOM_FULLY);
        self.push("masq", &attributes)
    }

    /// `reject`: TCP callers read it as a refused connection.
    #[must_use]
    pub fn reject(self) -> Self {
        let attributes = Attributes::new()
            .u32(nfta::REJECT_TYPE, nfta::REJECT_ICMP_UNREACH)
            .u8(nfta::REJECT_ICMP_CODE, ICMP_PORT_UNREACHABLE);
        self.push("reject", &attributes)
    }

    /// Counts packets and bytes that come this far.
    #[must_use]
    pub fn counter(self) -> Self {
        self.push("counter", &Attributes::new())
    }

    pub(super) fn attributes(&self) -> &Attributes {
        &self.0
    }
}

fn lookup(set: &SetRef, key: Register) -> Attributes {
    let attributes = Attributes::new()
        .text(nfta::LOOKUP_SET, set.name())
        .u32(nfta::LOOKUP_SREG, key.0);
    match set.id() {
        Some(id) => attributes.u32(nfta::LOOKUP_SET_ID, id),
        None => attributes,
    }
}

/// A name as the kernel compares it: 16 bytes, the rest zero.
#[must_use]
pub fn interface_name(name: &str) -> [u8; IFNAMSIZ] {
    let mut padded = [0; IFNAMSIZ];
    let length = name.len().min(IFNAMSIZ - 1);
    padded[..length].copy_from_slice(&name.as_bytes()[..length]);
    padded
}
