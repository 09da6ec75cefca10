//! Which nodes a pod wants: `nodeSelector` and node affinity, ready to be matched.

use std::collections::{BTreeMap, BTreeSet};

use api::PodSpec;
use api::core::{NodeSelectorRequirement, NodeSelectorTerm};
use apimachinery::{Operator, Requirement};

use crate::node::NodeInfo;

/// The only field that `matchFields` may name.
const NAME_FIELD: &str = "metadata.name";

/// Compiled from a pod's spec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeAffinity {
    pub selector: BTreeMap<String, String>,
    /// One of these must match; `None` when nothing is required.
    pub required: Option<Vec<NodeTerm>>,
    /// Weights of the terms that would be nice.
    pub preferred: Vec<(i64, NodeTerm)>,
}

/// Conditions that must all hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeTerm {
    labels: Vec<Requirement>,
    names: Vec<Requirement>,
}

impl NodeAffinity {
    #[must_use]
    pub fn of(spec: &PodSpec) -> Self {
        let affinity = spec.affinity.as_ref();
        let node = affinity.and_then(|affinity| affinity.node_affinity.as_ref());
        let required = node.and_then(|node| {
            node.required_during_scheduling_ignored_during_execution
                .as_ref()
        });
        let preferred = node.and_then(|node| {
            node.preferred_during_scheduling_ignored_during_execution
                .as_ref()
        });
        let preferred = preferred.into_iter().flatten().filter_map(|term| {
            let weight = i64::from(term.weight);
            Some((weight, NodeTerm::of(&term.preference)?)).filter(|_| weight != 0)
        });
        Self {
            selector: spec.node_selector.clone().unwrap_or_default(),
            required: required.map(|selector| {
                let terms = selector.node_selector_terms.iter();
                terms.filter_map(NodeTerm::of).collect()
            }),
            preferred: preferred.collect(),
        }
    }

    /// Whether any node will do.
    #[must_use]
    pub fn is_unrestricted(&self) -> bool {
        self.selector.is_empty() && self.required.is_none()
    }

    /// Whether the selector and the required terms accept the node.
    #[must_use]
    pub fn accepts(&self, node: &NodeInfo) -> bool {
        let selected = |(key, value)| node.labels.get(key) == Some(value);
        self.selector.iter().all(selected)
            && self
                .required
                .as_ref()
                .is_none_or(|terms| terms.iter().any(|term| term.matches(node)))
    }

    /// The nodes that the required terms name, when every term names some.
    #[must_use]
    pub fn named_nodes(&self) -> Option<BTreeSet<String>> {
        let terms = self.required.as_ref().filter(|terms| !terms.is_empty())?;
        let mut all = BTreeSet::new();
        for term in terms {
            all.extend(term.named_nodes()?);
        }
        Some(all)
    }
}

impl NodeTerm {
    /// `None` for a term that matches nothing: an empty one, or one with an operator that
    /// validation refuses.
    fn of(term: &NodeSelectorTerm) -> Option<Self> {
        let compile = |list: &Option<Vec<NodeSelectorRequirement>>| {
            let list = list.iter().flatten();
            list.map(requirement).collect::<Option<Vec<_>>>()
        };
        let labels = compile(&term.match_expressions)?;
        let names = compile(&term.match_fields)?;
        if names.iter().any(|field| field.key != NAME_FIELD) {
            return None;
        }
        let empty = labels.is_empty() && names.is_empty();
        (!empty).then_some(Self { labels, names })
    }

    #[must_use]
    pub fn matches(&self, node: &NodeInfo) -> bool {
        let label = |r: &Requirement| r.matches(node.labels.get(&r.key).map(String::as_str));
        let name = |r: &Requirement| r.matches(Some(&node.name));
        self.labels.iter().all(label) && self.names.iter().all(name)
    }

    fn named_nodes(&self) -> Option<BTreeSet<String>> {
        let lists = self.names.iter().filter(|r| r.operator == Operator::In);
        lists
            .map(|r| r.values.iter().cloned().collect::<BTreeSet<_>>())
            .reduce(|some, others| &some & &others)
    }
}

fn requirement(from: &NodeSelectorRequirement) -> Option<Requirement> {
    let operator = match from.operator.as_str() {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        "Gt" => Operator::GreaterThan,
        "Lt" => Operator::LessThan,
        _ => return None,
    };
    Some(Requirement {
        key: from.key.clone(),
        operator,
        values: from.values.clone().unwrap_or_default(),
    })
}
