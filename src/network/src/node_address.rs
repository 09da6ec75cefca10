//! Which of the host's addresses is the node's.

use std::net::{IpAddr, Ipv4Addr};

use crate::links::{Address, DefaultRoute, Link, Links};
use crate::options::NetworkOptions;
use crate::pod::Result;

/// The node's address: the source of the default route; else the first global address of an
/// interface that is up and not the pod network's; else the bridge's.
///
/// # Errors
/// [`crate::Error::Links`]
pub async fn node_address(options: &NetworkOptions) -> Result<IpAddr> {
    let host = Host::survey().await?;
    let address = host.node_address(&options.bridge);
    Ok(IpAddr::V4(address.unwrap_or(options.pod_cidr.gateway())))
}

/// The host's interfaces, addresses and default routes at one time.
pub(crate) struct Host {
    links: Vec<Link>,
    addresses: Vec<Address>,
    default_routes: Vec<DefaultRoute>,
}

impl Host {
    pub(crate) async fn survey() -> Result<Self> {
        let links = Links::here()?;
        let host = Self {
            links: links.all().await?,
            addresses: links.addresses().await?,
            default_routes: links.default_routes().await?,
        };
        links.close().await;
        Ok(host)
    }

    fn link(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// The MTU towards the world.
    pub(crate) fn mtu(&self) -> Option<u32> {
        let route = self.default_routes.first()?;
        Some(self.link(route.interface)?.mtu)
    }

    fn node_address(&self, bridge: &str) -> Option<Ipv4Addr> {
        let bridge = self.links.iter().find(|link| link.name == bridge);
        let bridge = bridge.map(|link| link.index);
        let usable = |link: &&Link| {
            let ours =
                Some(link.index) == bridge || (bridge.is_some() && link.controller == bridge);
            link.up && !link.loopback && !ours
        };
        let routed = self.default_routes.iter().find_map(|route| {
            self.link(route.interface).filter(usable)?;
            self.source_of(route)
        });
        routed.or_else(|| {
            let mut links = self.links.iter().filter(usable);
            links.find_map(|link| self.global(link.index).next())
        })
    }

    /// The interface's addresses that the world may answer to.
    fn global(&self, interface: u32) -> impl Iterator<Item = Ipv4Addr> + '_ {
        let addresses = self.addresses.iter();
        let global = addresses.filter(move |address| {
            address.interface == interface && address.global && !address.secondary
        });
        global.map(|address| address.address)
    }

    /// As the kernel chooses it: the route's own; else of the gateway's range; else the first.
    fn source_of(&self, route: &DefaultRoute) -> Option<Ipv4Addr> {
        let beside_gateway = self.addresses.iter().find(|address| {
            address.interface == route.interface
                && address.global
                && route
                    .gateway
                    .is_some_and(|gateway| same_range(gateway, address))
        });
        route
            .source
            .or(beside_gateway.map(|address| address.address))
            .or_else(|| self.global(route.interface).next())
    }
}

fn same_range(other: Ipv4Addr, address: &Address) -> bool {
    let different = u32::from(other) ^ u32::from(address.address);
    different.leading_zeros() >= u32::from(address.prefix)
}
