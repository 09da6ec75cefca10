//! The quality of service class, from the requests and limits of cpu and memory.

use std::collections::BTreeMap;

use apimachinery::{Object, Quantity};

use crate::cells::spec;
use crate::json::{self, Json};

type Sums = BTreeMap<&'static str, Quantity>;

const COUNTED: [&str; 2] = ["cpu", "memory"];

/// `Guaranteed`, `Burstable` or `BestEffort`.
pub(super) fn class(pod: &Object) -> &'static str {
    let spec = spec(pod);
    let (mut requests, mut limits) = (Sums::new(), Sums::new());
    let mut all_limited = true;
    let sources: Vec<Option<&Json>> = match json::map(spec, "resources") {
        Some(resources) => vec![Some(resources)],
        None => json::maps(spec, "containers")
            .chain(json::maps(spec, "initContainers"))
            .map(|container| json::map(container, "resources"))
            .collect(),
    };
    for resources in sources {
        add(&mut requests, resources, "requests");
        all_limited &= add(&mut limits, resources, "limits") == COUNTED.len();
    }
    if requests.is_empty() && limits.is_empty() {
        "BestEffort"
    } else if all_limited && requests == limits {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

/// Adds one list to the sums and answers how many of the counted resources it names.
fn add(sums: &mut Sums, resources: Option<&Json>, field: &str) -> usize {
    let list = resources.and_then(|resources| json::map(resources, field));
    let mut found = 0;
    for name in COUNTED {
        let quantity = list
            .and_then(|list| json::text(list, name).parse::<Quantity>().ok())
            .filter(|quantity| *quantity > Quantity::default());
        if let Some(quantity) = quantity {
            found += 1;
            let sum = sums.entry(name).or_default();
            *sum = *sum + quantity;
        }
    }
    found
}
