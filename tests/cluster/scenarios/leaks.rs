//! Nothing is left: of a deleted pod, and of the whole node.

use anyhow::{Result, ensure};

use crate::harness::cluster::{Cluster, SOON};
use crate::harness::footprint::{footprint, leaked};
use crate::harness::machine;
use crate::harness::wait::eventually;

pub fn deleted_pods_leave_nothing(cluster: &mut Cluster) -> Result<()> {
    let before = footprint(&cluster.places)?;
    cluster.deploy("leaving", 3, "sleep 3600 &")?;
    let during = leaked(&before, &footprint(&cluster.places)?);
    for what in ["process", "mount", "interface", "cgroup", "file"] {
        ensure!(
            during.iter().any(|line| line.starts_with(what)) || what == "cgroup",
            "the check sees no {what} of a running pod"
        );
    }
    cluster.remove("leaving")?;
    eventually("nothing of the pods is left", SOON, || {
        let left = leaked(&before, &footprint(&cluster.places)?);
        Ok(if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:#?}"))
        })
    })
}

/// Pods that still run are ended, and the machine is as it was before rk3s.
pub fn clean_node_leaves_nothing(cluster: &mut Cluster) -> Result<()> {
    cluster.deploy("abandoned", 2, "sleep 3600 &")?;
    cluster.clean_node()?;
    let left: Vec<String> = footprint(&cluster.places)?
        .into_iter()
        .filter(|line| !is_of_the_machine(line))
        .collect();
    ensure!(left.is_empty(), "left: {left:#?}");
    cluster.start_again()?;
    cluster.remove("abandoned")
}

/// What `machine::enter` made.
fn is_of_the_machine(line: &str) -> bool {
    line == "interface lo" || line.starts_with("interface test") || line.contains("dev test0")
}

/// The control of both: one interface, one mount, one process or one rule more is seen.
pub fn the_leak_check_sees_a_leak(cluster: &mut Cluster) -> Result<()> {
    let before = footprint(&cluster.places)?;
    let spot = cluster.places.root.join("planted");
    std::fs::create_dir_all(&spot)?;
    let spot = spot.display().to_string();
    machine::run(
        "ip",
        &[
            "link", "add", "planted0", "type", "veth", "peer", "name", "planted1",
        ],
    )?;
    machine::run("mount", &["-t", "tmpfs", "planted", &spot])?;
    machine::run("nft", &["add", "table", "ip", "planted"])?;
    let seen = leaked(&before, &footprint(&cluster.places)?);
    machine::run("nft", &["delete", "table", "ip", "planted"])?;
    machine::run("umount", &[&spot])?;
    machine::run("ip", &["link", "del", "planted0"])?;
    let mut expected = vec![
        "interface planted0@planted1".to_owned(),
        "interface planted1@planted0".to_owned(),
        format!("mount {spot}"),
        "rules table ip planted".to_owned(),
    ];
    expected.sort();
    ensure!(seen == expected, "{seen:#?}");
    ensure!(leaked(&before, &footprint(&cluster.places)?).is_empty());
    Ok(())
}
