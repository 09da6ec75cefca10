//! Where one pod goes: a pure function of the snapshot. Entry point: [`plan`].

use std::sync::Arc;

use crate::diagnosis::Diagnosis;
use crate::framework::{
    CycleState, Framework, PostFilterCx, PostFiltered, PreFiltered, Rejected, Rejection,
};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::preemption::Nomination;
use crate::snapshot::Snapshot;

/// One effect, done in order by the binding cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Creates the pod's binding to the node.
    Bind { node: Arc<str> },
}

/// What becomes of a pod.
#[derive(Debug)]
pub enum Decision {
    /// It goes to a node.
    Place { node: Arc<str>, steps: Vec<Step> },
    /// It fits nowhere now; perhaps room can be made.
    Reject {
        diagnosis: Diagnosis,
        nominating: Nominating,
    },
}

/// What becomes of `status.nominatedNodeName`.
#[derive(Debug)]
pub enum Nominating {
    /// It stays as it is.
    Keep,
    /// It is taken away.
    Clear,
    /// Room is made on another node.
    Set(Nomination),
}

/// A decision, and where the search for the next pod's node begins.
#[derive(Debug)]
pub struct Plan {
    pub decision: Decision,
    /// Behind the nodes that were looked at; one further when all were, so that equal nodes
    /// take turns.
    pub next_start: usize,
}

/// Finds the best node for a pod. Looks at nodes from the `start`-th on, round the end.
#[must_use]
pub fn plan(framework: &Framework, snapshot: &Snapshot, pod: &PodInfo, start: usize) -> Plan {
    let mut cycle = Cycle {
        framework,
        snapshot,
        pod,
        state: CycleState::default(),
        diagnosis: Diagnosis {
            total: snapshot.nodes().len(),
            ..Diagnosis::default()
        },
        visited: 0,
    };
    let decision = cycle.decide(start);
    let all = cycle.visited >= snapshot.nodes().len();
    let step = if all { 1 } else { cycle.visited };
    Plan {
        decision,
        next_start: start.wrapping_add(step),
    }
}

struct Cycle<'a> {
    framework: &'a Framework,
    snapshot: &'a Snapshot,
    pod: &'a PodInfo,
    state: CycleState,
    diagnosis: Diagnosis,
    visited: usize,
}

impl<'a> Cycle<'a> {
    fn decide(&mut self, start: usize) -> Decision {
        if self.diagnosis.total == 0 {
            return self.reject(Nominating::Clear);
        }
        let feasible = self.feasible(start);
        let Some(node) = self.best(&feasible) else {
            let nominating = self.post_filter();
            return self.reject(nominating);
        };
        if let Err((plugin, why)) = self.commit(node) {
            self.diagnosis.others = Some(why);
            self.diagnosis.nodes.clear();
            self.diagnosis.plugins.insert(plugin);
            return self.reject(Nominating::Keep);
        }
        Decision::Place {
            node: node.name.clone(),
            steps: self.steps(node),
        }
    }

    fn reject(&mut self, nominating: Nominating) -> Decision {
        Decision::Reject {
            diagnosis: std::mem::take(&mut self.diagnosis),
            nominating,
        }
    }

