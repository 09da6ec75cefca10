//! Named places where a test makes the program fail: after a store commit, before a shim answers.
//!
//! Without the `faults` feature (every release build) a fail point is nothing at all. With it,
//! the environment variable `RK3S_FAILPOINTS` arms points for a process:
//! `store::before-publish=exit;shim::answer=error(2)`. `error(n)` fires at the n-th pass.

/// What an armed point asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller returns an error of its own kind.
    Error,
    /// The process ends at once, as with `kill -9`.
    Exit,
}

/// The fault armed at `point` for this pass, if any. An `exit` never returns.
#[cfg(not(feature = "faults"))]
#[must_use]
#[inline(always)]
pub fn at(_point: &str) -> Option<Fault> {
    None
}

#[cfg(feature = "faults")]
pub use armed::{arm, at};

#[cfg(feature = "faults")]
mod armed {
    use super::Fault;
    use std::collections::HashMap;
    use std::sync::{LazyLock, Mutex, PoisonError};

    /// Point to (fault, passes left until it fires).
    static POINTS: LazyLock<Mutex<HashMap<String, (Fault, u64)>>> = LazyLock::new(|| {
        let armed = std::env::var("RK3S_FAILPOINTS").unwrap_or_default();
        Mutex::new(armed.split(';').filter_map(parse).collect())
    });

    fn parse(entry: &str) -> Option<(String, (Fault, u64))> {
        let (point, action) = entry.split_once('=')?;
        let (verb, nth) = match action.split_once('(') {
            Some((verb, rest)) => (verb, rest.trim_end_matches(')').parse().ok()?),
            None => (action, 1),
        };
        let fault = match verb {
            "error" => Fault::Error,
            "exit" => Fault::Exit,
            _ => return None,
        };
        Some((point.trim().to_owned(), (fault, nth)))
    }

    /// Arms `point` to fire at its `nth` pass from now (1 is the next).
    pub fn arm(point: &str, fault: Fault, nth: u64) {
        let mut points = POINTS.lock().unwrap_or_else(PoisonError::into_inner);
        points.insert(point.to_owned(), (fault, nth));
    }

    /// The fault armed at `point` for this pass, if any. An `exit` never returns.
    #[must_use]
    pub fn at(point: &str) -> Option<Fault> {
        let mut points = POINTS.lock().unwrap_or_else(PoisonError::into_inner);
        let (fault, left) = points.get_mut(point)?;
        *left = left.saturating_sub(1);
        if *left > 0 {
            return None;
        }
        let fault = *fault;
        points.remove(point);
        if fault == Fault::Exit {
            // As with `kill -9`: no destructor runs, nothing is flushed.
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
                .expect("a process may kill itself");
        }
        Some(fault)
    }
}
