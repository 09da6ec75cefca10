//! Makes room by evicting pods of lower priority.

use crate::framework::{Plugin, PostFilter, PostFilterCx, PostFiltered};
use crate::preemption::{Refusal, preempt};
use crate::wakeup::EventKind;

pub static PLUGIN: Plugin = Plugin {
    events: &[EventKind::AssignedPodDelete],
    post_filter: Some(&DefaultPreemption),
    ..Plugin::named("DefaultPreemption")
};

struct DefaultPreemption;

impl PostFilter for DefaultPreemption {
    fn post_filter(&self, cx: &PostFilterCx<'_>) -> PostFiltered {
        match preempt(cx) {
            Ok(nomination) => PostFiltered::Nominated(nomination),
            Err(Refusal::NotEligible(why)) => PostFiltered::Rejected(format!("preemption: {why}")),
            Err(Refusal::NoCandidate(why)) => PostFiltered::Hopeless(format!("preemption: {why}")),
        }
    }
}
