//! Addresses and networks, with upstream's texts.

use std::net::IpAddr;

use super::formats::{Checked, ip, parse_ip};

const CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

/// A network: its address and how many bits of it count.
pub(crate) fn parse_cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/')?;
    let address = parse_ip(address)?;
    let bits: u8 = bits.parse().ok()?;
    (bits <= width(address)).then_some((address, bits))
}

fn width(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

/// A network of either family; leading zeros of IPv4 parts pass.
pub(crate) fn cidr(text: &str) -> Checked {
    parse_cidr(text).map(drop).ok_or_else(|| CIDR.to_owned())
}

/// A network in the one way to write it.
pub(crate) fn strict_cidr(text: &str) -> Checked {
    let Some((address, bits)) = parse_cidr(text) else {
        return Err(CIDR.to_owned());
    };
    let Some((written, prefix)) = text.split_once('/') else {
        return Err(CIDR.to_owned());
    };
    strict_ip_form(written)?;
    let masked = mask(address, bits);
    if masked != address {
        return Err("must not have bits set beyond the prefix length".to_owned());
    }
    let canonical = format!("{masked}/{bits}");
    if written != address.to_string() || prefix != bits.to_string() {
        return Err(format!("must be in canonical form (\"{canonical}\")"));
    }
    Ok(())
}

/// An address in the one way to write it.
pub(crate) fn strict_ip(text: &str) -> Checked {
    ip(text)?;
    strict_ip_form(text)?;
    match parse_ip(text) {
        Some(address) if address.to_string() != text => {
            Err(format!("must be in canonical form (\"{address}\")"))
        }
        _ => Ok(()),
    }
}

fn strict_ip_form(text: &str) -> Checked {
    if text.parse::<IpAddr>().is_err() {
        return Err("must not have leading 0s".to_owned());
    }
    match parse_ip(text) {
        Some(IpAddr::V6(ip)) if ip.to_ipv4_mapped().is_some() => {
            Err("must not be an IPv4-mapped IPv6 address".to_owned())
        }
        _ => Ok(()),
    }
}

/// The bits that count, the others zero.
fn mask(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(ip) => {
            let kept = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((u32::from(ip) & kept).into())
        }
        IpAddr::V6(ip) => {
            let kept = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6((u128::from(ip) & kept).into())
        }
    }
}

/// Whether a network lies in another and is smaller.
pub(crate) fn is_strictly_inside(inner: (IpAddr, u8), outer: (IpAddr, u8)) -> bool {
    inner.0.is_ipv4() == outer.0.is_ipv4()
        && outer.1 < inner.1
        && mask(inner.0, outer.1) == mask(outer.0, outer.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let rows = [
            ("10.0.0.0/8", ""),
            ("2001:db8::/64", ""),
            (
                "10.0.0.1/8",
                "must not have bits set beyond the prefix length",
            ),
            ("010.0.0.0/8", "must not have leading 0s"),
            (
                "::ffff:10.0.0.0/104",
                "must not be an IPv4-mapped IPv6 address",
            ),
            (
                "2001:DB8::/64",
                "must be in canonical form (\"2001:db8::/64\")",
            ),
            ("10.0.0.0/33", CIDR),
            ("10.0.0.0", CIDR),
        ];
        for (text, expected) in rows {
            assert_eq!(
                strict_cidr(text).err().unwrap_or_default(),
                expected,
                "{text}"
            );
        }
        let inside = |inner, outer| {
            let both = parse_cidr(inner).zip(parse_cidr(outer));
            both.is_some_and(|(inner, outer)| is_strictly_inside(inner, outer))
        };
        assert!(inside("10.1.0.0/16", "10.0.0.0/8"));
        assert!(!inside("10.0.0.0/8", "10.0.0.0/8"));
        assert!(!inside("11.0.0.0/16", "10.0.0.0/8"));
        assert!(inside("10.0.0.0/8", "0.0.0.0/0"));
    }
}
