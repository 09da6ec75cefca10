//! A pod's interface: `eth0` inside, a port of the bridge outside.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, OwnedFd};

use netlink_packet_route::link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkMessage};
use netlink_packet_route::neighbour::{NeighbourFlags, NeighbourState};
use netlink_packet_route::route::RouteScope;
use rtnetlink::{LinkBridgePort, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder};

use super::{Error, Links, during};
use crate::mac::Mac;

/// The pod's end of its interface.
pub const POD_INTERFACE: &str = "eth0";
const LOOPBACK: u32 = 1;

/// Both ends as they shall be.
#[derive(Debug)]
pub struct PortPlan<'a> {
    /// The host's end.
    pub name: &'a str,
    pub bridge: u32,
    pub mtu: u32,
    pub mac: Mac,
    pub address: Ipv4Addr,
    pub gateway: Ipv4Addr,
}

impl Links {
    /// Makes the two ends in one message: the host's a port of the bridge, still down, and the
    /// pod's born in its namespace. Gives the index of the host's.
    ///
    /// # Errors
    /// [`Error::Request`]
    pub async fn add_port(&self, plan: &PortPlan<'_>, namespace: &OwnedFd) -> Result<u32, Error> {
        let mut peer = LinkMessage::default();
        peer.attributes = vec![
            LinkAttribute::IfName(POD_INTERFACE.to_owned()),
            LinkAttribute::NetNsFd(namespace.as_raw_fd()),
            LinkAttribute::Mtu(plan.mtu),
            LinkAttribute::Address(plan.mac.0.to_vec()),
        ];
        let message = LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth)
            .name(plan.name)
            .mtu(plan.mtu)
            .controller(plan.bridge)
            .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
            .build();
        self.handle
            .link()
            .add(message)
            .execute()
            .await
            .map_err(during(format!("add interface {}", plan.name)))?;
        match self.find(plan.name).await? {
            Some(link) => Ok(link.index),
            None => Err(Error::Vanished {
                name: plan.name.to_owned(),
            }),
        }
    }

    /// Fences the port in, then lets it up.
    ///
    /// Isolated: frames go to the bridge itself and to no other port, so all traffic between pods
    /// is routed, and rules for Services and policies see it even where `bridge-nf-call-iptables`
    /// is 0. The bridge learns nothing from the pod's frames and floods it with none: where its
    /// hardware address is, is fixed.
    ///
    /// # Errors
    /// [`Error::Request`]
    pub async fn open_port(&self, port: u32, plan: &PortPlan<'_>) -> Result<(), Error> {
        let fences = LinkBridgePort::new(port)
            .isolated(true)
            .learning(false)
            .flood(false)
            .build();
        self.handle
            .link()
            .set_port(fences)
            .execute()
            .await
            .map_err(during(format!("isolate interface {}", plan.name)))?;
        self.handle
            .neighbours()
            .add_bridge(port, &plan.mac.0)
            .state(NeighbourState::Noarp)
            .flags(NeighbourFlags::Controller)
            .replace()
            .execute()
            .await
            .map_err(during(format!("fix {} on {}", plan.mac, plan.name)))?;
        self.bring_up(port, plan.name).await
    }

    async fn bring_up(&self, index: u32, name: &str) -> Result<(), Error> {
        let message = LinkUnspec::new_with_index(index).up().build();
        self.handle
            .link()
            .change(message)
            .execute()
            .await
            .map_err(during(format!("bring up interface {name}")))
    }

    /// Inside the pod: loopback, the address, and a default route by the bridge.
    ///
    /// The address is a /32 with a route to the gateway alone, so that the pod asks the gateway
    /// for every neighbour too; see [`Links::open_port`].
    ///
    /// # Errors
    /// [`Error::Request`]
    pub async fn configure_pod(&self, eth0: u32, plan: &PortPlan<'_>) -> Result<(), Error> {
        self.bring_up(LOOPBACK, "lo").await?;
        self.handle
            .address()
            .add(eth0, IpAddr::V4(plan.address), 32)
            .replace()
            .execute()
            .await
            .map_err(during(format!("give {} to the pod", plan.address)))?;
        self.bring_up(eth0, POD_INTERFACE).await?;
        let gateway = RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(plan.gateway, 32)
            .output_interface(eth0)
            .scope(RouteScope::Link)
            .build();
        let default = RouteMessageBuilder::<Ipv4Addr>::new()
            .gateway(plan.gateway)
            .output_interface(eth0)
            .build();
        for route in [gateway, default] {
            self.handle
                .route()
                .add(route)
                .replace()
                .execute()
                .await
                .map_err(during("route by the gateway"))?;
        }
        Ok(())
    }
}
