//! What a pod network leaves on a host, to compare before with after.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use crate::links::Links;
use crate::nftables::Nftables;
use crate::{NetworkOptions, Result};

/// Everything of the calling thread's namespaces that a pod network may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footprint(BTreeSet<String>);

impl Footprint {
    /// Looks at interfaces, addresses, routes, fixed neighbours, tables, sysctls, mounts and the
    /// network's files.
    ///
    /// # Errors
    /// Where the host does not tell.
    pub async fn take(options: &NetworkOptions) -> Result<Self> {
        let mut all = BTreeSet::new();
        let links = Links::here()?;
        let interfaces = links.all().await?;
        let name = |index: u32| {
            let link = interfaces.iter().find(|link| link.index == index);
            link.map_or("none", |link| &link.name)
        };
        for link in &interfaces {
            all.insert(format!("interface {} up={}", link.name, link.up));
        }
        for address in links.addresses().await? {
            let on = name(address.interface);
            all.insert(format!("address {} on {on}", address.address));
        }
        for (route, interface) in links.describe_routes().await? {
            all.insert(format!("route {route} on {}", name(interface)));
        }
        for (neighbour, interface) in links.describe_neighbours().await? {
            all.insert(format!("neighbour {neighbour} on {}", name(interface)));
        }
        links.close().await;
        for (family, table) in Nftables::open()?.tables()? {
            all.insert(format!("table {family:?} {table}"));
        }
        let on_disk = [files(&options.runtime_dir), files(&options.state_dir)];
        let read = on_disk
            .into_iter()
            .chain([mounts(&options.runtime_dir), settings()]);
        for found in read {
            all.extend(found.map_err(crate::links::Error::Socket)?);
        }
        Ok(Self(all))
    }

    /// What `after` has and this one has not (`+`), and the other way round (`-`).
    #[must_use]
    pub fn changes(&self, after: &Self) -> Vec<String> {
        let added = after.0.difference(&self.0).map(|line| format!("+ {line}"));
        let removed = self.0.difference(&after.0).map(|line| format!("- {line}"));
        added.chain(removed).collect()
    }
}

/// Every file below `directory`.
fn files(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(format!("file {}", entry.path().display()));
        }
    }
    Ok(found)
}

/// Every mount at or below `directory`.
fn mounts(directory: &Path) -> io::Result<Vec<String>> {
    let table = fs::read_to_string("/proc/thread-self/mountinfo")?;
    let points = table.lines().filter_map(|line| line.split(' ').nth(4));
    let below = points.filter(|point| Path::new(point).starts_with(directory));
    Ok(below.map(|point| format!("mount {point}")).collect())
}

fn settings() -> io::Result<Vec<String>> {
    ["ipv4/ip_forward", "ipv4/conf/all/send_redirects"]
        .iter()
        .map(|setting| {
            let value = fs::read_to_string(Path::new("/proc/sys/net").join(setting))?;
            Ok(format!("sysctl {setting} = {}", value.trim()))
        })
        .collect()
}