    /// The nodes that can do. The one nominated before is tried alone first.
    fn feasible(&mut self, start: usize) -> Vec<&'a NodeInfo> {
        let Ok(nodes) = self.pre_filter() else {
            return Vec::new();
        };
        let nominated = self.snapshot.nomination(&self.pod.uid);
        let nominated = self.snapshot.node(nominated);
        if let Some(node) = nominated.filter(|node| self.passes(node).is_ok()) {
            return vec![node];
        }
        match nodes {
            Some(nodes) => self.feasible_of(nodes.into_iter(), usize::MAX),
            None => {
                let all = self.snapshot.nodes();
                let from = start % all.len();
                let round = all[from..].iter().chain(&all[..from]);
                self.feasible_of(round, enough(all.len()))
            }
        }
    }

    /// Runs the PreFilters: the nodes they leave, `None` for all.
    fn pre_filter(&mut self) -> Result<Option<Vec<&'a NodeInfo>>, ()> {
        let mut left = None;
        let mut narrowed_by = Vec::new();
        for plugin in self.framework.plugins {
            let Some(point) = plugin.pre_filter else {
                continue;
            };
            match point.pre_filter(&mut self.state, self.pod, self.snapshot) {
                Ok(PreFiltered::All) => {}
                Ok(PreFiltered::Skip) => self.state.skip(plugin.name),
                Ok(PreFiltered::Only(names)) => {
                    narrowed_by.push(plugin.name);
                    left = Some(match left.take() {
                        None => names,
                        Some(some) => &some & &names,
                    });
                }
                Err(why) => {
                    self.diagnosis.pre_filter = why.reasons.join(", ");
                    self.diagnosis.others = Some(why);
                    self.diagnosis.plugins.insert(plugin.name);
                    return Err(());
                }
            }
        }
        let Some(names) = left else { return Ok(None) };
        let plugins = narrowed_by.join(" ");
        let why = format!("node(s) didn't satisfy plugin(s) [{plugins}]");
        self.diagnosis.others = Some(Rejection::unresolvable(why));
        self.diagnosis.plugins.extend(narrowed_by);
        let found = names.iter().filter_map(|name| self.snapshot.node(name));
        Ok(Some(found.collect()))
    }

    fn feasible_of(
        &mut self,
        nodes: impl Iterator<Item = &'a NodeInfo>,
        enough: usize,
    ) -> Vec<&'a NodeInfo> {
        let mut feasible = Vec::new();
        for node in nodes {
            self.visited += 1;
            match self.passes(node) {
                Ok(()) => feasible.push(node),
                Err((plugin, why)) => {
                    self.diagnosis.plugins.insert(plugin);
                    self.diagnosis.nodes.insert(node.name.clone(), why);
                }
            }
            if feasible.len() >= enough {
                break;
            }
        }
        feasible
    }

    fn passes(&self, node: &NodeInfo) -> Result<(), Rejected> {
        let (framework, snapshot) = (self.framework, self.snapshot);
        framework.filter_with_nominated(&self.state, self.pod, node, snapshot)
    }

    /// The first of the nodes with the highest score.
    fn best(&mut self, feasible: &[&'a NodeInfo]) -> Option<&'a NodeInfo> {
        if let [only] = feasible {
            return Some(only);
        }
        let scores = self
            .framework
            .score(&mut self.state, self.pod, self.snapshot, feasible);
        let scored = feasible.iter().zip(scores).rev();
        let best = scored.max_by_key(|(_, score)| *score);
        best.map(|(node, _)| *node)
    }

    fn post_filter(&mut self) -> Nominating {
        let mut texts = Vec::new();
        let mut nominating = Nominating::Keep;
        for plugin in self.framework.plugins {
            let Some(point) = plugin.post_filter else {
                continue;
            };
            let outcome = point.post_filter(&PostFilterCx {
                framework: self.framework,
                state: &self.state,
                pod: self.pod,
                snapshot: self.snapshot,
                diagnosis: &self.diagnosis,
            });
            match outcome {
                PostFiltered::Nominated(nomination) => return Nominating::Set(nomination),
                PostFiltered::Rejected(why) => texts.push(why),
                PostFiltered::Hopeless(why) => {
                    nominating = Nominating::Clear;
                    texts.push(why);
                }
                PostFiltered::Failed(why) => {
                    texts = vec![why];
                    break;
                }
            }
        }
        self.diagnosis.post_filter = texts.join(", ");
        nominating
    }

    fn commit(&mut self, node: &NodeInfo) -> Result<(), Rejected> {
        for plugin in self.framework.plugins {
            if let Some(point) = plugin.reserve {
                let reserved = point.reserve(&mut self.state, self.pod, node);
                reserved.map_err(|why| (plugin.name, why))?;
            }
        }
        for plugin in self.framework.plugins {
            if let Some(point) = plugin.permit {
                let permitted = point.permit(&self.state, self.pod, node);
                permitted.map_err(|why| (plugin.name, why))?;
            }
        }
        Ok(())
    }

    fn steps(&self, node: &NodeInfo) -> Vec<Step> {
        let plugins = self.framework.plugins;
        let before = plugins.iter().filter_map(|plugin| plugin.pre_bind);
        let before = before.flat_map(|point| point.pre_bind(&self.state, self.pod, node));
        let mut binders = plugins.iter().filter_map(|plugin| plugin.bind);
        let bind = binders.find_map(|point| point.bind(&self.state, self.pod, node));
        before.chain(bind).collect()
    }
}

/// How many nodes that can do are enough: all of a hundred, a shrinking share of more, but
/// never below a hundred (`numFeasibleNodesToFind`).
fn enough(nodes: usize) -> usize {
    let percentage = 50_usize.saturating_sub(nodes / 125).max(5);
    (nodes * percentage / 100).max(100)
}

#[cfg(test)]
mod tests;
