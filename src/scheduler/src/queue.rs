//! Pods that wait for a node.
//!
//! - *active*: to be tried now, by priority, then in the order of arrival;
//! - *back-off*: was rejected, and something happened since that may help; tried when its time
//!   is up, or earlier when nothing is active (`SchedulerPopFromBackoffQ`);
//! - *error back-off*: an effect failed; tried when its time is up, never earlier;
//! - *unschedulable*: was rejected, and nothing happened since that may help;
//! - *gated*: a PreEnqueue plugin keeps it out;
//! - *in flight*: being tried or bound.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use base::Clock;

use crate::framework::{Framework, Plugin};
use crate::metrics::{Metrics, Tries, Waiting};
use crate::pod::PodInfo;
use crate::wakeup::{ClusterEvent, EventKind, own_changes};

const INITIAL_BACKOFF: Duration = Duration::from_secs(1);
const MAX_BACKOFF: Duration = Duration::from_secs(10);

/// Why pods enter a queue beside what happens in the cluster, by upstream's names.
const POD_ADD: &str = "UnschedulablePodAdd";
const FAILURE: &str = "ScheduleAttemptFailure";
const BACKOFF_COMPLETE: &str = "BackoffComplete";
const POP_FROM_BACKOFF: &str = "PopFromBackoffQ";

type Uid = Arc<str>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Active,
    Backoff { until: Duration },
    ErrorBackoff { until: Duration },
    Unschedulable,
    Gated,
    InFlight,
}

impl Place {
    fn waiting(self) -> Option<Waiting> {
        match self {
            Self::Active => Some(Waiting::Active),
            Self::Backoff { .. } | Self::ErrorBackoff { .. } => Some(Waiting::Backoff),
            Self::Unschedulable => Some(Waiting::Unschedulable),
            Self::Gated => Some(Waiting::Gated),
            Self::InFlight => None,
        }
    }
}

struct Entry {
    pod: Arc<PodInfo>,
    place: Place,
    /// Moves on with every return to the queue, so that a retried pod lines up behind others.
    order: u64,
    rejections: u32,
    errors: u32,
    tries: Tries,
    /// When the last try was over.
    since: Duration,
    rejected_by: Vec<&'static Plugin>,
}

/// Invariant: every entry is in the one set that its place names.
pub struct Queue {
    framework: Framework,
    clock: Clock,
    metrics: Metrics,
    entries: HashMap<Uid, Entry>,
    active: BTreeSet<(Reverse<i32>, u64, Uid)>,
    backoff: BTreeSet<(Duration, Uid)>,
    error_backoff: BTreeSet<(Duration, Uid)>,
    unschedulable: BTreeSet<Uid>,
    next_order: u64,
}

impl Queue {
    #[must_use]
    pub fn new(framework: Framework, clock: Clock, metrics: Metrics) -> Self {
        Self {
            framework,
            clock,
            metrics,
            entries: HashMap::new(),
            active: BTreeSet::new(),
            backoff: BTreeSet::new(),
            error_backoff: BTreeSet::new(),
            unschedulable: BTreeSet::new(),
            next_order: 0,
        }
    }

