//! Probes: whether containers have started, live, and are ready (kubelet-cri-facts §8).
//!
//! Entry point: [`Probes`], which each pod worker owns. `tally` counts results, `check` asks once,
//! `task` keeps asking. A pod without probes has no task.

mod check;
mod probes;
mod tally;
mod task;

use std::collections::BTreeMap;

use api::core::{Container, Probe};

pub use probes::Probes;

/// The three questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Has it come up? Until then the others are not asked.
    Startup,
    /// Must it be restarted?
    Liveness,
    /// May it get requests?
    Readiness,
}

impl Kind {
    /// As events begin.
    fn title(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
        }
    }

    fn of(self, container: &Container) -> Option<&Probe> {
        match self {
            Self::Startup => container.startup_probe.as_ref(),
            Self::Liveness => container.liveness_probe.as_ref(),
            Self::Readiness => container.readiness_probe.as_ref(),
        }
    }

    /// The event's text when a failure of this probe ends a container.
    pub fn killing(self, container: &str) -> String {
        let probe = self.title().to_lowercase();
        format!("Container {container} failed {probe} probe, will be restarted")
    }
}

/// What the probes of one run of a container say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub started: bool,
    pub ready: bool,
    /// It must be killed.
    pub failed: Option<Kind>,
}

impl Verdict {
    /// Of a container that has no probe.
    pub const UNPROBED: Self = Self {
        started: true,
        ready: true,
        failed: None,
    };

    /// Before the first result.
    fn initial(container: &Container) -> Self {
        Self {
            started: container.startup_probe.is_none(),
            ready: container.readiness_probe.is_none(),
            failed: None,
        }
    }
}

/// Verdicts on the newest runs, by container name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts(BTreeMap<String, Verdict>);

impl Verdicts {
    pub fn of(&self, container: &str) -> Verdict {
        self.0.get(container).copied().unwrap_or(Verdict::UNPROBED)
    }
}

impl FromIterator<(String, Verdict)> for Verdicts {
    fn from_iter<I: IntoIterator<Item = (String, Verdict)>>(verdicts: I) -> Self {
        Self(verdicts.into_iter().collect())
    }
}
