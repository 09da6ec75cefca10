//! Respects `spec.nodeName`. A queued pod has none; static checks of placed pods do.

use crate::framework::{CycleState, Filter, Plugin, Rejection};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::wakeup::EventKind;

pub static PLUGIN: Plugin = Plugin {
    events: &[EventKind::NodeAdd],
    filter: Some(&NodeName),
    ..Plugin::named("NodeName")
};

struct NodeName;

impl Filter for NodeName {
    fn filter(&self, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Result<(), Rejection> {
        if pod.node_name.is_empty() || *pod.node_name == *node.name {
            return Ok(());
        }
        let why = "node(s) didn't match the requested node name";
        Err(Rejection::unresolvable(why))
    }
}
