//! Whom to evict so that a pod fits: a pure function. Entry point: [`preempt`].

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::Timestamp;

use crate::diagnosis::Diagnosis;
use crate::framework::{PostFilterCx, Rejection};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;

/// The reason of the `DisruptionTarget` condition that victims get.
pub const REASON: &str = "PreemptionByScheduler";

/// A node on which room can be made.
#[derive(Clone, Debug)]
pub struct Nomination {
    pub node: Arc<str>,
    /// Who has to go, highest priority first.
    pub victims: Vec<Arc<PodInfo>>,
}

/// Why there is no nomination; the texts are upstream's.
#[derive(Debug)]
pub enum Refusal {
    /// The pod may not preempt, or must wait for its victims.
    NotEligible(&'static str),
    /// No eviction makes it fit.
    NoCandidate(Box<Diagnosis>),
}

struct Candidate {
    nomination: Nomination,
    /// How many victims are below what their budgets allow.
    violations: usize,
}

/// The node that loses least.
///
/// # Errors
/// Why no room can be made.
pub fn preempt(cx: &PostFilterCx<'_>) -> Result<Nomination, Refusal> {
    check_eligible(cx).map_err(Refusal::NotEligible)?;
    let mut failed = Diagnosis {
        total: cx.diagnosis.total,
        others: Some(Rejection::unresolvable(
            "Preemption is not helpful for scheduling",
        )),
        ..Diagnosis::default()
    };
    let mut candidates = Vec::new();
    for node in cx.snapshot.nodes() {
        let rejected = cx.diagnosis.of_node(&node.name);
        if rejected.is_none_or(|rejection| rejection.unresolvable) {
            continue;
        }
        match victims_on(cx, node) {
            Ok(candidate) => candidates.push(candidate),
            Err(why) => {
                failed.nodes.insert(node.name.clone(), why);
            }
        }
    }
    let best = candidates.into_iter().min_by_key(cost);
    best.map(|candidate| candidate.nomination)
        .ok_or_else(|| Refusal::NoCandidate(Box::new(failed)))
}

/// A pod that may not preempt, or whose victims are still leaving, gets no others.
fn check_eligible(cx: &PostFilterCx<'_>) -> Result<(), &'static str> {
    if !cx.pod.preempts {
        return Err("not eligible due to preemptionPolicy=Never.");
    }
    let nominated = cx.snapshot.nomination(&cx.pod.uid);
    let Some(node) = cx.snapshot.node(nominated) else {
        return Ok(());
    };
    let rejected = cx.diagnosis.of_node(nominated);
    if rejected.is_some_and(|rejection| rejection.unresolvable) {
        return Ok(());
    }
    let leaving = |other: &Arc<PodInfo>| other.preempted && other.priority < cx.pod.priority;
    if node.pods.values().any(leaving) {
        return Err("not eligible due to a terminating pod on the nominated node.");
    }
    Ok(())
}

/// Takes all pods of lower priority away, then gives back as many as possible: those whose
/// budgets would be violated first, then the others, each by importance.
fn victims_on(cx: &PostFilterCx<'_>, node: &NodeInfo) -> Result<Candidate, Rejection> {
    let mut left = node.clone();
    let lower = node.pods.values().filter(|p| p.priority < cx.pod.priority);
    let mut lower: Vec<Arc<PodInfo>> = lower.cloned().collect();
    if lower.is_empty() {
        let why = "No preemption victims found for incoming pod";
        return Err(Rejection::unresolvable(why));
    }
    for pod in &lower {
        left.remove_pod(&pod.uid);
    }
    let fits = |node: &NodeInfo| {
        let (framework, snapshot) = (cx.framework, cx.snapshot);
        framework.filter_with_nominated(cx.state, cx.pod, node, snapshot)
    };
    fits(&left).map_err(|(_, why)| why)?;
    lower.sort_by_key(|pod| importance(pod));
    let (violating, others) = split_by_budgets(cx.snapshot, lower);
    let mut spare = |pods: Vec<Arc<PodInfo>>| {
        let mut victims = Vec::new();
        for pod in pods {
            left.add_pod(pod.clone());
            if fits(&left).is_err() {
                left.remove_pod(&pod.uid);
                victims.push(pod);
            }
        }
        victims
    };
    let mut victims = spare(violating);
    let violations = victims.len();
    victims.extend(spare(others));
    victims.sort_by_key(|pod| importance(pod));
    Ok(Candidate {
        nomination: Nomination {
            node: node.name.clone(),
            victims,
        },
        violations,
    })
}

/// Sorts the most important first: by priority, then by how long it has been running.
fn importance(pod: &PodInfo) -> (Reverse<i32>, Timestamp) {
    (Reverse(pod.priority), pod.started.unwrap_or(Timestamp::MAX))
}

/// Those whose eviction would take more than a budget allows, and all others, in order.
fn split_by_budgets(
    snapshot: &Snapshot,
    pods: Vec<Arc<PodInfo>>,
) -> (Vec<Arc<PodInfo>>, Vec<Arc<PodInfo>>) {
    let mut budgets: Vec<_> = snapshot
        .budgets()
        .map(|(_, budget)| (budget, budget.allowed))
        .collect();
    pods.into_iter().partition(|pod| {
        let mut violates = false;
        for (budget, allowed) in &mut budgets {
            if budget.covers(pod) {
                *allowed -= 1;
                violates |= *allowed < 0;
            }
        }
        violates
    })
}

/// What upstream compares, in its order: violated budgets, the most important victim, the sum
/// of priorities, the number of victims; then the later start of the most important ones.
type Cost = (usize, Option<i32>, i64, usize, Reverse<Timestamp>);

fn cost(candidate: &Candidate) -> Cost {
    let victims = &candidate.nomination.victims;
    let highest = victims.iter().map(|pod| pod.priority).max();
    // Shifted so that more victims always weigh more, whatever the signs.
    let weight = |pod: &Arc<PodInfo>| i64::from(pod.priority) + i64::from(i32::MAX) + 1;
    let top = victims.iter().filter(|pod| Some(pod.priority) == highest);
    let earliest = top.filter_map(|pod| pod.started).min();
    (
        candidate.violations,
        highest,
        victims.iter().map(weight).sum(),
        victims.len(),
        Reverse(earliest.unwrap_or(Timestamp::MAX)),
    )
}

#[cfg(test)]
mod tests;
