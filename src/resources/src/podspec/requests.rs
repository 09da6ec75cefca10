//! What the containers of a pod ask for together.

use apimachinery::Quantity;
use serde_json::Value;

use crate::json::{self, Json};

/// The sum of one resource's requests, when any container asks for it: running ones and sidecars at once, and each plain init
/// container beside the sidecars started before it.
pub(crate) fn aggregate_requests(spec: &Json, name: &str) -> Option<Quantity> {
    let request = |container: &Json| -> Option<Quantity> {
        let requests = json::map(json::map(container, "resources")?, "requests")?;
        requests.get(name).and_then(Value::as_str)?.parse().ok()
    };
    let add = |sum: Option<Quantity>, more: Option<Quantity>| match (sum, more) {
        (Some(sum), Some(more)) => Some(sum + more),
        (sum, more) => sum.or(more),
    };
    let (mut sidecars, mut peak) = (None, None);
    for container in json::maps(spec, "initContainers") {
        let needed = add(sidecars, request(container));
        if json::text(container, "restartPolicy") == "Always" {
            sidecars = needed;
        }
        peak = peak.max(needed);
    }
    let running = json::maps(spec, "containers").fold(sidecars, |sum, c| add(sum, request(c)));
    running.max(peak)
}
