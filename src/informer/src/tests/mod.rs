//! Caches against servers that behave, misbehave, forget and start over.

mod controller;
mod oracle;
mod recorder;
mod script;

use std::future::Future;
use std::time::Duration;

use base::clock::Hands;

/// Moves the clock in steps of 50 ms, as fast as tasks run, until `future` is ready.
async fn while_time_passes<F: Future>(hands: &Hands, future: F) -> F::Output {
    let time = async {
        loop {
            hands.advance(Duration::from_millis(50));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        output = future => output,
        () = time => unreachable!("time does not end"),
    }
}
