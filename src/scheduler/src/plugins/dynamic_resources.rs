//! Pods that ask for devices by `spec.resourceClaims`.
//!
//! No node of this cluster publishes devices, so such a pod fits nowhere, and is told so in
//! upstream's words. For other pods this plugin has nothing to give back to make room.

use crate::framework::{
    CycleState, Filter, Plugin, PostFilter, PostFilterCx, PostFiltered, PreFilter, PreFiltered,
    Rejection,
};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;
use crate::wakeup::EventKind;

const NAME: &str = "DynamicResources";

pub static PLUGIN: Plugin = Plugin {
    events: &[EventKind::NodeAdd],
    pre_filter: Some(&DynamicResources),
    filter: Some(&DynamicResources),
    post_filter: Some(&DynamicResources),
    ..Plugin::named(NAME)
};

struct DynamicResources;

/// That this cycle's PreFilter has run: when another plugin rejected the pod before, the
/// PostFilter finds nothing.
struct Seen;

impl PreFilter for DynamicResources {
    fn pre_filter(
        &self,
        state: &mut CycleState,
        pod: &PodInfo,
        _: &Snapshot,
    ) -> Result<PreFiltered, Rejection> {
        state.write(NAME, Seen);
        if pod.claims {
            Ok(PreFiltered::All)
        } else {
            Ok(PreFiltered::Skip)
        }
    }
}

impl Filter for DynamicResources {
    fn filter(&self, _: &CycleState, pod: &PodInfo, _: &NodeInfo) -> Result<(), Rejection> {
        if pod.claims {
            return Err(Rejection::unresolvable("cannot allocate all claims"));
        }
        Ok(())
    }
}

impl PostFilter for DynamicResources {
    fn post_filter(&self, cx: &PostFilterCx<'_>) -> PostFiltered {
        match cx.state.read::<Seen>(NAME) {
            Some(Seen) if cx.pod.claims => {
                PostFiltered::Rejected("still not schedulable".to_owned())
            }
            Some(Seen) => PostFiltered::Rejected("no new claims to deallocate".to_owned()),
            None => PostFiltered::Failed("not found".to_owned()),
        }
    }
}
