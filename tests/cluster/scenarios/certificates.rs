//! New certificates in place of ones that somebody may have seen.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use expect_test::expect;
use serde_json::Value;

use super::restart::identities;
use crate::harness::cluster::Cluster;
use crate::harness::kubectl::Kubectl;
use crate::harness::machine;
use crate::harness::server::NODE;

pub fn rotated_certificates_serve_old_and_new(cluster: &mut Cluster) -> Result<()> {
    cluster.deploy("certified", 1, "echo up; sleep 3600 &")?;
    let pods = identities(cluster, "certified")?;
    let token = cluster.kubectl.line("create token default")?;
    let before = certificates(cluster)?;
    let old = cluster.places.root.join("old-kubeconfig.yaml");
    fs::copy(cluster.places.kubeconfig(), &old)?;

    cluster.terminate()?;
    let told = cluster.places.ok("certificate rotate", &[])?;
    let told = told.replace(&cluster.places.data().display().to_string(), "");
    let mut lines: Vec<_> = told.lines().collect();
    ensure!(
        lines[1].starts_with("The old ones are in /server/tls-"),
        "{told}"
    );
    lines.remove(1);
    expect![[r#"
        Rotated the certificates of admin, api-server, auth-proxy, kubelet.
        Restart rk3s server to have new ones issued."#]]
    .assert_eq(&lines.join("\n"));
    cluster.start_again()?;

    let after = certificates(cluster)?;
    for ((file, old), (same, new)) in before.iter().zip(&after) {
        ensure!(file == same, "{file:?}, {same:?}");
        let authority = file.ends_with("-ca.crt");
        ensure!((old == new) == authority, "{file}: {old}{new}");
    }
    let renewed = fs::read_to_string(cluster.places.kubeconfig())?;
    ensure!(renewed != fs::read_to_string(&old)?, "the old kubeconfig");

    // The old one's authority vouches for the new server, and the old identity is still one.
    let former = Kubectl::new(machine::real_kubectl()?, &[], old.clone());
    for kubectl in [&former, &cluster.kubectl] {
        let user = "auth whoami -o jsonpath={.status.userInfo.username}";
        ensure!(kubectl.line(user)? == "system:admin");
        // Over the kubelet's own port, both ways.
        let logs = kubectl.line("logs deployment/certified")?;
        ensure!(logs == "up\n", "{logs:?}");
    }
    let user = bearer(cluster, token.trim())?;
    ensure!(user == "system:serviceaccount:default:default", "{user}");
    ensure!(pods == identities(cluster, "certified")?, "pods changed");
    cluster.deploy("recent", 1, "sleep 3600 &")?;
    cluster.remove("recent")?;
    cluster.remove("certified")?;
    Ok(fs::remove_file(old)?)
}

/// Every certificate's file and text; what the command tells of them is compared whole.
fn certificates(cluster: &Cluster) -> Result<Vec<(String, String)>> {
    let listed = cluster.places.ok("certificate check", &["--output=json"])?;
    let listed: Vec<Value> = serde_json::from_str(&listed)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut shown = String::new();
    let mut found = Vec::new();
    for one in &listed {
        let path = PathBuf::from(text(&one["filename"]));
        let name = path.file_name().context("a file")?.to_string_lossy();
        shown.push_str(&format!(
            "{name} {} {} {}\n",
            text(&one["subject"]).split('@').next().unwrap_or_default(),
            one["usages"],
            text(&one["status"])
        ));
        found.push((name.into_owned(), fs::read_to_string(&path)?));
    }
    ensure!(
        text(&listed[0]["residualTime"]).ends_with('d'),
        "{listed:?}"
    );
    expect![[r#"
        client-admin.crt CN=system:admin,O=system:masters ["ClientAuth"] OK
        client-ca.crt CN=rk3s-client-ca ["CertSign"] OK
        client-kube-apiserver.crt CN=kube-apiserver ["ClientAuth"] OK
        serving-kube-apiserver.crt CN=kube-apiserver ["ServerAuth"] OK
        server-ca.crt CN=rk3s-server-ca ["CertSign"] OK
        client-auth-proxy.crt CN=system:auth-proxy ["ClientAuth"] OK
        request-header-ca.crt CN=rk3s-request-header-ca ["CertSign"] OK
        client-kubelet.crt CN=system:node:<node>,O=system:nodes ["ClientAuth"] OK
        serving-kubelet.crt CN=system:node:<node>,O=system:nodes ["ServerAuth"] OK
    "#]]
    .assert_eq(&shown.replace(NODE, "<node>"));
    Ok(found)
}

/// Who a token is for the server, without any other credentials.
fn bearer(cluster: &Cluster, token: &str) -> Result<String> {
    let ca = cluster.places.data().join("server/tls/server-ca.crt");
    // A file that is not there says nothing.
    let nothing = cluster.places.root.join("nobody.yaml");
    let nobody = Kubectl::new(machine::real_kubectl()?, &[], nothing);
    nobody.ok(&[
        "--server=https://127.0.0.1:6443",
        &format!("--certificate-authority={}", ca.display()),
        &format!("--token={token}"),
        "auth",
        "whoami",
        "-o",
        "jsonpath={.status.userInfo.username}",
    ])
}
