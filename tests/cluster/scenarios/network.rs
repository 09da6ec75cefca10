//! The pod network, on a machine without a default route.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use anyhow::{Context, Result, ensure};

use crate::harness::cluster::{Cluster, SOON};
use crate::harness::machine::{self, ADDRESS};

/// An HTTP request from this test, which is on the host's side of the network.
fn get(address: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SOON))?;
    write!(stream, "GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

pub fn pods_reach_pods_and_the_host(cluster: &mut Cluster) -> Result<()> {
    let routes = machine::output("ip", &["route"])?;
    ensure!(!routes.contains("default"), "{routes}");
    cluster.deploy(
        "served",
        1,
        "mkdir -p /tmp/www; echo from the pod >/tmp/www/index.html; httpd -f -p 8080 -h /tmp/www &",
    )?;
    let pods = cluster.items("pods", "app=served")?;
    let address = pods[0]["status"]["podIP"]
        .as_str()
        .context("an address")?
        .to_owned();
    ensure!(address.starts_with("10.42."), "{address}");
    let answer = get(&format!("{address}:8080"))?;
    ensure!(answer.ends_with("from the pod\n"), "host to pod: {answer}");

    let listener = TcpListener::bind((ADDRESS, 8099))?;
    let host = std::thread::spawn(move || -> std::io::Result<String> {
        let (mut stream, peer) = listener.accept()?;
        let mut head = [0; 512];
        let _length = stream.read(&mut head)?;
        write!(stream, "HTTP/1.0 200 OK\r\n\r\nfrom the host\n")?;
        Ok(peer.ip().to_string())
    });
    let script = format!(
        "wget -q -O - http://{address}:8080/; wget -q -O - http://{ADDRESS}:8099/; ip -o -4 addr show eth0; sleep 3600 &"
    );
    cluster.deploy("asking", 1, &script)?;
    let pods = cluster.items("pods", "app=asking")?;
    let name = pods[0]["metadata"]["name"].as_str().context("a name")?;
    let own = pods[0]["status"]["podIP"].as_str().context("an address")?;
    let mut logs = cluster.kubectl.follow(&["logs", "-f", name])?;
    let lines = logs.until(SOON, |line| line.contains("eth0"))?;
    ensure!(lines[..2] == ["from the pod", "from the host"], "{lines:?}");
    ensure!(lines[2].contains(own), "{lines:?} and {own}");
    let peer = host.join().ok().context("the host's side")??;
    ensure!(
        peer == own,
        "the host sees the pod's own address: {peer}, {own}"
    );
    cluster.remove("asking")?;
    cluster.remove("served")
}
