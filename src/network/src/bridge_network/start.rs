//! Opening: the host made ready, the past taken over.

use std::collections::HashSet;
use std::sync::Arc;

use tracing::{info, warn};

use super::Inner;
use crate::ledger::{Ledger, Record};
use crate::links::{BridgePlan, Links};
use crate::netns::Pins;
use crate::node_address::Host;
use crate::options::NetworkOptions;
use crate::pod::Result;
use crate::rules::Rules;
use crate::sysctl;
use crate::turns::Turns;

/// Where nothing better is known: Ethernet's.
const DEFAULT_MTU: u32 = 1500;

pub async fn open(options: NetworkOptions) -> Result<Inner> {
    options.validate()?;
    let options = Arc::new(options);
    let ledger = Ledger::open(&options.state_dir, options.pod_cidr)?;
    let pins = Pins::new(&options.netns_dir());
    pins.create()?;
    let mtu = match options.mtu {
        Some(mtu) => mtu,
        None => Host::survey().await?.mtu().unwrap_or(DEFAULT_MTU),
    };

    let links = Links::here()?;
    let bridge = prepare_host(&options, &links, mtu).await?;
    let records = ledger.all();
    let rules = Rules::open(options.clone())?;
    rules.install(&records)?;
    remove_orphans(&pins, &links, bridge, &records).await?;
    info!(
        bridge = options.bridge,
        mtu,
        pods = records.len(),
        "pod network is up"
    );
    Ok(Inner {
        options,
        mtu,
        links,
        pins,
        ledger: Arc::new(ledger),
        rules,
        turns: Turns::default(),
    })
}

/// Makes the host's side as it shall be, and gives the bridge's index. Also part of every setup,
/// since programs that manage the network like to remove what they did not make.
pub async fn prepare_host(options: &NetworkOptions, links: &Links, mtu: u32) -> Result<u32> {
    sysctl::apply_host(&options.saved_sysctls())?;
    let plan = BridgePlan {
        name: &options.bridge,
        pods: options.pod_cidr,
        mtu,
    };
    let bridge = links.ensure_bridge(&plan).await?;
    sysctl::apply_bridge(&options.bridge)?;
    links.route_to(options.service_cidr, bridge).await?;
    Ok(bridge)
}

/// Removes namespaces and ports that no record names: their records were lost, or their pods torn
/// down while somebody kept the namespace. Records without a namespace stay, since after a reboot
/// all are so, until the kubelet sets their pods up again or tears them down.
async fn remove_orphans(pins: &Pins, links: &Links, bridge: u32, records: &[Record]) -> Result<()> {
    let uids: HashSet<_> = records.iter().map(|record| record.uid.as_str()).collect();
    for uid in pins.list()? {
        if !uids.contains(uid.as_str()) {
            warn!(uid, "removed a network namespace of no known pod");
            pins.unpin(&uid)?;
        }
    }
    let interfaces: HashSet<_> = records.iter().map(|record| &record.interface).collect();
    for port in links.ports(bridge).await? {
        let ours = port.name.starts_with(crate::PORT_PREFIX);
        if ours && !interfaces.contains(&port.name) {
            warn!(
                interface = port.name,
                "removed an interface of no known pod"
            );
            links.delete(&port).await?;
        }
    }
    Ok(())
}
