//! IPv4 address ranges.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// A range such as `10.42.0.0/24`: at most /30, its host bits zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr {
    network: Ipv4Addr,
    prefix: u8,
}

/// The text is not a range this network can use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?}: {reason}")]
pub struct ParseError {
    text: String,
    reason: &'static str,
}

impl Cidr {
    /// The range of `prefix` leading bits that `network` begins.
    ///
    /// # Errors
    /// The reason why there is no such range.
    pub fn new(network: Ipv4Addr, prefix: u8) -> Result<Self, &'static str> {
        if !(1..=30).contains(&prefix) {
            return Err("the prefix length must be 1 to 30");
        }
        let cidr = Self { network, prefix };
        if u32::from(network) & !u32::from(cidr.mask()) != 0 {
            return Err("bits behind the prefix are set");
        }
        Ok(cidr)
    }

    #[must_use]
    pub fn network(self) -> Ipv4Addr {
        self.network
    }

    #[must_use]
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    #[must_use]
    pub fn mask(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::MAX << (32 - u32::from(self.prefix)))
    }

    /// The last address.
    #[must_use]
    pub fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.network) | !u32::from(self.mask()))
    }

    /// The first address behind the network's own: the bridge's, which pods route by.
    #[must_use]
    pub fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.network) + 1)
    }

    /// First and last address a pod may have.
    #[must_use]
    pub fn pods(self) -> (Ipv4Addr, Ipv4Addr) {
        (
            Ipv4Addr::from(u32::from(self.network) + 2),
            Ipv4Addr::from(u32::from(self.broadcast()) - 1),
        )
    }

    #[must_use]
    pub fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address) & u32::from(self.mask()) == u32::from(self.network)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

impl FromStr for Cidr {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = |reason| ParseError {
            text: text.to_owned(),
            reason,
        };
        let (network, prefix) = text
            .split_once('/')
            .ok_or_else(|| error("has no prefix length"))?;
        let network = network
            .parse()
            .map_err(|_| error("is not an IPv4 address; pods have IPv4 addresses only"))?;
        let prefix = prefix
            .parse()
            .map_err(|_| error("the prefix length is not a number"))?;
        Self::new(network, prefix).map_err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn ranges_are_read_or_refused_in_words() {
        let texts = [
            "10.42.0.0/24",
            "10.42.0.0/30",
            "0.0.0.0/1",
            "10.42.0.1/24",
            "10.42.0.0/31",
            "10.42.0.0/0",
            "10.42.0.0",
            "fd00::/64",
            "10.42.0.0/x",
        ];
        let lines: Vec<_> = texts.map(describe).to_vec();
        expect![[r#"
            10.42.0.0/24: gateway 10.42.0.1, pods 10.42.0.2 to 10.42.0.254
            10.42.0.0/30: gateway 10.42.0.1, pods 10.42.0.2 to 10.42.0.2
            0.0.0.0/1: gateway 0.0.0.1, pods 0.0.0.2 to 127.255.255.254
            "10.42.0.1/24": bits behind the prefix are set
            "10.42.0.0/31": the prefix length must be 1 to 30
            "10.42.0.0/0": the prefix length must be 1 to 30
            "10.42.0.0": has no prefix length
            "fd00::/64": is not an IPv4 address; pods have IPv4 addresses only
            "10.42.0.0/x": the prefix length is not a number
        "#]]
        .assert_eq(&(lines.join("\n") + "\n"));
    }

    fn describe(text: &str) -> String {
        match text.parse::<Cidr>() {
            Ok(cidr) => {
                let (first, last) = cidr.pods();
                let gateway = cidr.gateway();
                format!("{cidr}: gateway {gateway}, pods {first} to {last}")
            }
            Err(error) => error.to_string(),
        }
    }
}
