//! How many pods count in each domain, a domain being the nodes with one value of a label.
//!
//! A cycle counts once, over the snapshot, and then looks at single nodes that need not have
//! the pods they had in the snapshot: preemption has taken some away, and those that room is
//! kept for are there as well. So each node's share is remembered, and whoever asks adds what
//! is on the node now to what is elsewhere.

use std::collections::HashMap;
use std::sync::Arc;

use crate::node::NodeInfo;

/// The domains of one topology key.
#[derive(Debug, Default)]
pub struct Domains {
    counts: HashMap<String, i64>,
    shares: HashMap<Arc<str>, i64>,
    /// Of all domains.
    total: i64,
    /// The two emptiest, as far as there are two.
    emptiest: Vec<(i64, String)>,
}

impl Domains {
    /// Counts a node into the domain that its label names, even when it has no share in it.
    pub fn add(&mut self, node: &NodeInfo, key: &str, share: i64) {
        if let Some(domain) = node.labels.get(key) {
            *self.counts.entry(domain.clone()).or_default() += share;
            self.shares.insert(node.name.clone(), share);
            self.total += share;
        }
    }

    /// Looks for the emptiest domains; no node is to be added afterwards.
    pub fn rank(&mut self) {
        let all = self.counts.iter();
        let mut all: Vec<(i64, String)> = all.map(|(name, n)| (*n, name.clone())).collect();
        all.sort();
        all.truncate(2);
        self.emptiest = all;
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    #[must_use]
    pub fn contains(&self, domain: &str) -> bool {
        self.counts.contains_key(domain)
    }

    /// How many count in a domain, on other nodes than this.
    #[must_use]
    pub fn elsewhere(&self, node: &NodeInfo, domain: &str) -> i64 {
        let all = self.counts.get(domain).copied().unwrap_or(0);
        all - self.shares.get(&node.name).copied().unwrap_or(0)
    }

    /// How many count in all domains, on other nodes than this.
    #[must_use]
    pub fn all_elsewhere(&self, node: &NodeInfo) -> i64 {
        self.total - self.shares.get(&node.name).copied().unwrap_or(0)
    }

    /// How many count in the emptiest of the other domains. For ranked domains.
    #[must_use]
    pub fn least_beside(&self, domain: &str) -> Option<i64> {
        let mut emptiest = self.emptiest.iter();
        let other = emptiest.find(|(_, name)| name != domain);
        other.map(|(count, _)| *count)
    }
}
