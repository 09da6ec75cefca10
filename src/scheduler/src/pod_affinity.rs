//! Which pods a pod wants near itself, and which not: pod affinity and anti-affinity, ready to
//! be matched.
//!
//! `matchLabelKeys` and `mismatchLabelKeys` are part of the selectors since the API server
//! created the pod.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::PodSpec;
use api::core::{PodAffinityTerm, WeightedPodAffinityTerm};
use apimachinery::LabelSelector;

use crate::pod::PodInfo;
use crate::selector::{Labels, compile, selects};

/// Compiled from a pod's spec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodAffinity {
    /// Pods that match all of these must be near.
    pub required: Vec<PodTerm>,
    /// Pods that match one of these must not.
    pub required_anti: Vec<PodTerm>,
    /// Weights of the pods that would be nice to have near; below zero, of those that would not.
    pub preferred: Vec<(i64, PodTerm)>,
}

/// Pods, and how near is near: on nodes with the same value of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodTerm {
    pub topology_key: Arc<str>,
    selector: LabelSelector,
    namespaces: BTreeSet<String>,
    /// Namespaces by their labels, beside the named ones.
    by_labels: Option<LabelSelector>,
}

impl PodAffinity {
    /// `None` for a pod without terms, as most are.
    #[must_use]
    pub fn of(spec: &PodSpec, namespace: &str) -> Option<Arc<Self>> {
        let affinity = spec.affinity.as_ref()?;
        let near = affinity.pod_affinity.clone().unwrap_or_default();
        let apart = affinity.pod_anti_affinity.clone().unwrap_or_default();
        let terms = |list: Option<Vec<PodAffinityTerm>>| -> Vec<PodTerm> {
            let list = list.iter().flatten();
            list.map(|term| PodTerm::of(term, namespace)).collect()
        };
        let weighted = |list: Option<Vec<WeightedPodAffinityTerm>>, sign: i64| {
            let each = list.into_iter().flatten().map(|weighted| {
                let term = PodTerm::of(&weighted.pod_affinity_term, namespace);
                (sign * i64::from(weighted.weight), term)
            });
            each.collect::<Vec<_>>()
        };
        let liked = near.preferred_during_scheduling_ignored_during_execution;
        let disliked = apart.preferred_during_scheduling_ignored_during_execution;
        let compiled = Self {
            required: terms(near.required_during_scheduling_ignored_during_execution),
            required_anti: terms(apart.required_during_scheduling_ignored_during_execution),
            preferred: [weighted(liked, 1), weighted(disliked, -1)].concat(),
        };
        (compiled != Self::default()).then(|| Arc::new(compiled))
    }

    /// With every namespace named that its terms select by labels, so that they can be matched
    /// without knowing the labels of other pods' namespaces.
    #[must_use]
    pub fn resolved<'a>(
        self: &Arc<Self>,
        namespaces: impl Iterator<Item = (&'a str, &'a Labels)> + Clone,
    ) -> Arc<Self> {
        if self.terms().all(|term| !term.asks_for_labels()) {
            return self.clone();
        }
        let mut resolved = Self::clone(self);
        let required = resolved.required.iter_mut();
        let required = required.chain(&mut resolved.required_anti);
        let preferred = resolved.preferred.iter_mut().map(|(_, term)| term);
        for term in required.chain(preferred) {
            term.resolve(namespaces.clone());
        }
        Arc::new(resolved)
    }

    /// Whether a pod matches all required terms, of which there are some. For resolved terms.
    #[must_use]
    pub fn wants(&self, pod: &PodInfo) -> bool {
        let mut required = self.required.iter();
        !self.required.is_empty() && required.all(|term| term.matches(pod, &Labels::new()))
    }

    /// Whether the labels of namespaces play a part.
    #[must_use]
    pub fn asks_for_namespaces(&self) -> bool {
        self.terms().any(PodTerm::asks_for_labels)
    }

    fn terms(&self) -> impl Iterator<Item = &PodTerm> {
        let preferred = self.preferred.iter().map(|(_, term)| term);
        let required = self.required.iter().chain(&self.required_anti);
        required.chain(preferred)
    }
}

impl PodTerm {
    /// Without any namespaces, the pod's own is meant.
    fn of(term: &PodAffinityTerm, namespace: &str) -> Self {
        let named = term.namespaces.iter().flatten().cloned();
        let mut namespaces: BTreeSet<String> = named.collect();
        if namespaces.is_empty() && term.namespace_selector.is_none() {
            namespaces.insert(namespace.to_owned());
        }
        let by_labels = term.namespace_selector.as_ref();
        Self {
            topology_key: term.topology_key.as_str().into(),
            selector: compile(term.label_selector.as_ref()),
            namespaces,
            by_labels: by_labels.map(|selector| compile(Some(selector))),
        }
    }

    /// Whether a pod in a namespace with such labels is meant.
    #[must_use]
    pub fn matches(&self, pod: &PodInfo, namespace: &Labels) -> bool {
        let by_labels = self.by_labels.as_ref();
        let here = self.namespaces.contains(&*pod.key.namespace)
            || by_labels.is_some_and(|selector| selects(selector, namespace));
        here && selects(&self.selector, &pod.labels)
    }

    /// As [`Self::matches`], where nothing is known of the namespace's labels.
    #[must_use]
    pub fn may_match(&self, pod: &PodInfo) -> bool {
        (self.by_labels.is_some() || self.namespaces.contains(&*pod.key.namespace))
            && selects(&self.selector, &pod.labels)
    }

    fn asks_for_labels(&self) -> bool {
        let selector = self.by_labels.as_ref();
        selector.is_some_and(|selector| !selector.is_everything())
    }

    fn resolve<'a>(&mut self, all: impl Iterator<Item = (&'a str, &'a Labels)>) {
        if !self.asks_for_labels() {
            return;
        }
        if let Some(selector) = self.by_labels.take() {
            let selected = all.filter(|(_, labels)| selects(&selector, labels));
            let names = selected.map(|(name, _)| name.to_owned());
            self.namespaces.extend(names);
        }
    }
}
