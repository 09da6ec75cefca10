//! The loop against the fake API server.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use api::{Kind, Node, Pod};
use apimachinery::StatusError;
use base::clock::Hands;
use base::metrics::Registry;
use base::{Clock, Shutdown};
use client::testing::{Effect, FakeServer, Verb};
use expect_test::{Expect, expect};
use informer::Informers;
use serde_json::{Value, json};

use super::{SchedulerCx, run};
use crate::testing::{node_object, pod_object, requests};

mod affinity;
mod metrics;
mod steps;

struct World {
    server: FakeServer,
    hands: Hands,
    cx: SchedulerCx,
}

impl World {
    /// A server, and a scheduler that has started.
    fn new() -> Self {
        let world = Self::without_scheduler();
        base::tasks::spawn("scheduler", run(world.cx.clone()));
        world
    }

    fn without_scheduler() -> Self {
        let start = "2026-01-01T00:00:00Z".parse().expect("a time");
        let (clock, hands) = Clock::manual(start);
        let server = FakeServer::new(clock.clone());
        let shutdown = Shutdown::new();
        let source = Arc::new(server.clone());
        let cx = SchedulerCx {
            informers: Informers::new(source, clock.clone(), shutdown.clone()),
            client: server.client(),
            clock,
            shutdown,
            metrics: Registry::new(),
            host: "machine".to_owned(),
        };
        Self { server, hands, cx }
    }

    fn put_node(&self, name: &str, spec: &Value) {
        self.server.put(&node_object(name, spec, &json!({})));
    }

    fn put_pod(&self, name: &str, spec: &Value) -> Pod {
        self.server.put(&pod_object(name, spec))
    }

    /// Lets everything happen that can happen now; time stands still.
    async fn settle(&self) {
        for _ in 0..2000 {
            tokio::task::yield_now().await;
        }
    }

    async fn until<T: PartialEq + Debug>(&self, expected: T, read: impl Fn(&FakeServer) -> T) {
        for _ in 0..50 {
            if read(&self.server) == expected {
                return;
            }
            self.settle().await;
        }
        assert_eq!(read(&self.server), expected);
    }

    /// Waits until a pod is bound to the first node.
    async fn bound(&self, pod: &str) {
        let bound = Some("n1".to_owned());
        self.until(bound, |server| node_of(server, pod)).await;
    }

    /// The first pod takes the only node's room; the second waits for it.
    async fn first_bound_second_waiting(&self) {
        self.put_node("n1", &json!({}));
        self.put_pod("first", &requests(&json!({"cpu": "3"})));
        self.bound("first").await;
        self.put_pod("second", &requests(&json!({"cpu": "2"})));
        self.settle().await;
    }

    /// The pods, what their statuses say of scheduling, and the events, by time.
    fn check(&self, expected: &Expect) {
        let pods = self.server.list::<Pod>();
        let mut lines: Vec<String> = pods.iter().map(shown).collect();
        let mut events: Vec<_> = self.server.list::<api::Event>();
        events.sort_by_key(|event| event.event_time.clone().map(|time| time.0));
        lines.extend(events.iter().map(said));
        expected.assert_eq(&(lines.join("\n") + "\n"));
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.cx.shutdown.stop();
    }
}

fn shown(pod: &Pod) -> String {
    let status = pod.status.clone().unwrap_or_default();
    let mut shown = format!("{} on {:?}", pod.name(), api::pod::node_name(pod));
    if let Some(node) = status.nominated_node_name {
        shown.push_str(&format!(" nominated {node}"));
    }
    for condition in status.conditions.iter().flatten() {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (reason, message) = (text(&condition.reason), text(&condition.message));
        let observed = condition.observed_generation;
        shown.push_str(&format!(
            "\n  {}={} {reason} {observed:?}: {message}",
            condition.type_, condition.status
        ));
    }
    shown
}

fn said(event: &api::Event) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let about = text(&event.involved_object.name);
    let related = event.related.as_ref().and_then(|other| other.name.clone());
    let count = event.series.as_ref().and_then(|series| series.count);
    format!(
        "{} {}/{} {about} {related:?} x{}: {}",
        text(&event.type_),
        text(&event.reason),
        text(&event.action),
        count.unwrap_or(1),
        text(&event.message),
    )
}

fn node_of(server: &FakeServer, name: &str) -> Option<String> {
    let pod = server.get::<Pod>("default", name)?;
    Some(api::pod::node_name(&pod).to_owned())
}

/// One thread, so that yielding lets every task go on.
fn on_one_thread(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(test);
}

fn important(cpu: &str, priority: i32) -> Value {
    let mut spec = requests(&json!({"cpu": cpu}));
    spec["priority"] = priority.into();
    spec
}

