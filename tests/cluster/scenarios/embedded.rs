//! `rk3s kubectl` beside the real one: the same words for the same deeds.

use anyhow::{Result, ensure};
use expect_test::expect_file;

use crate::harness::cluster::{Cluster, deployment};
use crate::harness::kubectl::Kubectl;
use crate::harness::mask::mask_table;

/// Lines that only read; run by both on the same objects.
const READING: &[&str] = &[
    "get pods",
    "get pods -o wide",
    "get pods -o name",
    "get pods -A",
    "get pods -l app=same",
    "get deployments,replicasets",
    "get deployment same -o yaml",
    "get deployment same -o json",
    "get deploy/same",
    "get nodes",
    "get pods -l app=nothing",
    "get pod nothing",
    "get nonsense",
    "get configmaps -n nowhere",
    "describe pod",
    "logs deployment/same",
    "logs nothing",
];

/// Deeds, in this order, each with the manifest's number of replicas on standard input if any.
const DOING: &[(&str, Option<u32>)] = &[
    ("apply -f -", Some(1)),
    ("apply -f -", Some(1)),
    ("apply -f -", Some(2)),
    ("scale deployment same --replicas=3", None),
    ("scale deployment nothing --replicas=3", None),
    ("delete deployment same", None),
    ("delete deployment same", None),
    ("delete deployment same --ignore-not-found", None),
    ("apply -f /nowhere.yaml", None),
];

fn run(kubectl: &Kubectl, line: &str, replicas: Option<u32>) -> Result<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let printed = match replicas {
        Some(count) => {
            kubectl.run_with(&words, &deployment("same", count, "echo up; sleep 3600 &"))?
        }
        None => kubectl.run(&words)?,
    };
    Ok(mask_table(&printed.to_string()))
}

pub fn prints_the_same(cluster: &mut Cluster) -> Result<()> {
    cluster.deploy("same", 1, "echo up; sleep 3600 &")?;
    let mut differences = Vec::new();
    let mut compare = |line: &str, real: String, embedded: String| {
        if real != embedded {
            differences.push(format!(
                "kubectl {line}\nreal:\n{real}\nembedded:\n{embedded}"
            ));
        }
    };
    for line in READING {
        let real = run(&cluster.kubectl, line, None)?;
        compare(line, real, run(&cluster.embedded, line, None)?);
    }
    cluster.remove("same")?;
    let deeds = |kubectl: &Kubectl| -> Result<Vec<String>> {
        let printed = DOING
            .iter()
            .map(|(line, replicas)| run(kubectl, line, *replicas));
        let printed = printed.collect::<Result<Vec<_>>>()?;
        cluster
            .kubectl
            .line("delete pods -l app=same --grace-period=1")?;
        Ok(printed)
    };
    let (real, embedded) = (deeds(&cluster.kubectl)?, deeds(&cluster.embedded)?);
    for ((line, _), (real, embedded)) in DOING.iter().zip(real.into_iter().zip(embedded)) {
        compare(line, real, embedded);
    }
    ensure!(differences.is_empty(), "{}", differences.join("\n\n"));
    Ok(())
}

pub fn says_not_yet(cluster: &mut Cluster) -> Result<()> {
    let mut seen = String::new();
    for line in [
        "exec same -- true",
        "port-forward same 80",
        "rollout status deployment/same",
        "nonsense",
    ] {
        let printed = run(&cluster.embedded, line, None)?;
        seen.push_str(&format!("$ rk3s kubectl {line}\n{printed}\n"));
    }
    expect_file!["../../golden/cluster/not-yet.txt"].assert_eq(&seen);
    Ok(())
}
