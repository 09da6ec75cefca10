//! Clients that mean ill, all at once, against the real binary: what each is told is proved in
//! `tests/api`; here the server's memory stays bounded and nobody else is disturbed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base::Clock;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::clients;
use crate::harness::cluster::Cluster;

const IDLE: usize = 1_000;
const SLOW: usize = 100;
/// How often somebody else asks while it goes on, and what is long to wait for the answer, also
/// on a busy machine.
const OTHERS: usize = 50;
const LONG: Duration = Duration::from_secs(5);
/// What a connection, a request that is under way and its buffers may cost.
const GROWTH: u64 = 300 << 20;

type Stream = TlsStream<TcpStream>;

pub fn the_abusive_disturb_nobody(cluster: &mut Cluster) -> Result<()> {
    let pid = cluster.server_pid()?;
    let before = resident(pid)?;
    let abuser = Abuser::new();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let mut under_way = JoinSet::new();
        let (mut idle, mut unread) = (Vec::new(), Vec::new());
        for _ in 0..IDLE {
            idle.push(abuser.connect("").await?);
        }
        for _ in 0..SLOW {
            under_way.spawn(abuser.clone().drip(HEADERS, "x"));
            under_way.spawn(abuser.clone().drip(BODY, " "));
            // A megabyte and more of which nothing is read.
            let request = http::Request::get("/openapi/v2").body(Vec::new())?;
            let reader = clients::client(cluster).await?;
            unread.push(reader.request_stream(request).await?);
        }
        for _ in 0..4 {
            under_way.spawn(abuser.clone().post("x".repeat(4 << 20)));
            under_way.spawn(abuser.clone().post("[".repeat(10_000)));
        }
        for _ in 0..OTHERS {
            let answer = abuser.clock.timeout(LONG, abuser.ask_well()).await;
            answer.with_context(|| format!("somebody else waited {LONG:?}"))??;
        }
        under_way.abort_all();
        drop((idle, unread));
        anyhow::Ok(())
    })?;
    let grown = resident(pid)?.saturating_sub(before);
    ensure!(
        grown < GROWTH,
        "the server has grown by {} MiB",
        grown >> 20
    );
    // The same server is there and well.
    ensure!(cluster.server_pid()? == pid, "it is another server");
    cluster.kubectl.line("get --raw /readyz")?;
    Ok(())
}

const HEADERS: &str = "GET /version HTTP/1.1\r\nx: ";
const BODY: &str =
    "POST /api/v1/namespaces HTTP/1.1\r\nhost: h\r\ncontent-length: 3000000\r\n\r\n{";

/// Bytes that a process has in memory.
fn resident(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.context("VmRSS")?.parse::<u64>()? << 10)
}

/// Somebody without an identity.
#[derive(Clone)]
struct Abuser {
    clock: Clock,
    tls: Arc<ClientConfig>,
}

impl Abuser {
    fn new() -> Self {
        Self {
            clock: Clock::system(),
            tls: Arc::new(client::unverified_tls()),
        }
    }

    /// A connection on which a first text was sent.
    async fn connect(&self, text: &str) -> Result<Stream> {
        let socket = TcpStream::connect(("127.0.0.1", 6443)).await?;
        let name = ServerName::try_from("localhost")?;
        let mut stream = TlsConnector::from(self.tls.clone())
            .connect(name, socket)
            .await?;
        stream.write_all(text.as_bytes()).await?;
        stream.flush().await?;
        Ok(stream)
    }

    /// Goes on a byte at a time, until it is turned away.
    async fn drip(self, head: &'static str, byte: &'static str) -> Result<()> {
        let mut stream = self.connect(head).await?;
        loop {
            self.clock.sleep(Duration::from_millis(100)).await;
            stream.write_all(byte.as_bytes()).await?;
            stream.flush().await?;
        }
    }

    /// Sends a body over and over, each on a connection of its own.
    async fn post(self, body: String) -> Result<()> {
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\nconnection: \
             close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        loop {
            let mut stream = self.connect(&head).await?;
            // The server may have said enough before it has the whole body.
            let _sent = stream.write_all(body.as_bytes()).await;
            let mut answer = Vec::new();
            let _read = stream.read_to_end(&mut answer).await;
            // The machine is the server's as well: this is about its limits, not about its speed.
            self.clock.sleep(Duration::from_millis(200)).await;
        }
    }

    /// What a client like any other does meanwhile.
    async fn ask_well(&self) -> Result<()> {
        let head = "GET /readyz HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
        let mut stream = self.connect(head).await?;
        let mut answer = Vec::new();
        // Some close without a farewell of TLS, after the whole answer.
        let _end = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        ensure!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
        Ok(())
    }
}