#[test]
fn a_pod_is_bound_to_the_only_node() {
    on_one_thread(async {
        let world = World::new();
        world.put_node("n1", &json!({}));
        world.put_pod("web", &json!({}));
        world.put_pod("foreign", &json!({"schedulerName": "other"}));
        world.put_pod("gated", &json!({"schedulingGates": [{"name": "g"}]}));
        world.bound("web").await;
        world.settle().await;
        world.check(&expect![[r#"
            foreign on ""
            gated on ""
            web on "n1"
              PodScheduled=True  None: 
            Normal Scheduled/Binding web None x1: Successfully assigned default/web to n1
        "#]]);
        let events = world.server.list::<api::Event>();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        assert_eq!(text(&events[0].reporting_component), "default-scheduler");
        assert_eq!(
            text(&events[0].reporting_instance),
            "default-scheduler-machine"
        );
        world.put_pod("gated", &json!({}));
        world.bound("gated").await;
    });
}

#[test]
fn a_pod_waits_for_room_and_says_why() {
    on_one_thread(async {
        let world = World::new();
        world.first_bound_second_waiting().await;
        world.check(&expect![[r#"
            first on "n1"
              PodScheduled=True  None: 
            second on ""
              PodScheduled=False Unschedulable Some(1): 0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.
            Normal Scheduled/Binding first None x1: Successfully assigned default/first to n1
            Warning FailedScheduling/Scheduling second None x1: 0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.
        "#]]);
        drop(world.server.take_requests());
        world.hands.advance(Duration::from_secs(3600));
        world.settle().await;
        assert_eq!(world.server.take_requests(), [], "nothing polls");
        world.server.remove(&Pod::GVR, "default", "first");
        world.bound("second").await;
    });
}

#[test]
fn the_same_reason_again_is_counted_and_not_written_again() {
    on_one_thread(async {
        let world = World::new();
        world.put_node("n1", &json!({}));
        world.put_pod("first", &requests(&json!({"cpu": "3"})));
        world.put_pod("small", &requests(&json!({"cpu": "100m"})));
        world.bound("small").await;
        world.put_pod("second", &requests(&json!({"cpu": "2"})));
        world.settle().await;
        drop(world.server.take_requests());
        world.server.remove(&Pod::GVR, "default", "small");
        world.settle().await;
        let requests = world.server.take_requests();
        let writes: Vec<_> = requests.iter().map(|request| request.verb).collect();
        assert_eq!(writes, [Verb::Patch], "of the event");
        let events = world.server.list::<api::Event>();
        let counts = events
            .iter()
            .filter_map(|event| event.series.as_ref()?.count);
        assert_eq!(counts.collect::<Vec<_>>(), [2]);
    });
}

#[test]
fn assumed_pods_count_before_they_are_seen() {
    on_one_thread(async {
        let world = World::new();
        world.put_node("n1", &json!({}));
        world.settle().await;
        world.put_pod("first", &requests(&json!({"cpu": "3"})));
        // The informer never hears of the binding.
        world.server.drop_next_event("pods");
        world.bound("first").await;
        world.put_pod("second", &requests(&json!({"cpu": "3"})));
        world.settle().await;
        assert_eq!(node_of(&world.server, "second").as_deref(), Some(""));
    });
}

#[test]
fn the_first_node_wakes_pods() {
    on_one_thread(async {
        let world = World::new();
        world.put_pod("web", &json!({}));
        world.settle().await;
        world.check(&expect![[r#"
            web on ""
              PodScheduled=False Unschedulable Some(1): no nodes available to schedule pods
            Warning FailedScheduling/Scheduling web None x1: no nodes available to schedule pods
        "#]]);
        let taint =
            json!({"taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]});
        world.put_node("n1", &taint);
        world.settle().await;
        world.check(&expect![[r#"
            web on ""
              PodScheduled=False Unschedulable Some(1): 0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.
            Warning FailedScheduling/Scheduling web None x1: no nodes available to schedule pods
            Warning FailedScheduling/Scheduling web None x1: 0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.
        "#]]);
        world.put_node("n1", &json!({}));
        world.bound("web").await;
    });
}

#[test]
fn a_refused_binding_is_tried_again_after_a_second() {
    on_one_thread(async {
        let world = World::new();
        world.put_node("n1", &json!({}));
        let refusal = Effect::Refuse(StatusError::service_unavailable("as planned"));
        world.server.disturb(Verb::Create, "pods/binding", refusal);
        world.put_pod("web", &json!({}));
        world.settle().await;
        world.check(&expect![[r#"
            web on ""
              PodScheduled=False SchedulerError Some(1): binding rejected: running Bind plugin "DefaultBinder": as planned
            Warning FailedScheduling/Scheduling web None x1: binding rejected: running Bind plugin "DefaultBinder": as planned
        "#]]);
        world.hands.advance(Duration::from_secs(1));
        world.bound("web").await;
    });
}

#[test]
fn a_lost_answer_is_not_a_failure() {
    on_one_thread(async {
        let world = World::new();
        world.put_node("n1", &json!({}));
        world
            .server
            .disturb(Verb::Create, "pods/binding", Effect::LoseAnswer);
        world.put_pod("web", &json!({}));
        world.settle().await;
        world.check(&expect![[r#"
            web on "n1"
              PodScheduled=True  None: 
            Normal Scheduled/Binding web None x1: Successfully assigned default/web to n1
        "#]]);
    });
}

#[test]
fn a_status_that_somebody_else_wrote_is_read_again() {
    on_one_thread(async {
        let world = World::new();
        world.put_node("n1", &json!({}));
        let pods = Pod::GVR.group_resource();
        let modified = Effect::Refuse(StatusError::modified(&pods, "web"));
        world.server.disturb(Verb::Patch, "pods/status", modified);
        world.put_pod("web", &requests(&json!({"cpu": "5"})));
        world.settle().await;
        world.check(&expect![[r#"
            web on ""
              PodScheduled=False Unschedulable Some(1): 0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.
            Warning FailedScheduling/Scheduling web None x1: 0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.
        "#]]);
    });
}

#[test]
fn less_important_pods_make_room() {
    on_one_thread(async {
        let world = World::new();
        world.put_node("n1", &json!({}));
        world.put_pod("low", &important("3", 1));
        world.bound("low").await;
        world.put_pod("high", &important("2", 10));
        world.settle().await;
        world.check(&expect![[r#"
            high on "" nominated n1
              PodScheduled=False Unschedulable Some(1): 0/1 nodes are available: 1 Insufficient cpu.
            low on "n1"
              PodScheduled=True  None: 
              DisruptionTarget=True PreemptionByScheduler Some(1): default-scheduler: preempting to accommodate a higher priority pod
            Warning FailedScheduling/Scheduling high None x1: 0/1 nodes are available: 1 Insufficient cpu.
            Normal Scheduled/Binding low None x1: Successfully assigned default/low to n1
            Normal Preempted/Preempting low Some("high") x1: Preempted by pod high on node n1
        "#]]);
        // Room is kept: a pod of lower priority must not slip in.
        world.server.remove(&Pod::GVR, "default", "low");
        world.put_pod("slip", &important("3", 2));
        world.bound("high").await;
        world.settle().await;
        assert_eq!(node_of(&world.server, "slip").as_deref(), Some(""));
    });
}

#[test]
fn a_victim_that_stays_is_evicted_a_second_later() {
    on_one_thread(async {
        let world = World::new();
        world.put_node("n1", &json!({}));
        world.put_pod("low", &important("3", 1));
        world.bound("low").await;
        let refusal = Effect::Refuse(StatusError::service_unavailable("as planned"));
        world.server.disturb(Verb::Delete, "pods", refusal);
        world.put_pod("high", &important("2", 10));
        world.settle().await;
        let terminating = |server: &FakeServer| {
            let low = server.get::<Pod>("default", "low");
            low.is_some_and(|low| low.is_terminating())
        };
        assert!(!terminating(&world.server));
        world.hands.advance(Duration::from_secs(1));
        world.until(true, terminating).await;
    });
}

#[test]
fn a_new_pod_of_an_old_name_is_another_pod() {
    on_one_thread(async {
        let world = World::new();
        world.put_node("n1", &json!({}));
        world.put_pod("web", &requests(&json!({"cpu": "4"})));
        world.bound("web").await;
        // The watch sees the new state only.
        world.server.drop_next_event("pods");
        world.server.remove(&Pod::GVR, "default", "web");
        let mut again = pod_object("web", &requests(&json!({"cpu": "4"})));
        again.metadata.uid = Some("another".to_owned());
        world.server.put(&again);
        world.bound("web").await;
    });
}

#[test]
fn a_thousand_pods_are_bound() {
    on_one_thread(async {
        let world = World::new();
        let big = json!({"cpu": "1000", "memory": "1Ti", "pods": "2000"});
        let mut node = node_object("n1", &json!({}), &json!({})).encode();
        node.map_mut("status").insert("allocatable".to_owned(), big);
        world
            .server
            .put_object(&Node::GVR, node, base::TraceId::NONE);
        for n in 0..1000 {
            world.put_pod(&format!("p{n}"), &json!({}));
        }
        world
            .until(1000, |server| {
                let pods = server.list::<Pod>();
                let bound = pods
                    .iter()
                    .filter(|pod| !api::pod::node_name(pod).is_empty());
                bound.count()
            })
            .await;
    });
}
