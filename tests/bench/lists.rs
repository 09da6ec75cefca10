//! 10,000 pods: what they cost in memory, and what a list of all of them takes.

use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;

use crate::load::percentile;
use crate::objects::{self, PODS};
use crate::table::{Table, grouped, megabytes};
use crate::wire::Target;
use crate::{Bench, echo};

const COUNT: usize = 10_000;
const WRITERS: usize = 16;
const LISTS: usize = 10;
/// For what follows a write (informers, rings) to come to rest before memory is read.
const REST: Duration = Duration::from_secs(5);

pub async fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    // The first ten thousand fill caches and rings of a fixed size.
    create(bench, objects::OTHER_PODS).await?;
    bench.clock.sleep(REST).await;
    let (before, _) = bench.server.resident()?;
    create(bench, PODS).await?;
    bench.clock.sleep(REST).await;
    let (after, _) = bench.server.resident()?;
    let list = bench
        .api
        .connect()
        .await?
        .ask("GET", PODS, "", Bytes::new())
        .await?;
    let size = list.len() as u64;
    let count = COUNT as u64;
    table.row(
        format!("memory for each of {COUNT} more pods of {} B", size / count),
        format!(
            "{} B",
            grouped((after.saturating_sub(before) / count) as f64)
        ),
        "the pod itself".to_owned(),
        "",
    );
    let (took, grown) = lists(bench, &bench.api, PODS, size).await?;
    let mut setter = bench.echo.connect().await?;
    echo::set(&mut setter, list).await?;
    let (reference, _) = lists(bench, &bench.echo, echo::VALUE, size).await?;
    table.row(
        format!("list of {COUNT} pods, {}", megabytes(size)),
        format!("{} ms", took.as_millis()),
        format!("axum {} ms", reference.as_millis()),
        "60 ms",
    );
    table.row(
        format!("memory grown at most by {LISTS} such lists"),
        megabytes(grown),
        "the answer's size".to_owned(),
        &megabytes(size),
    );
    Ok(())
}

async fn create(bench: &Bench, path: &'static str) -> Result<()> {
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let mut connection = bench.api.connect().await?;
        writers.push(tokio::spawn(async move {
            for number in (writer..COUNT).step_by(WRITERS) {
                let body = objects::pod(number);
                connection
                    .ask("POST", path, "application/json", body)
                    .await?;
            }
            anyhow::Ok(())
        }));
    }
    for writer in writers {
        writer.await??;
    }
    Ok(())
}

/// The median, and how far memory grew.
async fn lists(bench: &Bench, target: &Target, path: &str, size: u64) -> Result<(Duration, u64)> {
    let mut connection = target.connect().await?;
    let mut took = Vec::new();
    bench.server.forget_peak()?;
    let (before, _) = bench.server.resident()?;
    for _ in 0..LISTS {
        let from = bench.clock.monotonic();
        let length = connection.drain(path).await?;
        took.push(bench.clock.monotonic() - from);
        ensure!(length == size, "{path}: {length} bytes instead of {size}");
    }
    let (_, peak) = bench.server.resident()?;
    Ok((percentile(&mut took, 50), peak.saturating_sub(before)))
}
