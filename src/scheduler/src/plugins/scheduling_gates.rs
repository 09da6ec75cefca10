//! Keeps pods with scheduling gates out of the queue.

use crate::framework::{Plugin, PreEnqueue, Rejection};
use crate::pod::PodInfo;
use crate::wakeup::EventKind;

pub static PLUGIN: Plugin = Plugin {
    events: &[EventKind::PodGatesEliminated],
    pre_enqueue: Some(&SchedulingGates),
    ..Plugin::named("SchedulingGates")
};

struct SchedulingGates;

impl PreEnqueue for SchedulingGates {
    fn pre_enqueue(&self, pod: &PodInfo) -> Result<(), Rejection> {
        if pod.gates.is_empty() {
            return Ok(());
        }
        let gates = pod.gates.join(" ");
        let why = format!("waiting for scheduling gates: [{gates}]");
        Err(Rejection::unresolvable(why))
    }
}
