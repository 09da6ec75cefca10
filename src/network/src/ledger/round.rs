//! Which address comes next.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use crate::cidr::Cidr;

/// Whether pods may have `address`: not the network's, the bridge's or the broadcast address.
pub fn is_pod_address(cidr: Cidr, address: Ipv4Addr) -> bool {
    let (first, last) = cidr.pods();
    (first..=last).contains(&address)
}

/// The first address behind `after` that nobody has, going round the range once.
pub fn next(cidr: Cidr, taken: &BTreeSet<Ipv4Addr>, after: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
    let (first, last) = cidr.pods();
    let (first, last) = (u32::from(first), u32::from(last));
    let start = after
        .filter(|after| is_pod_address(cidr, *after))
        .map_or(first, |after| u32::from(after) + 1);
    (start..=last)
        .chain(first..start)
        .map(Ipv4Addr::from)
        .find(|address| !taken.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_go_round() {
        let cidr: Cidr = "10.0.0.0/29".parse().expect("valid");
        let ip = |last| Ipv4Addr::new(10, 0, 0, last);
        let cases: [(&[u8], Option<u8>, Option<u8>); 8] = [
            (&[], None, Some(2)),
            (&[], Some(2), Some(3)),
            (&[3, 4], Some(2), Some(5)),
            (&[], Some(6), Some(2)),
            (&[2, 3, 5, 6], Some(6), Some(4)),
            (&[2, 3, 4, 5, 6], Some(4), None),
            // The last owner of the address itself is the last resort.
            (&[2, 3, 4, 6], Some(5), Some(5)),
            // A cursor from another range.
            (&[], Some(200), Some(2)),
        ];
        for (taken, after, expected) in cases {
            let set = taken.iter().map(|last| ip(*last)).collect();
            let found = next(cidr, &set, after.map(ip));
            assert_eq!(found, expected.map(ip), "{taken:?} after {after:?}");
        }
    }
}
