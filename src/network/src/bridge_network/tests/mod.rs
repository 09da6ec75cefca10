//! On a real kernel, in namespaces of each test's own.

mod faults;
mod host;
mod pods;
mod traffic;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::BridgeNetwork;
use crate::testing::Footprint;
use crate::{NetworkOptions, PodAttachment, PodNetwork, PodRequest, in_netns};

const PATIENCE: Duration = Duration::from_secs(10);

fn options() -> NetworkOptions {
    NetworkOptions::new("/run/rk3s", "/run/state")
}

async fn open() -> BridgeNetwork {
    BridgeNetwork::open(options()).await.expect("opens")
}

async fn setup(network: &BridgeNetwork, uid: &str) -> PodAttachment {
    let pod = PodRequest {
        uid: uid.to_owned(),
        namespace: "default".to_owned(),
        name: uid.to_owned(),
    };
    network.setup(pod).await.expect("sets up")
}

/// Runs a program in the test's namespaces; gives what it printed.
fn run(line: &str) -> String {
    let mut words = line.split(' ');
    let program = words.next().expect("a program");
    let output = Command::new(program).args(words).output();
    let output = output.expect("apt-get install iproute2 nftables");
    assert!(output.status.success(), "{line}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn ip(pod: &PodAttachment) -> Ipv4Addr {
    match pod.ips[..] {
        [std::net::IpAddr::V4(address)] => address,
        _ => panic!("one IPv4 address: {pod:?}"),
    }
}

/// Tells everyone who connects whom it sees; until dropped.
struct Server {
    task: JoinHandle<()>,
}

impl Server {
    /// Listens on port 80 of all addresses of the namespace; `None` is the host's.
    async fn start(netns: Option<&Path>) -> Self {
        let listen = || {
            let listener = std::net::TcpListener::bind("0.0.0.0:80")?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let listener = match netns {
            Some(netns) => in_netns(netns, listen).await,
            None => listen(),
        };
        let listener = listener.expect("port 80 is free");
        let listener = tokio::net::TcpListener::from_std(listener).expect("not blocking");
        let task = tokio::spawn(async move {
            while let Ok((mut stream, peer)) = listener.accept().await {
                let text = peer.ip().to_string();
                // A caller that has gone away asserts for itself.
                let _ = stream.write_all(text.as_bytes()).await;
            }
        });
        Self { task }
    }

    /// Ends, and gives up the namespace.
    async fn stop(self) {
        self.task.abort();
        // It was aborted.
        let _ = self.task.await;
    }
}

/// Connects to port 80 and gives the address the server saw.
async fn dial(netns: Option<&Path>, to: Ipv4Addr) -> io::Result<String> {
    let to = SocketAddr::from((to, 80));
    let stream = match netns {
        Some(netns) => {
            let connect = move || std::net::TcpStream::connect_timeout(&to, Duration::from_secs(2));
            let stream = in_netns(netns, connect).await?;
            stream.set_nonblocking(true)?;
            tokio::net::TcpStream::from_std(stream)?
        }
        None => tokio::net::TcpStream::connect(to).await?,
    };
    read_all(stream).await
}

async fn read_all(mut stream: tokio::net::TcpStream) -> io::Result<String> {
    let mut text = String::new();
    let read = stream.read_to_string(&mut text);
    match Clock::system().timeout(PATIENCE, read).await {
        Ok(result) => result.map(|_| text),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Removes the file that says where the round of addresses stands, which is meant to stay.
fn forget_the_round() {
    if let Err(error) = std::fs::remove_file("/run/state/cursor.json") {
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}

/// Waits until the host is as it was `before`: interfaces vanish some time after their namespace.
async fn settles(before: &Footprint) {
    let clock = Clock::system();
    let deadline = clock.monotonic() + PATIENCE;
    loop {
        let now = Footprint::take(&options()).await.expect("looks");
        let changes = before.changes(&now);
        if changes.is_empty() {
            return;
        }
        assert!(clock.monotonic() < deadline, "left behind: {changes:#?}");
        clock.sleep(Duration::from_millis(5)).await;
    }
}
