//! The extension points, with upstream's names, and what passes between them.
//!
//! A plugin is a row of [`crate::plugins::PLUGINS`]; it fills in the points it serves. Plugins
//! see a pod, the snapshot and the state of their cycle; they never see the API.

use std::any::Any;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use crate::diagnosis::Diagnosis;
use crate::node::NodeInfo;
use crate::plan::Step;
use crate::pod::PodInfo;
use crate::preemption::Nomination;
use crate::snapshot::Snapshot;
use crate::wakeup::{ClusterEvent, EventKind};

/// The best score.
pub const MAX_SCORE: i64 = 100;

/// Why a plugin does not want a pod, or not on a node. Texts are upstream's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Whether taking lower-priority pods away cannot help (`UnschedulableAndUnresolvable`).
    pub unresolvable: bool,
    pub reasons: Vec<String>,
}

impl Rejection {
    /// Preemption may help.
    #[must_use]
    pub fn unschedulable(reason: impl Into<String>) -> Self {
        Self {
            unresolvable: false,
            reasons: vec![reason.into()],
        }
    }

    /// Preemption cannot help.
    #[must_use]
    pub fn unresolvable(reason: impl Into<String>) -> Self {
        Self {
            unresolvable: true,
            reasons: vec![reason.into()],
        }
    }
}

/// What plugins remember within one cycle.
#[derive(Default)]
pub struct CycleState {
    data: HashMap<&'static str, Box<dyn Any + Send>>,
    skipped: Vec<&'static str>,
}

impl CycleState {
    pub fn write<T: Any + Send>(&mut self, key: &'static str, value: T) {
        self.data.insert(key, Box::new(value));
    }

    /// What was written under a key; `None` also when it has another type.
    #[must_use]
    pub fn read<T: Any>(&self, key: &str) -> Option<&T> {
        self.data.get(key)?.downcast_ref()
    }

    /// Leaves a plugin's filter out of this cycle.
    pub fn skip(&mut self, plugin: &'static str) {
        self.skipped.push(plugin);
    }

    #[must_use]
    pub fn skips(&self, plugin: &str) -> bool {
        self.skipped.contains(&plugin)
    }
}

/// What a PreFilter found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreFiltered {
    /// Every node is to be looked at.
    All,
    /// This plugin's filter has nothing to say about this pod.
    Skip,
    /// Only these nodes can do; they need not exist.
    Only(BTreeSet<String>),
}

/// What a PreScore found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreScored {
    /// The nodes are to be scored.
    Score,
    /// This plugin has no preferences for this pod.
    Skip,
}

/// What a PostFilter can do for a pod that fits nowhere.
#[derive(Debug)]
pub enum PostFiltered {
    /// Room can be made.
    Nominated(Nomination),
    /// It cannot help now; why goes into the diagnosis.
    Rejected(String),
    /// As [`PostFiltered::Rejected`], and a node nominated before is of no use either.
    Hopeless(String),
    /// It could not tell; no later PostFilter is asked.
    Failed(String),
}

/// Whether a pod may be queued at all.
pub trait PreEnqueue: Sync {
    /// # Errors
    /// Why the pod has to wait outside the queue.
    fn pre_enqueue(&self, pod: &PodInfo) -> Result<(), Rejection>;
}

/// Once per cycle, before any node is looked at.
pub trait PreFilter: Sync {
    /// # Errors
    /// When no node can do.
    fn pre_filter(
        &self,
        state: &mut CycleState,
        pod: &PodInfo,
        snapshot: &Snapshot,
    ) -> Result<PreFiltered, Rejection>;
}

/// Once per node.
pub trait Filter: Sync {
    /// # Errors
    /// When this node cannot do.
    fn filter(&self, state: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Result<(), Rejection>;
}

/// Everything a PostFilter looks at.
pub struct PostFilterCx<'a> {
    pub framework: &'a Framework,
    pub state: &'a CycleState,
    pub pod: &'a PodInfo,
    pub snapshot: &'a Snapshot,
    pub diagnosis: &'a Diagnosis,
}

/// When no node can do.
pub trait PostFilter: Sync {
    fn post_filter(&self, cx: &PostFilterCx<'_>) -> PostFiltered;
}

/// Once per cycle, before the nodes that can do are scored.
pub trait PreScore: Sync {
    fn pre_score(
        &self,
        state: &mut CycleState,
        pod: &PodInfo,
        snapshot: &Snapshot,
        nodes: &[&NodeInfo],
    ) -> PreScored;
}

/// How good a node that can do is.
pub trait Score: Sync {
    fn score(&self, state: &CycleState, pod: &PodInfo, node: &NodeInfo) -> i64;

