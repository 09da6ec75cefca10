//! Fan-out: every change of ConfigMaps reaches every watcher. Each watcher has its own
//! connection. Lag runs from before the write is sent until the watcher has its frame.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base::Clock;
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::task::JoinHandle;

use crate::load::percentile;
use crate::objects::{self, MAPS};
use crate::table::{Table, grouped};
use crate::wire::{Connection, Target};
use crate::{Bench, echo};

/// How many watch, and the aims: events a second and the lag's 99th percentile.
const WATCHERS: [(usize, &str); 2] = [(100, "178,380 events/s, p99 19 ms"), (1_000, "")];
const OBJECT: &str = "watched";
/// Events that reach each watcher when writers write as fast as they can.
const FLAT_OUT: usize = 400_000;
const WRITERS: usize = 4;
/// A writer that leaves time between writes tells the lag without a queue.
const PACE: Duration = Duration::from_millis(50);
const PACED: usize = 100;
const MARK: &[u8] = b"\"0sent\":\"";

pub async fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    let mut connection = bench.api.connect().await?;
    for writer in 0..WRITERS {
        let body = objects::config_map(&format!("{OBJECT}-{writer}"), 0);
        connection
            .ask("POST", MAPS, "application/json", body)
            .await?;
    }
    for (watchers, aim) in WATCHERS {
        let (before, _) = bench.server.resident()?;
        let ours = fan_out(bench, &Side::Api, watchers).await?;
        let grown = bench.server.resident()?.0.saturating_sub(before);
        let reference = fan_out(bench, &Side::Echo, watchers).await?;
        let what = |how: &str| format!("watch, {watchers} watchers, {how}");
        table.row(
            what(&format!("{WRITERS} writers")),
            ours.flat_out,
            format!("axum {}", reference.flat_out),
            aim,
        );
        let paced = format!("{} writes/s", 1_000 / PACE.as_millis());
        table.row(
            what(&paced),
            ours.paced,
            format!("axum {}", reference.paced),
            "",
        );
        let each = grouped((grown / watchers as u64) as f64);
        table.row(
            what("memory for each"),
            format!("{each} B"),
            String::new(),
            "",
        );
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Api,
    Echo,
}

impl Side {
    fn target(self, bench: &Bench) -> &Target {
        match self {
            Self::Api => &bench.api,
            Self::Echo => &bench.echo,
        }
    }

    /// One write, which makes a frame for every watcher.
    async fn write(self, connection: &mut Connection, writer: usize, sent: u128) -> Result<()> {
        let (path, media, body) = match self {
            Self::Api => (
                format!("{MAPS}/{OBJECT}-{writer}"),
                "application/merge-patch+json",
                objects::patch(sent),
            ),
            // A frame as long as the server's.
            Self::Echo => (
                echo::FRAMES.to_owned(),
                "",
                objects::config_map(&"n".repeat(250), sent),
            ),
        };
        connection.ask("PATCH", &path, media, body).await?;
        Ok(())
    }
}

struct Figures {
    flat_out: String,
    paced: String,
}

async fn fan_out(bench: &Bench, side: &Side, watchers: usize) -> Result<Figures> {
    let clock = &bench.clock;
    let writes = (FLAT_OUT / watchers).max(1_000) / WRITERS * WRITERS;
    let watching = watch(bench, *side, watchers, writes).await?;
    let from = clock.monotonic();
    let mut writing = Vec::new();
    for writer in 0..WRITERS {
        let (mut connection, clock) = (side.target(bench).connect().await?, clock.clone());
        let side = *side;
        writing.push(tokio::spawn(async move {
            for _ in 0..writes / WRITERS {
                let sent = clock.monotonic().as_nanos();
                side.write(&mut connection, writer, sent).await?;
            }
            anyhow::Ok(())
        }));
    }
    for writer in writing {
        writer.await??;
    }
    let mut lags = all(watching).await?;
    let took = clock.monotonic() - from;
    let events = f64::from(u32::try_from(lags.len())?);
    let flat_out = format!(
        "{} events/s, {}",
        grouped(events / took.as_secs_f64()),
        text(&mut lags)
    );

    let watching = watch(bench, *side, watchers, PACED).await?;
    let mut connection = side.target(bench).connect().await?;
    for _ in 0..PACED {
        clock.sleep(PACE).await;
        let sent = clock.monotonic().as_nanos();
        side.write(&mut connection, 0, sent).await?;
    }
    let paced = text(&mut all(watching).await?);
    Ok(Figures { flat_out, paced })
}

fn text(lags: &mut [Duration]) -> String {
    let mut ms = |percent| percentile(lags, percent).as_secs_f64() * 1e3;
    format!("lag p50 {:.1} ms, p99 {:.1} ms", ms(50), ms(99))
}

type Watching = Vec<JoinHandle<Result<Vec<Duration>>>>;

async fn all(watching: Watching) -> Result<Vec<Duration>> {
    let mut lags = Vec::new();
    for watcher in watching {
        lags.extend(watcher.await??);
    }
    Ok(lags)
}

/// Watchers that are there when this returns; each ends after `count` events.
async fn watch(bench: &Bench, side: Side, watchers: usize, count: usize) -> Result<Watching> {
    let path = match side {
        Side::Api => {
            let mut connection = side.target(bench).connect().await?;
            let path = format!("{MAPS}?limit=1");
            let list = connection.ask("GET", &path, "", Bytes::new()).await?;
            let list: serde_json::Value = serde_json::from_slice(&list)?;
            let at = list["metadata"]["resourceVersion"].as_str();
            format!(
                "{MAPS}?watch=true&resourceVersion={}",
                at.context("a list")?
            )
        }
        Side::Echo => echo::FRAMES.to_owned(),
    };
    let path = Arc::new(path);
    let mut watching = Vec::new();
    for _ in 0..watchers {
        let mut connection = side.target(bench).connect().await?;
        let answer = connection.send("GET", &path, "", Bytes::new()).await?;
        let clock = bench.clock.clone();
        watching.push(tokio::spawn(async move {
            // The connection ends when it is dropped.
            let lags = lags(answer.into_body(), count, &clock).await;
            drop(connection);
            lags
        }));
    }
    Ok(watching)
}

/// Reads frames until it has seen `count`.
async fn lags(mut body: Incoming, count: usize, clock: &Clock) -> Result<Vec<Duration>> {
    let (mut lags, mut text) = (Vec::with_capacity(count), BytesMut::new());
    while lags.len() < count {
        let frame = body.frame().await.context("a watch goes on")??;
        if let Some(data) = frame.data_ref() {
            text.extend_from_slice(data);
        }
        let now = clock.monotonic();
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            lags.push(now.saturating_sub(sent(&text[..end])?));
            text.advance(end + 1);
        }
    }
    ensure!(
        lags.len() == count,
        "{} frames instead of {count}",
        lags.len()
    );
    Ok(lags)
}

/// When a frame's write was sent.
fn sent(line: &[u8]) -> Result<Duration> {
    let at = line.windows(MARK.len()).position(|part| part == MARK);
    let digits = line[at.context("a frame says when it was sent")? + MARK.len()..]
        .split(|byte| *byte == b'"');
    let digits = digits.into_iter().next().unwrap_or_default();
    Ok(Duration::from_nanos(std::str::from_utf8(digits)?.parse()?))
}
