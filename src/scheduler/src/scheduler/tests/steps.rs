//! The loop's parts, one call at a time, where the loop itself would be too quick to look at.

use std::sync::Arc;

use base::metrics::Registry;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{SchedulerCx, World, important, on_one_thread};
use crate::effects::{BindError, Failure};
use crate::pod::PodInfo;
use crate::scheduler::Scheduler;
use crate::testing::{node_object, pod, pod_object, requests};
use api::{Kind, Pod};

/// A scheduler that knows one node and does only what it is told.
fn idle(world: &World) -> Scheduler {
    let (sender, _) = mpsc::unbounded_channel();
    let pods = world.cx.informers.of(&Pod::GVR);
    let cx = SchedulerCx {
        metrics: Registry::new(),
        ..world.cx.clone()
    };
    let mut scheduler = Scheduler::new(&cx, pods, sender);
    scheduler.put_node(&node_object("n1", &json!({}), &json!({})));
    scheduler
}

fn assigned(name: &str, spec: &Value) -> Arc<PodInfo> {
    let mut spec = spec.clone();
    spec["nodeName"] = "n1".into();
    pod(name, &spec)
}

fn cpu(amount: &str) -> Value {
    requests(&json!({"cpu": amount}))
}

/// Tries the next pod; `None` when none is to be tried.
fn step(scheduler: &mut Scheduler) -> Option<String> {
    let pod = scheduler.queue.pop()?;
    scheduler.schedule_one(&pod);
    Some(pod.key.name.to_string())
}

#[test]
fn a_nomination_lasts_until_the_cluster_takes_it_back() {
    on_one_thread(async {
        let world = World::without_scheduler();
        let mut scheduler = idle(&world);
        let state = |nominated: &str| {
            let mut waiting = pod_object("waiting", &json!({}));
            let status = waiting.status.get_or_insert_default();
            status.nominated_node_name = Some(nominated.to_owned());
            Arc::new(PodInfo::of(waiting, base::TraceId::NONE))
        };
        scheduler.put_pod(state(""));
        scheduler.snapshot.nominate(&state(""), "n1");
        let rows = [("", "n1"), ("n1", "n1"), ("n2", "n2"), ("", "")];
        for (heard, expected) in rows {
            scheduler.put_pod(state(heard));
            let found = scheduler.snapshot.nomination("waiting");
            assert_eq!(found, expected, "after {heard:?}");
        }
    });
}

#[test]
fn what_gives_room_back_wakes_who_waits_for_it() {
    type Change = fn(&mut Scheduler);
    let rows: [(&str, Change); 4] = [
        ("smaller", |s| s.put_pod(assigned("holder", &cpu("1")))),
        ("gone", |s| s.forget_pod(&"holder".into())),
        ("finished", |s| {
            let mut holder = PodInfo::clone(&assigned("holder", &cpu("3")));
            holder.finished = true;
            s.put_pod(Arc::new(holder));
        }),
        ("elsewhere", |s| {
            let mut holder = PodInfo::clone(&assigned("holder", &cpu("3")));
            "n2".clone_into(&mut holder.node_name);
            s.put_pod(Arc::new(holder));
        }),
    ];
    on_one_thread(async {
        let world = World::without_scheduler();
        for (what, change) in rows {
            let mut scheduler = idle(&world);
            scheduler.put_pod(assigned("holder", &cpu("3")));
            scheduler.put_pod(pod("waiting", &cpu("2")));
            assert_eq!(step(&mut scheduler).as_deref(), Some("waiting"));
            assert_eq!(step(&mut scheduler), None);
            change(&mut scheduler);
            assert_eq!(step(&mut scheduler).as_deref(), Some("waiting"), "{what}");
            assert!(scheduler.snapshot.placed("waiting").is_some(), "{what}");
        }
    });
}

#[test]
fn a_failed_binding_gives_its_room_to_others() {
    on_one_thread(async {
        let world = World::without_scheduler();
        let mut scheduler = idle(&world);
        let failing = pod("failing", &cpu("3"));
        scheduler.put_pod(failing.clone());
        assert_eq!(step(&mut scheduler).as_deref(), Some("failing"));
        scheduler.put_pod(pod("waiting", &cpu("3")));
        step(&mut scheduler);
        assert_eq!(step(&mut scheduler), None);
        scheduler.end_binding(&failing, Err(BindError::Deadline));
        assert_eq!(step(&mut scheduler).as_deref(), Some("waiting"));
        assert!(scheduler.snapshot.placed("waiting").is_some());
        assert!(scheduler.snapshot.placed("failing").is_none());
    });
}

#[test]
fn a_pod_deleted_while_it_is_bound_holds_nothing() {
    on_one_thread(async {
        let world = World::without_scheduler();
        let mut scheduler = idle(&world);
        let deleted = pod("deleted", &cpu("3"));
        scheduler.put_pod(deleted.clone());
        step(&mut scheduler);
        scheduler.forget_pod(&deleted.uid);
        scheduler.end_binding(&deleted, Err(BindError::Deadline));
        assert!(scheduler.snapshot.placed("deleted").is_none());
        assert!(scheduler.queue.get("deleted").is_none());
        assert!(scheduler.binding.is_empty());
    });
}

#[test]
fn a_more_important_pod_overtakes_a_nomination() {
    on_one_thread(async {
        let world = World::without_scheduler();
        let mut scheduler = idle(&world);
        scheduler.put_pod(assigned("victim", &important("4", 0)));
        let lower = pod("lower", &important("4", 5));
        scheduler.put_pod(lower.clone());
        step(&mut scheduler);
        assert_eq!(scheduler.snapshot.nomination("lower"), "n1");
        scheduler.put_pod(pod("higher", &important("4", 9)));
        step(&mut scheduler);
        assert_eq!(scheduler.snapshot.nomination("higher"), "n1");
        assert_eq!(scheduler.snapshot.nomination("lower"), "");
    });
}

#[test]
fn a_late_failure_leaves_a_bound_pod_alone() {
    on_one_thread(async {
        let world = World::without_scheduler();
        let scheduler = idle(&world);
        world.put_pod("web", &json!({"nodeName": "n1"}));
        world.settle().await;
        let failure = Failure {
            reason: "Unschedulable",
            text: "too late".to_owned(),
            nominated: None,
        };
        scheduler
            .effects
            .report(&pod("web", &json!({})), failure)
            .await;
        let pod: Pod = world.server.get("default", "web").expect("put");
        assert_eq!(pod.status, None);
    });
}
