//! What `kubectl get pods` shows.

use std::collections::HashSet;

use serde_json::Value;

use crate::cells::{AGE, NAME, or_none, spec, status, text, wide};
use crate::column::{Cell, Column};
use crate::json;

use super::state::State;

pub(super) const COLUMNS: &[Column] = &[
    NAME,
    text("Ready", "Ready containers of all.", |cell| {
        let state = State::of(cell.object);
        format!("{}/{}", state.ready, state.total).into()
    }),
    text("Status", "What the pod is doing.", |cell| {
        State::of(cell.object).reason.into()
    }),
    text(
        "Restarts",
        "How often containers were restarted, and when last.",
        |cell| State::of(cell.object).restarts_text(cell.now).into(),
    ),
    AGE,
    wide(text("IP", "The pod's first address.", |cell| {
        let first = json::maps(status(cell.object), "podIPs").next();
        or_none(first.map_or("", |ip| json::text(ip, "ip"))).into()
    })),
    wide(text("Node", "Where it runs.", |cell| {
        or_none(json::text(spec(cell.object), "nodeName")).into()
    })),
    wide(text(
        "Nominated Node",
        "Where room is being made for it.",
        |cell| or_none(json::text(status(cell.object), "nominatedNodeName")).into(),
    )),
    wide(text("Readiness Gates", "Passed gates of all.", |cell| {
        readiness_gates(cell).into()
    })),
];

fn readiness_gates(cell: &Cell<'_>) -> String {
    let gates = json::list(spec(cell.object), "readinessGates");
    if gates.is_empty() {
        return or_none("").to_owned();
    }
    let conditions = json::maps(status(cell.object), "conditions");
    let holding: HashSet<Option<&Value>> = conditions
        .filter(|condition| json::text(condition, "status") == "True")
        .map(|condition| condition.get("type"))
        .collect();
    let types = gates.iter().map(|gate| gate.get("conditionType"));
    let passed = types.filter(|kind| holding.contains(kind)).count();
    format!("{passed}/{}", gates.len())
}