    /// Brings the scores of all nodes into 0 to [`MAX_SCORE`].
    fn normalize(&self, scores: &mut [i64]) {
        // Most scores are in range as they come.
        let _ = scores;
    }
}

/// Sets things aside for a pod on the chosen node.
pub trait Reserve: Sync {
    /// # Errors
    /// When they are no longer there.
    fn reserve(
        &self,
        state: &mut CycleState,
        pod: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), Rejection>;
}

/// The last word on the chosen node.
pub trait Permit: Sync {
    /// # Errors
    /// When the pod shall not go there now.
    fn permit(&self, state: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Result<(), Rejection>;
}

/// What is to be done before the pod is bound.
pub trait PreBind: Sync {
    fn pre_bind(&self, state: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Vec<Step>;
}

/// How the pod is bound. The first plugin that has an answer is the one.
pub trait Bind: Sync {
    fn bind(&self, state: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Option<Step>;
}

/// A score and how much it counts.
#[derive(Clone, Copy)]
pub struct Weighted {
    pub score: &'static dyn Score,
    pub weight: i64,
}

/// A row of the table: a name and the points it serves.
#[derive(Clone, Copy)]
pub struct Plugin {
    pub name: &'static str,
    /// What may undo this plugin's rejections.
    pub events: &'static [EventKind],
    /// Whether one of those events really is worth another try of this pod.
    pub hint: fn(&PodInfo, &ClusterEvent<'_>) -> bool,
    pub pre_enqueue: Option<&'static dyn PreEnqueue>,
    pub pre_filter: Option<&'static dyn PreFilter>,
    pub filter: Option<&'static dyn Filter>,
    pub post_filter: Option<&'static dyn PostFilter>,
    pub pre_score: Option<&'static dyn PreScore>,
    pub score: Option<Weighted>,
    pub reserve: Option<&'static dyn Reserve>,
    pub permit: Option<&'static dyn Permit>,
    pub pre_bind: Option<&'static dyn PreBind>,
    pub bind: Option<&'static dyn Bind>,
}

impl Plugin {
    /// A row that serves no point yet.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self {
            name,
            events: &[],
            hint: |_, _| true,
            pre_enqueue: None,
            pre_filter: None,
            filter: None,
            post_filter: None,
            pre_score: None,
            score: None,
            reserve: None,
            permit: None,
            pre_bind: None,
            bind: None,
        }
    }

    /// Whether an event may make a pod schedulable that this plugin has rejected.
    #[must_use]
    pub fn wakes(&self, pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
        self.events.contains(&event.kind) && (self.hint)(pod, event)
    }
}

/// The plugins that are on, in the order in which they are asked.
#[derive(Clone, Copy)]
pub struct Framework {
    pub plugins: &'static [&'static Plugin],
}

/// A plugin and what it says against a pod.
pub type Rejected = (&'static str, Rejection);

impl Framework {
    #[must_use]
    pub fn plugin(&self, name: &str) -> Option<&'static Plugin> {
        self.plugins.iter().find(|p| p.name == name).copied()
    }

    /// # Errors
    /// The first plugin that keeps the pod out of the queue.
    pub fn pre_enqueue(&self, pod: &PodInfo) -> Result<(), Rejected> {
        for plugin in self.plugins {
            if let Some(point) = plugin.pre_enqueue {
                point.pre_enqueue(pod).map_err(|why| (plugin.name, why))?;
            }
        }
        Ok(())
    }

    /// # Errors
    /// The first plugin whose filter rejects the node.
    pub fn filter(
        &self,
        state: &CycleState,
        pod: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), Rejected> {
        for plugin in self.plugins {
            let Some(point) = plugin.filter else { continue };
            if !state.skips(plugin.name) {
                let filtered = point.filter(state, pod, node);
                filtered.map_err(|why| (plugin.name, why))?;
            }
        }
        Ok(())
    }

    /// As [`Framework::filter`], with the pods that room is kept for on the node, and without
    /// them as well: they may yet go elsewhere, and then nobody may count on them.
    ///
    /// # Errors
    /// The first plugin whose filter rejects the node.
    pub fn filter_with_nominated(
        &self,
        state: &CycleState,
        pod: &PodInfo,
        node: &NodeInfo,
        snapshot: &Snapshot,
    ) -> Result<(), Rejected> {
        let seen = snapshot.with_nominated(node, pod);
        self.filter(state, pod, &seen)?;
        match seen {
            Cow::Owned(_) => self.filter(state, pod, node),
            Cow::Borrowed(_) => Ok(()),
        }
    }

    /// The weighted sum per node.
    #[must_use]
    pub fn score(
        &self,
        state: &mut CycleState,
        pod: &PodInfo,
        snapshot: &Snapshot,
        nodes: &[&NodeInfo],
    ) -> Vec<i64> {
        let mut totals = vec![0; nodes.len()];
        for plugin in self.plugins {
            let Some(Weighted { score, weight }) = plugin.score else {
                continue;
            };
            let before = plugin.pre_score;
            let before = before.map(|point| point.pre_score(state, pod, snapshot, nodes));
            if before == Some(PreScored::Skip) {
                continue;
            }
            let scores = nodes.iter().map(|node| score.score(state, pod, node));
            let mut scores: Vec<i64> = scores.collect();
            score.normalize(&mut scores);
            for (total, score) in totals.iter_mut().zip(scores) {
                *total += score * weight;
            }
        }
        totals
    }
}

/// Stretches scores so that the highest becomes [`MAX_SCORE`]; `reverse` makes the lowest the
/// best (`DefaultNormalizeScore`).
pub fn normalize_by_highest(scores: &mut [i64], reverse: bool) {
    let highest = scores.iter().copied().max().unwrap_or(0);
    for score in scores {
        let stretched = if highest == 0 {
            0
        } else {
            *score * MAX_SCORE / highest
        };
        *score = if reverse {
            MAX_SCORE - stretched
        } else {
            stretched
        };
    }
}
