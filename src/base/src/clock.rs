//! The one source of time. Production code holds a [`Clock`]; tests hold one whose hands they move.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use tokio::sync::watch;

/// A cheap handle on a pair of clocks: wall time, which may jump, and monotonic time, which
/// only moves forward. Deadlines and back-offs use monotonic time, objects carry wall time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    /// The operating system's clocks; the instant is the origin of [`Clock::monotonic`].
    System(Instant),
    /// Hands moved by a test.
    Manual(Hands),
}

/// Moves a manual clock. Wall and monotonic time are set apart, because on a real machine only
/// wall time jumps.
#[derive(Clone, Debug)]
pub struct Hands(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    wall: Mutex<Timestamp>,
    monotonic: watch::Sender<Duration>,
}

/// The awaited thing did not happen within its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("deadline exceeded")]
pub struct Elapsed;

impl Clock {
    /// The operating system's clocks.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the system's clocks"
    )]
    pub fn system() -> Self {
        Self(Source::System(Instant::now()))
    }

    /// A clock that stands still until its hands are moved.
    #[must_use]
    pub fn manual(wall: Timestamp) -> (Self, Hands) {
        let hands = Hands(Arc::new(Inner {
            wall: Mutex::new(wall),
            monotonic: watch::Sender::new(Duration::ZERO),
        }));
        (Self(Source::Manual(hands.clone())), hands)
    }

    /// Wall-clock time, with sub-second precision. API objects cut it to seconds.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the system's clocks"
    )]
    pub fn wall(&self) -> Timestamp {
        match &self.0 {
            // A clock set outside jiff's range (before -9999 or after 9999) reads as the epoch.
            Source::System(_) => Timestamp::try_from(SystemTime::now()).unwrap_or_default(),
            Source::Manual(hands) => *hands.0.wall.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Time since this clock's origin; never goes back.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Source::System(origin) => origin.elapsed(),
            Source::Manual(hands) => *hands.0.monotonic.borrow(),
        }
    }

    /// Resolves once `duration` of monotonic time has passed.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.monotonic().saturating_add(duration))
            .await;
    }

    /// Resolves once [`Clock::monotonic`] has reached `at`.
    #[expect(clippy::disallowed_methods, reason = "the one place that sleeps")]
    pub async fn sleep_until(&self, at: Duration) {
        match &self.0 {
            Source::System(origin) => {
                tokio::time::sleep(at.saturating_sub(origin.elapsed())).await;
            }
            Source::Manual(hands) => {
                let mut moved = hands.0.monotonic.subscribe();
                // The sender lives in `hands`, which this clock holds: it cannot be closed.
                let _closed = moved.wait_for(|now| *now >= at).await;
            }
        }
    }

    /// The future's output, or [`Elapsed`] when `duration` passes first.
    ///
    /// # Errors
    /// [`Elapsed`] when the time is up.
    pub async fn timeout<F: Future>(
        &self,
        duration: Duration,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        tokio::select! {
            biased;
            output = future => Ok(output),
            () = self.sleep(duration) => Err(Elapsed),
        }
    }
}

impl Hands {
    /// Moves both clocks forward by the same amount, as time does.
    pub fn advance(&self, by: Duration) {
        self.shift_wall(by.as_secs_f64());
        self.0.monotonic.send_modify(|now| *now += by);
    }

    /// Jumps wall time only, as an administrator or NTP does; negative goes back.
    pub fn shift_wall(&self, seconds: f64) {
        let mut wall = self.0.wall.lock().unwrap_or_else(PoisonError::into_inner);
        let span = jiff::SignedDuration::from_secs_f64(seconds);
        *wall = wall.saturating_add(span).unwrap_or(*wall);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn manual_clock_sleeps_until_its_hands_move() {
        let (clock, hands) = Clock::manual(Timestamp::UNIX_EPOCH);
        let sleeper = clock.clone();
        let mut sleep = Box::pin(sleeper.sleep(Duration::from_secs(10)));
        assert!(futures::poll!(sleep.as_mut()).is_pending());
        hands.advance(Duration::from_secs(9));
        assert!(futures::poll!(sleep.as_mut()).is_pending());
        hands.advance(Duration::from_secs(1));
        sleep.await;
        assert_eq!(clock.wall(), Timestamp::from_second(10).expect("in range"));
    }

    #[tokio::test]
    async fn wall_jumps_do_not_move_monotonic_time() {
        let (clock, hands) = Clock::manual(Timestamp::UNIX_EPOCH);
        hands.shift_wall(3600.0);
        assert_eq!(clock.monotonic(), Duration::ZERO);
        assert_eq!(clock.wall().as_second(), 3600);
    }

    #[tokio::test]
    async fn timeout_names_the_deadline() {
        let (clock, hands) = Clock::manual(Timestamp::UNIX_EPOCH);
        let never = futures::future::pending::<()>();
        let timed = clock.timeout(Duration::from_secs(1), never);
        tokio::pin!(timed);
        assert!(futures::poll!(timed.as_mut()).is_pending());
        hands.advance(Duration::from_secs(1));
        assert_eq!(timed.await, Err(Elapsed));
    }
}
