//! Why a pod fits nowhere, and the text that says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::framework::Rejection;

/// What the cycle found out, node by node. Its text is upstream's `FitError`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// How many nodes there are.
    pub total: usize,
    /// What was said against the nodes that were looked at.
    pub nodes: BTreeMap<Arc<str>, Rejection>,
    /// What is to be said against all others.
    pub others: Option<Rejection>,
    /// What a PreFilter said against the pod as a whole; empty when none did.
    pub pre_filter: String,
    /// What the PostFilters said; empty when room can be made.
    pub post_filter: String,
    /// Who rejected it. Nobody when there are no nodes.
    pub plugins: BTreeSet<&'static str>,
}

impl Diagnosis {
    /// What is said against a node.
    #[must_use]
    pub fn of_node(&self, name: &str) -> Option<&Rejection> {
        self.nodes.get(name).or(self.others.as_ref())
    }

    /// How many nodes have each reason.
    fn reasons(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        let unnamed = self.total.saturating_sub(self.nodes.len());
        let others = self.others.iter().map(|rejection| (rejection, unnamed));
        let named = self.nodes.values().map(|rejection| (rejection, 1));
        for (rejection, nodes) in named.chain(others).filter(|(_, nodes)| *nodes > 0) {
            for reason in &rejection.reasons {
                *counts.entry(reason.as_str()).or_default() += nodes;
            }
        }
        counts
    }
}

/// `0/<nodes> nodes are available: <filters>. <post filters>`: the filters' part is
/// `<count> <reason>`, sorted as texts, or what a PreFilter said.
impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.total == 0 {
            return f.write_str("no nodes available to schedule pods");
        }
        write!(f, "0/{} nodes are available:", self.total)?;
        let filters = if self.pre_filter.is_empty() {
            let reasons = self.reasons().into_iter();
            let mut items: Vec<_> = reasons.map(|(why, n)| format!("{n} {why}")).collect();
            items.sort();
            items.join(", ")
        } else {
            self.pre_filter.clone()
        };
        if !filters.is_empty() {
            write!(f, " {filters}.")?;
        }
        if !self.post_filter.is_empty() {
            write!(f, " {}", self.post_filter)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, reasons: &[&str]) -> (Arc<str>, Rejection) {
        let rejection = Rejection {
            unresolvable: false,
            reasons: reasons.iter().map(|&r| r.to_owned()).collect(),
        };
        (name.into(), rejection)
    }

    #[test]
    fn texts_are_upstreams() {
        let fit = Diagnosis {
            total: 12,
            nodes: [
                node("a", &["Insufficient cpu", "Too many pods"]),
                node("b", &["Insufficient cpu"]),
            ]
            .into(),
            others: Some(Rejection::unresolvable("node(s) were unschedulable")),
            ..Diagnosis::default()
        };
        let rows = [
            (Diagnosis::default(), "no nodes available to schedule pods"),
            (
                Diagnosis {
                    post_filter: "no new claims to deallocate".to_owned(),
                    ..fit.clone()
                },
                // Sorted as texts: 10 comes before 2.
                "0/12 nodes are available: 1 Too many pods, 10 node(s) were unschedulable, \
                 2 Insufficient cpu. no new claims to deallocate",
            ),
            (
                Diagnosis {
                    pre_filter: "pod affinity terms conflict".to_owned(),
                    post_filter: "not found".to_owned(),
                    ..fit
                },
                "0/12 nodes are available: pod affinity terms conflict. not found",
            ),
        ];
        for (diagnosis, expected) in rows {
            assert_eq!(diagnosis.to_string(), expected);
        }
    }
}
