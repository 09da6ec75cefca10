//! Prefers nodes whose CPU and memory would be used to the same degree.

use crate::framework::{CycleState, MAX_SCORE, Plugin, Score, Weighted};
use crate::node::NodeInfo;
use crate::pod::PodInfo;

pub static PLUGIN: Plugin = Plugin {
    score: Some(Weighted {
        score: &BalancedAllocation,
        weight: 1,
    }),
    ..Plugin::named("NodeResourcesBalancedAllocation")
};

struct BalancedAllocation;

impl Score for BalancedAllocation {
    /// 100 less the standard deviation of the used shares, in percent. A pod that requests
    /// nothing changes no balance and scores nothing.
    fn score(&self, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> i64 {
        if pod.requests.milli_cpu == 0 && pod.requests.memory == 0 {
            return 0;
        }
        let used = ["cpu", "memory"].map(|name| {
            let all = node.allocatable.get(name);
            let used = node.requested.get(name) + pod.requests.get(name);
            (all > 0).then(|| share(used, all))
        });
        let deviation = match used {
            // Of two values, the deviation is half their distance.
            [Some(cpu), Some(memory)] => (cpu - memory).abs() / 2,
            _ => 0,
        };
        (PARTS - deviation) * MAX_SCORE / PARTS
    }
}

/// Shares are counted in millionths: exact enough for a score of 0 to 100.
const PARTS: i64 = 1_000_000;

fn share(used: i64, all: i64) -> i64 {
    let share = i128::from(used) * i128::from(PARTS) / i128::from(all);
    i64::try_from(share).unwrap_or(PARTS).clamp(0, PARTS)
}
