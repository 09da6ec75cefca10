//! Binds through the API's `binding` subresource.

use crate::framework::{Bind, CycleState, Plugin};
use crate::node::NodeInfo;
use crate::plan::Step;
use crate::pod::PodInfo;

pub static PLUGIN: Plugin = Plugin {
    bind: Some(&DefaultBinder),
    ..Plugin::named("DefaultBinder")
};

struct DefaultBinder;

impl Bind for DefaultBinder {
    fn bind(&self, _: &CycleState, _: &PodInfo, node: &NodeInfo) -> Option<Step> {
        Some(Step::Bind {
            node: node.name.clone(),
        })
    }
}
