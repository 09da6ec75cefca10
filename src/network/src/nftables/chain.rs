//! Tables' families and the chains in them.

use super::attributes::Attributes;
use super::uapi::chain as nfta;

/// Which packets a table sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    Ipv4 = 2,
    Bridge = 7,
}

impl Family {
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Ipv4 => 2,
            Self::Bridge => 7,
        }
    }

    /// The family of that number, if it is one of ours.
    pub(super) fn from_number(number: u8) -> Option<Self> {
        [Self::Ipv4, Self::Bridge]
            .into_iter()
            .find(|family| family.number() == number)
    }
}

/// Where in a packet's way a base chain sits. The numbers are the same for IPv4 and bridges.
#[derive(Clone, Copy, Debug)]
pub enum Hook {
    Prerouting = 0,
    Input = 1,
    Forward = 2,
    Output = 3,
    Postrouting = 4,
}

/// What a base chain may do.
#[derive(Clone, Copy, Debug)]
pub enum ChainType {
    Filter,
    Nat,
}

/// Priorities by nft's names for the IPv4 family.
pub mod priority {
    pub const RAW: i32 = -300;
    pub const DSTNAT: i32 = -100;
    pub const FILTER: i32 = 0;
    pub const SRCNAT: i32 = 100;
    /// `filter` of the bridge family.
    pub const BRIDGE_FILTER: i32 = -200;
}

/// A chain: regular ones are reached by jumps, base chains by a hook; these accept what no rule
/// decides.
#[derive(Clone, Debug)]
pub struct Chain {
    name: String,
    base: Option<(ChainType, Hook, i32)>,
}

impl Chain {
    #[must_use]
    pub fn regular(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { name, base: None }
    }

    #[must_use]
    pub fn base(name: impl Into<String>, kind: ChainType, hook: Hook, priority: i32) -> Self {
        Self {
            name: name.into(),
            base: Some((kind, hook, priority)),
        }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn encode(&self, table: &str) -> Attributes {
        let attributes = Attributes::new()
            .text(nfta::TABLE, table)
            .text(nfta::NAME, &self.name);
        let Some((kind, hook, priority)) = self.base else {
            return attributes;
        };
        let hook = Attributes::new()
            .u32(nfta::HOOK_HOOKNUM, hook as u32)
            .i32(nfta::HOOK_PRIORITY, priority);
        let kind = match kind {
            ChainType::Filter => "filter",
            ChainType::Nat => "nat",
        };
        // NF_ACCEPT
        let accept = 1;
        attributes
            .nested(nfta::HOOK, &hook)
            .u32(nfta::POLICY, accept)
            .text(nfta::TYPE, kind)
    }
}