    /// A new pod, or a new state of one that waits.
    pub fn put(&mut self, pod: Arc<PodInfo>) {
        let Some(entry) = self.entries.get_mut(&pod.uid) else {
            return self.add(pod);
        };
        let old = std::mem::replace(&mut entry.pod, pod.clone());
        let place = entry.place;
        match place {
            // An update that leaves a gate leaves the pod where it is, and is not counted.
            Place::Gated => self.enqueue(&pod.uid, EventKind::PodGatesEliminated.label()),
            Place::Active if old.priority != pod.priority => {
                let order = entry.order;
                let before = (Reverse(old.priority), order, pod.uid.clone());
                self.active.remove(&before);
                self.active
                    .insert((Reverse(pod.priority), order, pod.uid.clone()));
            }
            Place::Unschedulable => {
                let changes = own_changes(&old, &pod);
                let mut events = changes.iter().map(|kind| ClusterEvent::pod(*kind, &pod));
                if let Some(event) = events.find(|event| self.is_woken_by(&pod.uid, event)) {
                    self.retry(&pod.uid, event.kind.label());
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, pod: Arc<PodInfo>) {
        let uid = pod.uid.clone();
        let entry = Entry {
            pod,
            place: Place::InFlight,
            order: self.take_order(),
            rejections: 0,
            errors: 0,
            tries: Tries::default(),
            since: self.clock.monotonic(),
            rejected_by: Vec::new(),
        };
        self.entries.insert(uid.clone(), entry);
        self.enqueue(&uid, POD_ADD);
    }

    /// Makes a pod active unless a PreEnqueue plugin objects.
    fn enqueue(&mut self, uid: &Uid, event: &'static str) {
        if let Some(entry) = self.entries.get(uid) {
            let place = match self.framework.pre_enqueue(&entry.pod) {
                Ok(()) => Place::Active,
                Err(_) => Place::Gated,
            };
            self.move_to(uid, place, event);
        }
    }

    /// Forgets a pod: it is bound, finished, being deleted or gone.
    pub fn remove(&mut self, uid: &str) {
        if self.entries.contains_key(uid) {
            let uid: Uid = uid.into();
            self.take_out(&uid);
            self.entries.remove(&uid);
        }
    }

    /// The newest state of a pod that waits or is in flight.
    #[must_use]
    pub fn get(&self, uid: &str) -> Option<&Arc<PodInfo>> {
        self.entries.get(uid).map(|entry| &entry.pod)
    }

    /// The next pod to try. It stays in flight until it is rejected, has failed or is removed.
    pub fn pop(&mut self) -> Option<Arc<PodInfo>> {
        self.end_backoffs();
        let next = match self.active.first() {
            Some((_, _, uid)) => uid.clone(),
            None => {
                let uid = self.backoff.first()?.1.clone();
                self.move_to(&uid, Place::Active, POP_FROM_BACKOFF);
                uid
            }
        };
        self.take_out(&next);
        let now = self.clock.monotonic();
        let entry = self.entries.get_mut(&next)?;
        if entry.tries.count == 0 {
            entry.tries.since = now;
        }
        entry.tries.count += 1;
        Some(entry.pod.clone())
    }

    /// The tries of a pod that waits or is in flight, the present one included.
    #[must_use]
    pub fn tries(&self, uid: &str) -> Tries {
        let entry = self.entries.get(uid);
        entry.map(|entry| entry.tries).unwrap_or_default()
    }

    /// When [`Queue::pop`] may next give a pod that it does not give now; `None` when only an
    /// event can tell.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Duration> {
        self.error_backoff.first().map(|(until, _)| *until)
    }

    /// Puts a pod that fits nowhere aside, until an event that one of the plugins has named.
    pub fn reject(&mut self, uid: &Uid, plugins: &BTreeSet<&'static str>) {
        let named = plugins
            .iter()
            .filter_map(|name| self.framework.plugin(name));
        let rejected_by = named.collect();
        let order = self.take_order();
        let now = self.clock.monotonic();
        let Some(entry) = self.entries.get_mut(uid) else {
            return;
        };
        entry.rejected_by = rejected_by;
        entry.rejections += 1;
        entry.errors = 0;
        entry.since = now;
        entry.order = order;
        self.move_to(uid, Place::Unschedulable, FAILURE);
    }

    /// Puts a pod aside whose effects failed, until its back-off is over.
    pub fn fail(&mut self, uid: &Uid) {
        let order = self.take_order();
        let now = self.clock.monotonic();
        let Some(entry) = self.entries.get_mut(uid) else {
            return;
        };
        entry.errors += 1;
        entry.since = now;
        entry.order = order;
        let until = now + backoff(entry.errors);
        self.move_to(uid, Place::ErrorBackoff { until }, FAILURE);
    }

    /// Wakes the pods that an event may help.
    pub fn wake(&mut self, event: &ClusterEvent<'_>) {
        let all = self.unschedulable.iter();
        let woken = all.filter(|uid| self.is_woken_by(uid, event));
        let woken: Vec<Uid> = woken.cloned().collect();
        for uid in woken {
            self.retry(&uid, event.kind.label());
        }
    }

    fn is_woken_by(&self, uid: &Uid, event: &ClusterEvent<'_>) -> bool {
        self.entries.get(uid).is_some_and(|entry| {
            let mut plugins = entry.rejected_by.iter();
            // Nobody rejects a pod while there are no nodes at all.
            let no_nodes = entry.rejected_by.is_empty();
            (no_nodes && event.kind == EventKind::NodeAdd)
                || plugins.any(|plugin| plugin.wakes(&entry.pod, event))
        })
    }

    /// Out of the unschedulable ones, into back-off unless that is over.
    fn retry(&mut self, uid: &Uid, event: &'static str) {
        let Some(entry) = self.entries.get(uid) else {
            return;
        };
        let until = entry.since + backoff(entry.rejections);
        if until <= self.clock.monotonic() {
            self.enqueue(uid, event);
        } else {
            self.move_to(uid, Place::Backoff { until }, event);
        }
    }

    fn end_backoffs(&mut self) {
        let now = self.clock.monotonic();
        for errors in [false, true] {
            loop {
                let set = if errors {
                    &self.error_backoff
                } else {
                    &self.backoff
                };
                let Some((_, uid)) = set.first().filter(|(until, _)| *until <= now) else {
                    break;
                };
                let uid = uid.clone();
                self.enqueue(&uid, BACKOFF_COMPLETE);
            }
        }
    }

    fn take_out(&mut self, uid: &Uid) {
        // Nothing is entered.
        self.move_to(uid, Place::InFlight, "");
    }

    fn move_to(&mut self, uid: &Uid, place: Place, event: &'static str) {
        let Some(entry) = self.entries.get_mut(uid) else {
            return;
        };
        let before = std::mem::replace(&mut entry.place, place);
        let (from, to) = (before.waiting(), place.waiting());
        if from != to {
            from.inspect(|queue| self.metrics.left(*queue));
            to.inspect(|queue| self.metrics.entered(*queue, event));
        }
        let active = (Reverse(entry.pod.priority), entry.order, uid.clone());
        match before {
            // The order may have moved on, but never while it is active.
            Place::Active => drop(self.active.remove(&active)),
            Place::Backoff { until } => drop(self.backoff.remove(&(until, uid.clone()))),
            Place::ErrorBackoff { until } => {
                self.error_backoff.remove(&(until, uid.clone()));
            }
            Place::Unschedulable => drop(self.unschedulable.remove(uid)),
            Place::Gated | Place::InFlight => {}
        }
        match place {
            Place::Active => drop(self.active.insert(active)),
            Place::Backoff { until } => drop(self.backoff.insert((until, uid.clone()))),
            Place::ErrorBackoff { until } => {
                self.error_backoff.insert((until, uid.clone()));
            }
            Place::Unschedulable => drop(self.unschedulable.insert(uid.clone())),
            Place::Gated | Place::InFlight => {}
        }
    }

    fn take_order(&mut self) -> u64 {
        self.next_order += 1;
        self.next_order
    }
}

/// How long a pod waits after its n-th failure: 1 s, doubling, at most 10 s.
fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(10);
    (INITIAL_BACKOFF * 2_u32.pow(doublings)).min(MAX_BACKOFF)
}

#[cfg(test)]
mod tests;
