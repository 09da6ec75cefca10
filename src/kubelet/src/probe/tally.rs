//! Counts equal results in a row: only enough of them change a verdict.

use api::core::Probe;

use super::Kind;

/// What one attempt found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Failure,
    /// The question could not be asked: it counts for nothing.
    Unknown,
}

/// The state of one probe of one run.
#[derive(Clone, Debug)]
pub struct Tally {
    kind: Kind,
    success_threshold: i32,
    failure_threshold: i32,
    last: Option<bool>,
    run: i32,
}

/// A threshold is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Result {
    pub success: bool,
    /// Nothing more is asked of this run: it is to be killed, or has come up.
    pub last: bool,
}

impl Tally {
    pub fn new(kind: Kind, probe: &Probe) -> Self {
        Self {
            kind,
            success_threshold: probe.success_threshold.unwrap_or(1).max(1),
            failure_threshold: probe.failure_threshold.unwrap_or(3).max(1),
            last: None,
            run: 0,
        }
    }

    /// Counts an outcome; gives the result that now holds, if a threshold is reached.
    pub fn count(&mut self, outcome: Outcome) -> Option<Result> {
        let success = match outcome {
            Outcome::Success => true,
            Outcome::Failure => false,
            Outcome::Unknown => return None,
        };
        if self.last == Some(success) {
            self.run = self.run.saturating_add(1);
        } else {
            (self.last, self.run) = (Some(success), 1);
        }
        let threshold = if success {
            self.success_threshold
        } else {
            self.failure_threshold
        };
        let last = match self.kind {
            Kind::Startup => true,
            Kind::Liveness => !success,
            Kind::Readiness => false,
        };
        (self.run >= threshold).then_some(Result { success, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `s`, `f`, `?` are outcomes; `+`, `-` results, `!` the last one, `.` none.
    fn check(kind: Kind, success: i32, failure: i32, outcomes: &str, expected: &str) {
        let probe = Probe {
            success_threshold: Some(success),
            failure_threshold: Some(failure),
            ..Probe::default()
        };
        let mut tally = Tally::new(kind, &probe);
        let mut found = String::new();
        for outcome in outcomes.chars() {
            let outcome = match outcome {
                's' => Outcome::Success,
                'f' => Outcome::Failure,
                _ => Outcome::Unknown,
            };
            match tally.count(outcome) {
                None => found.push('.'),
                Some(result) => {
                    found.push(if result.success { '+' } else { '-' });
                    if result.last {
                        found.push('!');
                        break;
                    }
                }
            }
        }
        assert_eq!(found, expected, "{kind:?} {success} {failure} {outcomes}");
    }

    #[test]
    fn thresholds_count_equal_results_in_a_row() {
        check(Kind::Readiness, 1, 3, "fffs", "..-+");
        check(Kind::Readiness, 2, 1, "sfss", ".-.+");
        check(Kind::Readiness, 1, 3, "ffsff", "..+..");
        check(Kind::Readiness, 1, 2, "f?f", "..-");
        check(Kind::Liveness, 1, 3, "sffsfffs", "+..+..-!");
        check(Kind::Liveness, 1, 1, "f", "-!");
        check(Kind::Startup, 1, 3, "ffs", "..+!");
        check(Kind::Startup, 1, 2, "ff", ".-!");
    }
}
