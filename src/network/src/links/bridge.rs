//! The host's side: the bridge with the pods' gateway address.

use std::net::{IpAddr, Ipv4Addr};

use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::RouteScope;
use rtnetlink::{LinkBridge, LinkMessageBuilder, LinkUnspec, RouteMessageBuilder};

use super::{Error, Link, Links, during, errno, unless_gone};
use crate::cidr::Cidr;
use crate::mac::Mac;

/// The bridge as it shall be.
#[derive(Debug)]
pub struct BridgePlan<'a> {
    pub name: &'a str,
    /// The pods behind it. Its gateway address is the bridge's, with the range's prefix length,
    /// so that the host routes the range to the bridge.
    pub pods: Cidr,
    pub mtu: u32,
}

impl Links {
    /// Makes the bridge, or makes an existing one so; gives its index.
    ///
    /// # Errors
    /// [`Error::NotABridge`], [`Error::Request`]
    pub async fn ensure_bridge(&self, plan: &BridgePlan<'_>) -> Result<u32, Error> {
        let BridgePlan { name, pods, mtu } = *plan;
        let index = self.bridge_index(name).await?;
        // A fixed hardware address: a bridge without takes the lowest of its ports', and changes
        // it under the pods' feet as pods come and go.
        let message = LinkMessageBuilder::<LinkUnspec>::new()
            .index(index)
            .address(Mac::of(pods.gateway()).0.to_vec())
            .mtu(mtu)
            .up()
            .build();
        let links = self.handle.link();
        links
            .change(message)
            .execute()
            .await
            .map_err(during(format!("configure bridge {name}")))?;
        self.handle
            .address()
            .add(index, IpAddr::V4(pods.gateway()), pods.prefix())
            .replace()
            .execute()
            .await
            .map_err(during(format!("give {} to bridge {name}", pods.gateway())))?;
        Ok(index)
    }

    async fn bridge_index(&self, name: &str) -> Result<u32, Error> {
        if self.find(name).await?.is_none() {
            let message = LinkBridge::new(name).down().build();
            match self.handle.link().add(message).execute().await {
                Err(error) if errno(&error) == libc::EEXIST => {}
                other => other.map_err(during(format!("add bridge {name}")))?,
            }
        }
        let name = name.to_owned();
        match self.find(&name).await? {
            Some(link) if link.is_bridge => Ok(link.index),
            Some(_) => Err(Error::NotABridge { name }),
            None => Err(Error::Vanished { name }),
        }
    }

    /// Routes a range of virtual addresses to the interface. Without a route, a host that has no
    /// default route gives up on such an address before any rule can rewrite it.
    ///
    /// # Errors
    /// [`Error::Request`]
    pub async fn route_to(&self, cidr: Cidr, interface: u32) -> Result<(), Error> {
        let message = RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(cidr.network(), cidr.prefix())
            .output_interface(interface)
            .scope(RouteScope::Link)
            .build();
        self.handle
            .route()
            .add(message)
            .replace()
            .execute()
            .await
            .map_err(during(format!("route {cidr} to the bridge")))
    }

    /// Fixes the hardware address behind an IPv4 address, so that no forged ARP moves it.
    ///
    /// # Errors
    /// [`Error::Request`]
    pub async fn fix_neighbour(
        &self,
        interface: u32,
        address: Ipv4Addr,
        mac: Mac,
    ) -> Result<(), Error> {
        self.handle
            .neighbours()
            .add(interface, IpAddr::V4(address))
            .state(NeighbourState::Permanent)
            .link_layer_address(&mac.0)
            .replace()
            .execute()
            .await
            .map_err(during(format!("fix the neighbour {address}")))
    }

    /// Undoes [`Links::fix_neighbour`], if there is anything to undo.
    ///
    /// # Errors
    /// [`Error::Request`]
    pub async fn forget_neighbour(&self, interface: u32, address: Ipv4Addr) -> Result<(), Error> {
        let mut message = NeighbourMessage::default();
        message.header.family = netlink_packet_route::AddressFamily::Inet;
        message.header.ifindex = interface;
        let destination = NeighbourAddress::Inet(address);
        message
            .attributes
            .push(NeighbourAttribute::Destination(destination));
        unless_gone(self.handle.neighbours().del(message).execute().await)
            .map_err(during(format!("forget the neighbour {address}")))
    }

    /// The ports of a bridge.
    ///
    /// # Errors
    /// [`Error::Request`]
    pub async fn ports(&self, bridge: u32) -> Result<Vec<Link>, Error> {
        let mut links = self.all().await?;
        links.retain(|link| link.controller == Some(bridge));
        Ok(links)
    }
}
