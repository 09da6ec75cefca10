//! Addresses and routes as they are.

use std::net::{IpAddr, Ipv4Addr};

use futures::TryStreamExt;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{
    AddressAttribute, AddressHeaderFlags, AddressMessage, AddressScope,
};
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourMessage, NeighbourState};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteType,
};
use rtnetlink::RouteMessageBuilder;

use super::{Error, Links, during};

/// An IPv4 address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    pub interface: u32,
    pub address: Ipv4Addr,
    pub prefix: u8,
    /// Valid beyond the host and the link.
    pub global: bool,
    /// Another one of the same range is used as the source.
    pub secondary: bool,
}

/// A default route of the main table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DefaultRoute {
    pub interface: u32,
    pub metric: u32,
    pub gateway: Option<Ipv4Addr>,
    /// The source address the route itself names.
    pub source: Option<Ipv4Addr>,
}

impl Links {
    /// All IPv4 addresses, in the kernel's order.
    ///
    /// # Errors
    /// [`Error::Request`]
    pub async fn addresses(&self) -> Result<Vec<Address>, Error> {
        let messages: Vec<_> = self
            .handle
            .address()
            .get()
            .execute()
            .try_collect()
            .await
            .map_err(during("list addresses"))?;
        Ok(messages.iter().filter_map(read_address).collect())
    }

    async fn routes(&self) -> Result<Vec<RouteMessage>, Error> {
        let all = RouteMessageBuilder::<Ipv4Addr>::new().build();
        self.handle
            .route()
            .get(all)
            .execute()
            .try_collect()
            .await
            .map_err(during("list routes"))
    }

    /// IPv4 default routes, the preferred one first.
    ///
    /// # Errors
    /// [`Error::Request`]
    pub async fn default_routes(&self) -> Result<Vec<DefaultRoute>, Error> {
        let messages = self.routes().await?;
        let mut routes: Vec<_> = messages.iter().filter_map(read_default).collect();
        routes.sort_by_key(|route| route.metric);
        Ok(routes)
    }

    /// Every IPv4 route of every table as text, with its interface's index; for comparisons.
    ///
    /// # Errors
    /// [`Error::Request`]
    pub async fn describe_routes(&self) -> Result<Vec<(String, u32)>, Error> {
        let messages = self.routes().await?;
        Ok(messages.iter().map(describe_route).collect())
    }

    /// Every permanent IPv4 neighbour as text, with its interface's index; for comparisons.
    ///
    /// # Errors
    /// [`Error::Request`]
    pub async fn describe_neighbours(&self) -> Result<Vec<(String, u32)>, Error> {
        let mut request = self.handle.neighbours().get();
        request.message_mut().header.family = AddressFamily::Inet;
        let messages: Vec<_> = request
            .execute()
            .try_collect()
            .await
            .map_err(during("list neighbours"))?;
        let permanent = messages
            .iter()
            .filter(|message| message.header.state == NeighbourState::Permanent);
        Ok(permanent.map(describe_neighbour).collect())
    }
}

fn read_address(message: &AddressMessage) -> Option<Address> {
    let find =
        |want: fn(&AddressAttribute) -> Option<IpAddr>| message.attributes.iter().find_map(want);
    // On a point-to-point link `Address` is the other end's.
    let address = find(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    })
    .or_else(|| {
        find(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })?;
    let IpAddr::V4(address) = address else {
        return None;
    };
    let header = &message.header;
    Some(Address {
        interface: header.index,
        address,
        prefix: header.prefix_len,
        global: header.scope == AddressScope::Universe,
        secondary: header.flags.contains(AddressHeaderFlags::Secondary),
    })
}

fn read_default(message: &RouteMessage) -> Option<DefaultRoute> {
    let header = &message.header;
    let is_default = header.destination_prefix_length == 0
        && header.table == RouteHeader::RT_TABLE_MAIN
        && header.kind == RouteType::Unicast;
    if !is_default {
        return None;
    }
    let mut route = DefaultRoute::default();
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Oif(index) => route.interface = *index,
            RouteAttribute::Priority(metric) => route.metric = *metric,
            RouteAttribute::Gateway(RouteAddress::Inet(address)) => route.gateway = Some(*address),
            RouteAttribute::PrefSource(RouteAddress::Inet(address)) => {
                route.source = Some(*address);
            }
            RouteAttribute::MultiPath(hops) => {
                route.interface = hops.first().map_or(0, |hop| hop.interface_index);
            }
            _ => {}
        }
    }
    Some(route)
}

fn describe_route(message: &RouteMessage) -> (String, u32) {
    let header = &message.header;
    let mut text = format!("table {} {:?}", header.table, header.kind);
    let mut interface = 0;
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(address) => {
                let prefix = header.destination_prefix_length;
                text.push_str(&format!(" {address:?}/{prefix}"));
            }
            RouteAttribute::Oif(index) => interface = *index,
            _ => {}
        }
    }
    (text, interface)
}

fn describe_neighbour(message: &NeighbourMessage) -> (String, u32) {
    let mut attributes = message.attributes.iter();
    let destination = attributes.find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(address) => Some(format!("{address:?}")),
        _ => None,
    });
    (destination.unwrap_or_default(), message.header.ifindex)
}
