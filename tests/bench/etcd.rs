//! The reference for writes: Debian's etcd, which syncs its log before it answers, asked over
//! plain gRPC with one connection for each client.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base::Clock;
use bytes::{BufMut, Bytes, BytesMut};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::process::Process;

pub const ADDRESS: &str = "127.0.0.1:12379";

pub async fn start(directory: &Path, clock: &Clock) -> Result<Process> {
    let mut command = Command::new("etcd");
    command
        .args(["--listen-client-urls", "http://127.0.0.1:12379"])
        .args(["--advertise-client-urls", "http://127.0.0.1:12379"])
        .args(["--listen-peer-urls", "http://127.0.0.1:12380"])
        .args(["--quota-backend-bytes", "8589934592"])
        .arg("--data-dir")
        .arg(directory.join("etcd"));
    let process = Process::start(&mut command, &directory.join("etcd.log"))?;
    let deadline = clock.monotonic() + Duration::from_secs(30);
    loop {
        let first = async { Etcd::connect(ADDRESS).await?.put(b"/first", b"1").await };
        match first.await {
            Ok(()) => return Ok(process),
            Err(error) if clock.monotonic() > deadline => return Err(error.context("etcd")),
            Err(_) => clock.sleep(Duration::from_millis(50)).await,
        }
    }
}

pub struct Etcd {
    sender: SendRequest<Full<Bytes>>,
    address: String,
}

impl Etcd {
    pub async fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self {
            sender,
            address: address.to_owned(),
        })
    }

    pub async fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let request = Request::post(format!("http://{}/etcdserverpb.KV/Put", self.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(message(key, value)?))?;
        let answer = self.sender.send_request(request).await?;
        let whole = answer.into_body().collect().await?;
        let status = whole.trailers().and_then(|map| map.get("grpc-status"));
        match status.context("an answer without trailers")?.as_bytes() {
            b"0" => Ok(()),
            status => bail!("gRPC status {}", String::from_utf8_lossy(status)),
        }
    }
}

/// A gRPC frame around `PutRequest{key = 1, value = 2}`.
fn message(key: &[u8], value: &[u8]) -> Result<Bytes> {
    let mut put = BytesMut::new();
    for (tag, field) in [(0x0a, key), (0x12, value)] {
        put.put_u8(tag);
        varint(&mut put, field.len())?;
        put.put_slice(field);
    }
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(put.len())?);
    frame.put_slice(&put);
    Ok(frame.freeze())
}

fn varint(into: &mut BytesMut, mut number: usize) -> Result<()> {
    while number >= 0x80 {
        into.put_u8(u8::try_from(number & 0x7f)? | 0x80);
        number >>= 7;
    }
    into.put_u8(u8::try_from(number)?);
    Ok(())
}
