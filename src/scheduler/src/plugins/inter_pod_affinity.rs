//! Keeps pods near those they want to be near, and apart from those they do not, or that do not
//! want them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::framework::{CycleState, Filter, Plugin, PreFilter, PreFiltered, Rejection, Weighted};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::pod_affinity::{PodAffinity, PodTerm};
use crate::selector::Labels;
use crate::snapshot::Snapshot;
use crate::topology::Domains;
use crate::wakeup::EventKind;

mod hint;
mod score;

#[cfg(test)]
mod tests;

const NAME: &str = "InterPodAffinity";

pub static PLUGIN: Plugin = Plugin {
    events: &[
        EventKind::AssignedPodAdd,
        EventKind::AssignedPodLabel,
        EventKind::AssignedPodDelete,
        EventKind::PodLabel,
        EventKind::NodeAdd,
        EventKind::NodeLabel,
        EventKind::NodeDelete,
        EventKind::Namespace,
    ],
    hint: |pod, event| hint::may_help(pod, event),
    pre_filter: Some(&InterPodAffinity),
    filter: Some(&InterPodAffinity),
    pre_score: Some(&score::Preferences),
    score: Some(Weighted {
        score: &score::Preferences,
        weight: 2,
    }),
    ..Plugin::named(NAME)
};

struct InterPodAffinity;

/// Where the pods are that matter to the pod of this cycle.
struct Counts {
    /// Its own terms, resolved.
    own: Arc<PodAffinity>,
    /// The labels of its namespace.
    namespace: Labels,
    /// Per required term: pods that match all of them.
    wanted: Vec<Domains>,
    /// Per required anti-affinity term: pods that match it.
    unwanted: Vec<Domains>,
    /// By topology key: other pods' required anti-affinity terms that the pod matches.
    refusing: HashMap<Arc<str>, Domains>,
}

impl Counts {
    fn of(pod: &PodInfo, snapshot: &Snapshot) -> Self {
        let own = resolved(pod, snapshot);
        let mut counts = Self {
            namespace: snapshot.namespace(&pod.key.namespace).clone(),
            wanted: own.required.iter().map(|_| Domains::default()).collect(),
            unwanted: own
                .required_anti
                .iter()
                .map(|_| Domains::default())
                .collect(),
            refusing: HashMap::new(),
            own,
        };
        for node in snapshot.nodes() {
            counts.add(pod, node);
        }
        counts
    }

    fn add(&mut self, pod: &PodInfo, node: &NodeInfo) {
        for (key, share) in refusing(pod, &self.namespace, node) {
            let domains = self.refusing.entry(key.clone()).or_default();
            domains.add(node, &key, share);
        }
        let share = wanted(&self.own, node);
        for (term, domains) in self.own.required.iter().zip(&mut self.wanted) {
            domains.add(node, &term.topology_key, share);
        }
        for (term, domains) in self.own.required_anti.iter().zip(&mut self.unwanted) {
            domains.add(node, &term.topology_key, unwanted(term, node));
        }
    }

    /// Whether each required term finds somebody in the node's domain. The first of a group
    /// that wants to be together would find nobody anywhere: it may choose.
    fn has_wanted(&self, pod: &PodInfo, node: &NodeInfo) -> bool {
        let present = wanted(&self.own, node);
        let mut found = true;
        for (term, domains) in self.own.required.iter().zip(&self.wanted) {
            let Some(domain) = node.labels.get(&*term.topology_key) else {
                return false;
            };
            found &= domains.elsewhere(node, domain) + present > 0;
        }
        let nobody = |domains: &Domains| domains.all_elsewhere(node) + present == 0;
        found || (self.wanted.iter().all(nobody) && self.own.wants(pod))
    }

    fn has_unwanted(&self, node: &NodeInfo) -> bool {
        let mut terms = self.own.required_anti.iter().zip(&self.unwanted);
        terms.any(|(term, domains)| {
            let domain = node.labels.get(&*term.topology_key);
            domain.is_some_and(|domain| domains.elsewhere(node, domain) + unwanted(term, node) > 0)
        })
    }

    fn is_refused(&self, pod: &PodInfo, node: &NodeInfo) -> bool {
        let mut keys = self.refusing.iter();
        let elsewhere = keys.any(|(key, domains)| {
            let domain = node.labels.get(&**key);
            domain.is_some_and(|domain| domains.elsewhere(node, domain) > 0)
        });
        let mut here = refusing(pod, &self.namespace, node).into_keys();
        elsewhere || here.any(|key| node.labels.contains_key(&*key))
    }
}

/// A pod's own terms, resolved; none when it has none.
fn resolved(pod: &PodInfo, snapshot: &Snapshot) -> Arc<PodAffinity> {
    let own = pod.affinity.as_ref();
    own.map_or_else(Arc::default, |own| own.resolved(snapshot.namespaces()))
}

/// How many pods of a node match all required terms.
fn wanted(own: &PodAffinity, node: &NodeInfo) -> i64 {
    if own.required.is_empty() {
        return 0;
    }
    let matching = node.pods.values().filter(|other| own.wants(other));
    matching.map(|_| 1).sum()
}

/// How many pods of a node match an anti-affinity term.
fn unwanted(term: &PodTerm, node: &NodeInfo) -> i64 {
    let others = node.pods.values();
    let matching = others.filter(|other| term.matches(other, &Labels::new()));
    matching.map(|_| 1).sum()
}

/// By topology key: how many anti-affinity terms of a node's pods a pod matches.
fn refusing(pod: &PodInfo, namespace: &Labels, node: &NodeInfo) -> HashMap<Arc<str>, i64> {
    let mut counts = HashMap::new();
    let others = node.with_affinity.values();
    let terms = others.filter_map(|other| other.affinity.as_ref());
    for term in terms.flat_map(|affinity| &affinity.required_anti) {
        if term.matches(pod, namespace) {
            *counts.entry(term.topology_key.clone()).or_default() += 1;
        }
    }
    counts
}

impl PreFilter for InterPodAffinity {
    fn pre_filter(
        &self,
        state: &mut CycleState,
        pod: &PodInfo,
        snapshot: &Snapshot,
    ) -> Result<PreFiltered, Rejection> {
        let counts = Counts::of(pod, snapshot);
        // Those that room is kept for are on no node yet, but will be shown on one.
        let mut nominated = snapshot.nominated();
        let indifferent = counts.own.required.is_empty()
            && counts.own.required_anti.is_empty()
            && counts.refusing.is_empty()
            && nominated.all(|other| other.affinity.is_none());
        if indifferent {
            return Ok(PreFiltered::Skip);
        }
        state.write(NAME, counts);
        Ok(PreFiltered::All)
    }
}

impl Filter for InterPodAffinity {
    fn filter(&self, state: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Result<(), Rejection> {
        let Some(counts) = state.read::<Counts>(NAME) else {
            // Nothing was counted, because nothing matters to this pod.
            return Ok(());
        };
        if !counts.has_wanted(pod, node) {
            let why = "node(s) didn't match pod affinity rules";
            return Err(Rejection::unresolvable(why));
        }
        let why = if counts.has_unwanted(node) {
            "node(s) didn't match pod anti-affinity rules"
        } else if counts.is_refused(pod, node) {
            "node(s) didn't satisfy existing pods anti-affinity rules"
        } else {
            return Ok(());
        };
        Err(Rejection::unschedulable(why))
    }
}
