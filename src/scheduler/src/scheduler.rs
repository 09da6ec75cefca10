//! The loop: news in, one decision at a time, effects out. Entry point: [`run`].

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use api::policy::PodDisruptionBudget;
use api::{Kind, Namespace, Node, Pod};
use base::metrics::Registry;
use base::{Clock, Shutdown};
use client::Client;
use informer::{Informer, Informers, Key};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tracing::{debug, error, warn};

use crate::effects::{BindError, Effects, Failure, NAME};
use crate::events::Events;
use crate::framework::Framework;
use crate::metrics::{Metrics, Outcome};
use crate::plan::{Decision, Nominating, Step, plan};
use crate::plugins;
use crate::pod::PodInfo;
use crate::preemption::Nomination;
use crate::queue::Queue;
use crate::snapshot::Snapshot;
use crate::wakeup::{ClusterEvent, EventKind};

mod intake;

#[cfg(test)]
mod tests;

use intake::{News, listen};

/// Bindings under way at once; more pods wait in the queue.
const MAX_BINDING: usize = 256;

/// What the scheduler stands on.
#[derive(Clone)]
pub struct SchedulerCx {
    pub informers: Informers,
    /// Speaks as `system:kube-scheduler`.
    pub client: Client,
    pub clock: Clock,
    pub shutdown: Shutdown,
    /// Where the scheduler's metrics are made.
    pub metrics: Registry,
    /// The machine's name, for events.
    pub host: String,
}

/// Schedules until shutdown.
pub async fn run(cx: SchedulerCx) {
    let (sender, news) = mpsc::unbounded_channel();
    let pods = cx.informers.of(&Pod::GVR);
    let nodes = cx.informers.of(&Node::GVR);
    let namespaces = cx.informers.of(&Namespace::GVR);
    let budgets = cx.informers.of(&PodDisruptionBudget::GVR);
    listen(&nodes, &sender, News::Node, News::NodeGone);
    listen(&pods, &sender, News::Pod, News::PodGone);
    listen(&namespaces, &sender, News::Namespace, News::NamespaceGone);
    listen(&budgets, &sender, News::Budget, News::BudgetGone);
    let scheduler = Scheduler::new(&cx, pods.clone(), sender);
    tokio::select! {
        // Budgets only guide preemption: pods are not kept waiting for them.
        () = async { tokio::join!(pods.synced(), nodes.synced(), namespaces.synced()); } => {}
        () = cx.shutdown.stopping() => return,
    }
    debug!("the scheduler has started");
    scheduler.run(news, &cx.shutdown).await;
}

/// Decides alone; what takes time runs in tasks that report back as [`News`].
struct Scheduler {
    framework: Framework,
    queue: Queue,
    snapshot: Snapshot,
    /// Which pod has a name now: a new pod of an old name means that the old one is gone.
    uids: HashMap<Key, Arc<str>>,
    effects: Effects,
    metrics: Metrics,
    sender: UnboundedSender<News>,
    binding: BTreeSet<Arc<str>>,
    /// Where the next search for a node begins.
    next_start: usize,
}

impl Scheduler {
    fn new(cx: &SchedulerCx, pods: Informer, sender: UnboundedSender<News>) -> Self {
        let client = cx.client.with_user_agent("kube-scheduler");
        let (clock, shutdown) = (cx.clock.clone(), cx.shutdown.clone());
        let metrics = Metrics::new(&cx.metrics);
        let events = Events::new(client.clone(), NAME, &cx.host, clock.clone(), shutdown);
        Self {
            framework: plugins::DEFAULT,
            queue: Queue::new(plugins::DEFAULT, clock.clone(), metrics.clone()),
            snapshot: Snapshot::default(),
            uids: HashMap::new(),
            effects: Effects {
                client,
                clock,
                pods,
                events,
            },
            metrics,
            sender,
            binding: BTreeSet::new(),
            next_start: 0,
        }
    }

    async fn run(mut self, mut news: UnboundedReceiver<News>, shutdown: &Shutdown) {
        while !shutdown.is_stopping() {
            while let Ok(news) = news.try_recv() {
                self.hear(news);
            }
            if self.binding.len() < MAX_BINDING
                && let Some(pod) = self.queue.pop()
            {
                self.schedule_one(&pod);
                // Long queues must not keep this thread from other tasks.
                tokio::task::yield_now().await;
                continue;
            }
            let wakeup = self.queue.next_wakeup();
            let clock = self.effects.clock.clone();
            tokio::select! {
                news = news.recv() => match news {
                    Some(news) => self.hear(news),
                    None => return,
                },
                () = clock.sleep_until(wakeup.unwrap_or_default()),
                    if wakeup.is_some() && self.binding.len() < MAX_BINDING => {}
                () = shutdown.stopping() => return,
            }
        }
    }

