//! A closed loop: each client asks again as soon as it has its answer.

use std::time::Duration;

use anyhow::Result;
use base::Clock;

/// How long each row is measured, after a tenth of it to warm up.
const TIME: Duration = Duration::from_secs(5);

/// One client's next request. A rate is the sum over all clients.
pub trait Client: Send + 'static {
    fn ask(&mut self, turn: u64) -> impl Future<Output = Result<()>> + Send;
}

/// Requests a second, and how long they took.
pub struct Rate {
    pub per_second: f64,
    pub p99: Duration,
}

pub async fn run<C: Client>(clients: Vec<C>, clock: &Clock) -> Result<Rate> {
    let begin = clock.monotonic() + TIME / 10;
    let end = begin + TIME;
    let running: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let clock = clock.clone();
            tokio::spawn(async move {
                let mut took = Vec::new();
                for turn in 0.. {
                    let from = clock.monotonic();
                    client.ask(turn).await?;
                    let until = clock.monotonic();
                    if until > end {
                        break;
                    }
                    if from >= begin {
                        took.push(until - from);
                    }
                }
                anyhow::Ok(took)
            })
        })
        .collect();
    let mut took = Vec::new();
    for client in running {
        took.extend(client.await??);
    }
    let count = u32::try_from(took.len())?;
    Ok(Rate {
        per_second: f64::from(count) / TIME.as_secs_f64(),
        p99: percentile(&mut took, 99),
    })
}

/// Zero when there is nothing.
pub fn percentile(took: &mut [Duration], percent: usize) -> Duration {
    took.sort_unstable();
    let at = (took.len() * percent / 100).min(took.len().saturating_sub(1));
    took.get(at).copied().unwrap_or_default()
}
