//! Waiting for what only an outside look can tell. Where a thing can be awaited (a process' end,
//! a watch, `kubectl wait`), scenarios await it instead.

use std::time::Duration;

use anyhow::{Result, bail};
use base::Clock;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks until `look` finds something, at most for `limit`.
///
/// # Errors
/// What the last look said was missing, once the time is up.
pub fn eventually<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<Result<T, String>>,
) -> Result<T> {
    let clock = Clock::system();
    let deadline = clock.monotonic() + limit;
    loop {
        let missing = match look()? {
            Ok(found) => return Ok(found),
            Err(missing) => missing,
        };
        if clock.monotonic() > deadline {
            bail!("{what}: not within {limit:?}: {missing}");
        }
        // Nobody unparks this thread: it is a pause between two looks.
        std::thread::park_timeout(PAUSE);
    }
}
