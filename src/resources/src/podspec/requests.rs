//! What the containers of a pod ask for together.

use std::collections::BTreeMap;

use apimachinery::Quantity;
use serde_json::Value;

use crate::json::{self, Json};

/// Of one resource; nothing while nobody has asked.
#[derive(Default)]
struct Sums {
    /// Of the sidecars so far, which run beside all that comes after them.
    sidecars: Option<Quantity>,
    /// The most that was needed while init containers ran.
    peak: Option<Quantity>,
    /// Of sidecars and containers.
    running: Option<Quantity>,
}

/// The sum of each resource's requests that any container asks for: running ones and sidecars at once, and each plain init
/// container beside the sidecars started before it.
pub(crate) fn aggregate_requests(spec: &Json) -> BTreeMap<&str, Quantity> {
    let mut sums: BTreeMap<&str, Sums> = BTreeMap::new();
    for container in json::maps(spec, "initContainers") {
        let stays = json::text(container, "restartPolicy") == "Always";
        for (name, asked) in requests(container) {
            let sum = sums.entry(name).or_default();
            let needed = add(sum.sidecars, asked);
            if stays {
                (sum.sidecars, sum.running) = (needed, needed);
            }
            sum.peak = sum.peak.max(needed);
        }
    }
    for container in json::maps(spec, "containers") {
        for (name, asked) in requests(container) {
            let sum = sums.entry(name).or_default();
            sum.running = add(sum.running, asked);
        }
    }
    sums.into_iter()
        .filter_map(|(name, sum)| Some((name, sum.running.max(sum.peak)?)))
        .collect()
}

fn add(sum: Option<Quantity>, asked: Quantity) -> Option<Quantity> {
    Some(sum.map_or(asked, |sum| sum + asked))
}

/// What a container asks for, as far as it can be read.
fn requests(container: &Json) -> impl Iterator<Item = (&str, Quantity)> {
    let resources = json::map(container, "resources");
    let requests = resources.and_then(|resources| json::map(resources, "requests"));
    let entries = requests.into_iter().flatten();
    entries.filter_map(|(name, asked): (&String, &Value)| {
        Some((name.as_str(), asked.as_str()?.parse().ok()?))
    })
}
