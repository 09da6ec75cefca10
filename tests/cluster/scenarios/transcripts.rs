//! What a person types at a real kubectl, line by line, and all that it prints: words, refusals
//! and exit codes, compared whole with golden files.

use std::fs;

use anyhow::{Context, Result};
use expect_test::expect_file;

use crate::harness::cluster::Cluster;
use crate::harness::mask::mask;

/// Runs each line and tells it with what it printed. `$ROOT` stands for a directory of the test's.
fn transcript(cluster: &Cluster, lines: &[&str]) -> Result<String> {
    let root = cluster.places.root.join("transcript");
    let mut told = String::new();
    for line in lines {
        let words: Vec<String> = line
            .split(' ')
            .map(|word| word.replace("$ROOT", &root.display().to_string()))
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let printed = cluster.kubectl.run(&words)?.to_string();
        let printed = printed.replace(&root.display().to_string(), "$ROOT");
        told.push_str(&format!(
            "$ kubectl {line}\n{}\n",
            mask(&printed).trim_end()
        ));
    }
    Ok(told)
}

/// A file that lines name as `$ROOT/<name>`.
fn place(cluster: &Cluster, name: &str, text: &str) -> Result<()> {
    let root = cluster.places.root.join("transcript");
    fs::create_dir_all(&root)?;
    Ok(fs::write(root.join(name), text)?)
}

pub fn who_may_do_what(cluster: &mut Cluster) -> Result<()> {
    let told = transcript(
        cluster,
        &[
            "auth whoami",
            "auth can-i create pods",
            "auth can-i get pods --as=jane",
            "create namespace team",
            "create role reader -n team --verb=get,list,watch --resource=pods",
            "create rolebinding reader -n team --role=reader --user=jane --group=readers",
            "auth can-i get pods -n team --as=jane",
            "auth can-i get pods -n team --as=joe --as-group=readers",
            "auth can-i delete pods -n team --as=jane",
            "auth can-i get pods -n default --as=jane",
            "auth whoami --as=joe --as-group=readers",
            "get pods -n team --as=jane",
            "get secrets -n team --as=jane",
            "get pods -A --as=jane",
            "delete pod none -n team --as=jane",
            // Nobody gives away more than they have.
            "create role writer -n team --verb=create --resource=roles,rolebindings --dry-run=none",
            "create rolebinding writer -n team --role=writer --user=jane",
            "create role all -n team --verb=* --resource=* --as=jane",
            "create clusterrole viewer --verb=get,list --resource=nodes",
            "create rolebinding all -n team --clusterrole=viewer --user=jane --as=jane",
            "create clusterrolebinding viewer --clusterrole=viewer --serviceaccount=team:robot",
            "create serviceaccount robot -n team",
            "auth can-i list nodes --as=system:serviceaccount:team:robot",
            "get role,rolebinding -n team",
            "create token nobody -n team",
        ],
    )?;
    expect_file!["../../golden/cluster/who-may-do-what.txt"].assert_eq(&told);
    let token = cluster
        .kubectl
        .line("create token robot -n team --duration=10m")?;
    // A token says who asks only where no certificate does.
    place(cluster, "robot.yaml", &robot(cluster, token.trim())?)?;
    place(
        cluster,
        "forged.yaml",
        &robot(cluster, &forged(token.trim()))?,
    )?;
    let told = transcript(
        cluster,
        &[
            "--kubeconfig=$ROOT/robot.yaml auth whoami -o jsonpath={.status.userInfo.username}",
            "--kubeconfig=$ROOT/robot.yaml auth can-i list nodes",
            "--kubeconfig=$ROOT/robot.yaml get secrets -n team",
            "--kubeconfig=$ROOT/forged.yaml get nodes",
            "delete serviceaccount robot -n team",
            "--kubeconfig=$ROOT/robot.yaml get nodes",
            "delete clusterrole,clusterrolebinding viewer",
            "delete namespace team",
        ],
    )?;
    expect_file!["../../golden/cluster/tokens.txt"].assert_eq(&told);
    Ok(())
}

/// The kubeconfig of somebody with a token.
fn robot(cluster: &Cluster, token: &str) -> Result<String> {
    let text = fs::read_to_string(cluster.places.kubeconfig())?;
    let (clusters, users) = text.split_once("users:").context("users come last")?;
    let name = users
        .lines()
        .find_map(|line| line.trim().strip_prefix("- name: "))
        .context("a user")?;
    Ok(format!(
        "{clusters}users:\n- name: {name}\n  user:\n    token: {token}\n"
    ))
}

/// The token with another subject and the old signature.
fn forged(token: &str) -> String {
    let mut parts: Vec<&str> = token.split('.').collect();
    // {"sub":"system:serviceaccount:kube-system:default"}
    parts[1] = "eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6a3ViZS1zeXN0ZW06ZGVmYXVsdCJ9";
    parts.join(".")
}

const MAP: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: written, labels: {test: writes}}
data: {key: one}
";

pub fn every_way_to_write(cluster: &mut Cluster) -> Result<()> {
    place(cluster, "map.yaml", MAP)?;
    place(cluster, "changed.yaml", &MAP.replace("one", "two"))?;
    let told = transcript(
        cluster,
        &[
            "apply --dry-run=server -f $ROOT/map.yaml",
            "get configmap written",
            "apply --server-side -f $ROOT/map.yaml",
            "apply -f $ROOT/map.yaml",
            "create -f $ROOT/map.yaml",
            "apply --dry-run=server -f $ROOT/changed.yaml",
            "get configmap written -o jsonpath={.data}{\"\\n\"}",
            "replace -f $ROOT/changed.yaml",
            "patch configmap written -p {\"data\":{\"b\":\"2\"}}",
            "patch configmap written --type=merge -p {\"data\":{\"b\":null}}",
            "patch configmap written --type=json -p [{\"op\":\"replace\",\"path\":\"/data/key\",\"value\":\"three\"}]",
            "patch configmap written --type=json -p [{\"op\":\"test\",\"path\":\"/data/key\",\"value\":\"four\"}]",
            "patch configmap written --type=json -p [{\"op\":\"remove\",\"path\":\"/data/none\"}]",
            "patch configmap written --type=merge -p {\"metadata\":{\"name\":\"other\"}}",
            "label configmap written tier=back",
            "label configmap written tier=front",
            "label configmap written tier=-no-",
            "annotate configmap written note=x",
            "get configmaps -l test=writes,tier --show-labels",
            "wait --for=jsonpath={.data.key}=three configmap/written --timeout=5s",
            "wait --for=delete configmap/none --timeout=5s",
            "get configmap written -o jsonpath={.data}{\"\\n\"}",
            "delete configmap -l test=writes",
            "delete configmap written",
            "create quota few --hard=configmaps=2,pods=1",
            "get quota few -o jsonpath={.spec.hard}{\"\\n\"}",
            "delete quota few",
            "create configmap Bad_Name",
            "get configmaps -l a=b=c",
            "get pods --field-selector=spec.unknown=x",
            "get nothing",
        ],
    )?;
    expect_file!["../../golden/cluster/writes.txt"].assert_eq(&told);
    Ok(())
}

pub fn explain_tells_fields(cluster: &mut Cluster) -> Result<()> {
    let told = transcript(
        cluster,
        &[
            "explain configmap.data",
            "explain pod.spec.containers.image",
            "explain deployment.spec.strategy",
            "explain pod.spec.none",
        ],
    )?;
    expect_file!["../../golden/cluster/explain.txt"].assert_eq(&told);
    Ok(())
}
