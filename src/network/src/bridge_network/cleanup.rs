//! Taking everything back.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use crate::ledger;
use crate::links::Links;
use crate::netns::Pins;
use crate::options::NetworkOptions;
use crate::pod::Result;
use crate::rules::Rules;
use crate::sysctl;

/// Removes all that a [`super::BridgeNetwork`] of these options made and left: namespaces,
/// interfaces, rules, the addresses' records; sets the host's sysctls back. To be called when none
/// is open and no pod runs. May be repeated; what is absent is a success.
///
/// # Errors
/// What the host refuses; the rest is then still there.
pub async fn cleanup(options: NetworkOptions) -> Result<()> {
    options.validate()?;
    let options = Arc::new(options);
    Rules::open(options.clone())?.remove()?;
    Pins::new(&options.netns_dir()).remove()?;

    let links = Links::here()?;
    if let Some(bridge) = links.find(&options.bridge).await? {
        // Also those that a surviving process keeps.
        for port in links.ports(bridge.index).await? {
            if port.name.starts_with(crate::PORT_PREFIX) {
                links.delete(&port).await?;
            }
        }
        links.delete(&bridge).await?;
    }
    links.close().await;

    sysctl::restore(&options.saved_sysctls())?;
    remove(&options.state_dir.join("pods"), |path| {
        fs::remove_dir_all(path)
    })?;
    remove(&options.state_dir.join("cursor.json"), |path| {
        fs::remove_file(path)
    })
}

fn remove(path: &Path, how: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<()> {
    match how(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            let path = path.to_owned();
            Err(ledger::Error::Io { path, source }.into())
        }
        _ => Ok(()),
    }
}