    /// One cycle: plan, then act.
    fn schedule_one(&mut self, pod: &Arc<PodInfo>) {
        let started = self.effects.clock.monotonic();
        let plan = plan(&self.framework, &self.snapshot, pod, self.next_start);
        self.next_start = plan.next_start;
        let took = self.effects.clock.monotonic().saturating_sub(started);
        self.metrics.decided(took);
        match plan.decision {
            Decision::Place { node, steps } => self.place(pod, &node, steps, started),
            Decision::Reject {
                diagnosis,
                nominating,
            } => {
                let text = diagnosis.to_string();
                debug!(pod = %pod.key, text, "no node fits");
                self.metrics.tried(Outcome::Unschedulable, took);
                let looked_for_victims =
                    !diagnosis.post_filter.is_empty() || matches!(nominating, Nominating::Set(_));
                if looked_for_victims {
                    self.metrics.preemptions.inc();
                }
                self.queue.reject(&pod.uid, &diagnosis.plugins);
                let nominated = self.nominate(pod, nominating);
                let failure = Failure {
                    reason: "Unschedulable",
                    text,
                    nominated,
                };
                self.report(pod, failure);
            }
        }
    }

    /// Binds a pod in a task of its own; `started` is when the try began.
    fn place(&mut self, pod: &Arc<PodInfo>, node: &Arc<str>, steps: Vec<Step>, started: Duration) {
        self.snapshot.place(pod.clone(), node, true);
        self.binding.insert(pod.uid.clone());
        let (effects, sender, pod) = (self.effects.clone(), self.sender.clone(), pod.clone());
        let (metrics, tries) = (self.metrics.clone(), self.queue.tries(&pod.uid));
        base::tasks::spawn("bind", async move {
            let bound = base::tasks::catch("bind", effects.bind(&pod, &steps)).await;
            let outcome = bound.unwrap_or(Err(BindError::Panicked));
            let now = effects.clock.monotonic();
            if outcome.is_ok() {
                metrics.tried(Outcome::Scheduled, now.saturating_sub(started));
                metrics.bound(tries, now);
            } else {
                metrics.tried(Outcome::Error, now.saturating_sub(started));
            }
            // After shutdown nobody listens; the cluster says what became of the pod.
            let _ = sender.send(News::Bound { pod, outcome });
        });
    }

    fn end_binding(&mut self, pod: &Arc<PodInfo>, outcome: Result<(), BindError>) {
        self.binding.remove(&pod.uid);
        let Err(error) = outcome else { return };
        let placed = self.snapshot.placed(&pod.uid);
        if !placed.is_some_and(|placed| placed.assumed) {
            // Bound after all, or gone.
            return;
        }
        error!(pod = %pod.key, %error, "a pod was not bound");
        self.snapshot.unplace(&pod.uid);
        self.snapshot.nominate(pod, &pod.nominated);
        self.queue.fail(&pod.uid);
        let freed = ClusterEvent::pod(EventKind::AssignedPodDelete, pod);
        self.queue.wake(&freed);
        let failure = Failure {
            reason: "SchedulerError",
            text: format!("binding rejected: {error}"),
            nominated: None,
        };
        self.report(pod, failure);
    }

    /// Does what the decision says of the nominated node; gives its new name when it changes.
    fn nominate(&mut self, pod: &Arc<PodInfo>, nominating: Nominating) -> Option<String> {
        match nominating {
            Nominating::Keep => None,
            Nominating::Clear => {
                self.snapshot.forget_nomination(&pod.uid);
                Some(String::new())
            }
            Nominating::Set(nomination) => {
                let node = nomination.node.to_string();
                self.overtake(pod, &node);
                self.snapshot.nominate(pod, &node);
                self.preempt(pod, nomination);
                Some(node)
            }
        }
    }

    /// Pods of lower priority that waited for the same room shall look elsewhere.
    fn overtake(&mut self, pod: &Arc<PodInfo>, node: &str) {
        let waiting = self.snapshot.nominated_on(node);
        let lower = waiting.filter(|other| other.priority < pod.priority);
        let lower: Vec<_> = lower.cloned().collect();
        for other in lower {
            self.snapshot.forget_nomination(&other.uid);
            let effects = self.effects.clone();
            base::tasks::spawn("clear-nomination", async move {
                effects.clear_nomination(&other).await;
            });
        }
    }

    fn preempt(&self, pod: &Arc<PodInfo>, nomination: Nomination) {
        self.metrics.evicts(nomination.victims.len());
        let (effects, sender, pod) = (self.effects.clone(), self.sender.clone(), pod.clone());
        base::tasks::spawn("preempt", async move {
            let preempted = base::tasks::catch("preempt", effects.preempt(&pod, &nomination));
            match preempted.await {
                Some(Ok(())) => return,
                Some(Err(error)) => warn!(pod = %pod.key, %error, "a preemption failed"),
                // The panic is in the log.
                None => {}
            }
            // After shutdown nobody listens.
            let _ = sender.send(News::PreemptionFailed(pod));
        });
    }

    fn report(&self, pod: &Arc<PodInfo>, failure: Failure) {
        let (effects, pod) = (self.effects.clone(), pod.clone());
        base::tasks::spawn("report", async move { effects.report(&pod, failure).await });
    }
}
