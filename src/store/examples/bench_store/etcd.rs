//! etcd as a process, and a gRPC client just large enough for three calls: a message is five
//! bytes of frame and a few length-prefixed fields.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::memory;

/// A running etcd; dropping it ends it.
pub struct Etcd {
    binary: PathBuf,
    data: PathBuf,
    ports: [u16; 2],
    process: Child,
}

impl Etcd {
    pub fn start(binary: &Path, data: &Path) -> Self {
        let ports = free_ports();
        Self {
            binary: binary.to_owned(),
            data: data.to_owned(),
            ports,
            process: launch(binary, data, ports),
        }
    }

    /// Connections, one per client; waits until it answers.
    pub async fn clients(&mut self, count: usize) -> Vec<Client> {
        let mut clients = Vec::new();
        while clients.len() < count {
            clients.extend(Client::connect(self.ports[0]).await);
            let ended = self.process.try_wait().expect("ours");
            assert!(ended.is_none(), "etcd has ended: {ended:?}");
        }
        while !clients[0].answers().await {}
        clients
    }

    pub fn resident(&self) -> u64 {
        memory::resident(&self.process.id().to_string())
    }

    /// Ends it and measures how long it takes to answer again.
    pub async fn restart(&mut self) -> Duration {
        let pid = i32::try_from(self.process.id()).expect("a pid");
        let pid = rustix::process::Pid::from_raw(pid).expect("not zero");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("ours");
        self.process.wait().expect("ours");
        let start = Instant::now();
        self.process = launch(&self.binary, &self.data, self.ports);
        self.clients(1).await;
        start.elapsed()
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Held until both are known, so that they differ.
fn free_ports() -> [u16; 2] {
    let bind = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let listeners = [(), ()].map(bind);
    listeners.map(|listener| listener.local_addr().expect("bound").port())
}

/// Its defaults: every write is synced before it is answered.
fn launch(binary: &Path, data: &Path, ports: [u16; 2]) -> Child {
    let [client, peer] = ports.map(|port| format!("http://127.0.0.1:{port}"));
    Command::new(binary)
        .env_clear()
        .arg("--data-dir")
        .arg(data)
        .args(["--log-level", "error", "--name", "bench"])
        .args([
            "--listen-client-urls",
            &client,
            "--advertise-client-urls",
            &client,
        ])
        .args([
            "--listen-peer-urls",
            &peer,
            "--initial-advertise-peer-urls",
            &peer,
        ])
        .args(["--initial-cluster", &format!("bench={peer}")])
        .args(["--quota-backend-bytes", "8589934592"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("etcd starts")
}

/// One connection.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
}

impl Client {
    async fn connect(port: u16) -> Option<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
        stream.set_nodelay(true).expect("a socket");
        let io = TokioIo::new(stream);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.ok()?;
        tokio::spawn(connection);
        let authority = format!("127.0.0.1:{port}");
        Some(Self { sender, authority })
    }

    /// The answer's bytes, or the status that it failed with.
    async fn call(&self, method: &str, message: &[u8]) -> Result<Bytes, String> {
        let mut body = vec![0];
        body.extend(u32::try_from(message.len()).expect("short").to_be_bytes());
        body.extend(message);
        let request = http::Request::post(format!(
            "http://{}/etcdserverpb.KV/{method}",
            self.authority
        ))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(Bytes::from(body)))
        .expect("a request");
        let answer = self.sender.clone().send_request(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let body = answer.into_body().collect().await;
        let body = body.map_err(|error| error.to_string())?;
        let status = body
            .trailers()
            .and_then(|trailers| trailers.get("grpc-status"));
        match status.map(http::HeaderValue::as_bytes) {
            Some(b"0") => Ok(body.to_bytes()),
            status => Err(format!("grpc-status {status:?}")),
        }
    }

    async fn answers(&self) -> bool {
        self.call("Range", &range("a", "", 0)).await.is_ok()
    }

    pub async fn put(&self, pairs: &[(String, Vec<u8>)]) {
        let answer = match pairs {
            [(key, value)] => self.call("Put", &put(key, value)).await,
            pairs => {
                let mut message = Vec::new();
                for (key, value) in pairs {
                    let mut op = Vec::new();
                    field(&mut op, 2, &put(key, value));
                    field(&mut message, 2, &op);
                }
                self.call("Txn", &message).await
            }
        };
        answer.expect("goes through");
    }

    /// How many bytes the answer has.
    pub async fn range(&self, key: &str, end: &str, limit: usize) -> usize {
        let answer = self.call("Range", &range(key, end, limit)).await;
        answer.expect("readable").len()
    }
}

fn put(key: &str, value: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    field(&mut message, 1, key.as_bytes());
    field(&mut message, 2, value);
    message
}

fn range(key: &str, end: &str, limit: usize) -> Vec<u8> {
    let mut message = Vec::new();
    field(&mut message, 1, key.as_bytes());
    // To etcd an end that is there and empty means "all keys from here".
    if !end.is_empty() {
        field(&mut message, 2, end.as_bytes());
    }
    message.push(3 << 3);
    varint(&mut message, limit);
    message
}

/// A field of bytes.
fn field(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    message.push(number << 3 | 2);
    varint(message, bytes.len());
    message.extend(bytes);
}

fn varint(message: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        message.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    message.push(u8::try_from(number).expect("seven bits"));
}
