//! Order, back-off and wake-ups.

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use base::clock::Hands;
use base::metrics::Registry;
use jiff::Timestamp;
use serde_json::json;

use super::Queue;
use crate::metrics::Metrics;
use crate::plugins::DEFAULT;
use crate::pod::PodInfo;
use crate::testing::{names, node, pod, requests};
use crate::wakeup::{ClusterEvent, EventKind};

fn queue() -> (Queue, Hands) {
    let (clock, hands) = Clock::manual(Timestamp::UNIX_EPOCH);
    let metrics = Metrics::new(&Registry::new());
    (Queue::new(DEFAULT, clock, metrics), hands)
}

fn important(name: &str, priority: i32) -> Arc<PodInfo> {
    pod(name, &json!({"priority": priority}))
}

fn popped(queue: &mut Queue) -> Option<String> {
    queue.pop().map(|pod| pod.key.name.to_string())
}

fn freed() -> Arc<PodInfo> {
    pod("freed", &json!({}))
}

/// Tells the queue that a pod has left its node.
fn free(queue: &mut Queue) {
    queue.wake(&ClusterEvent::pod(EventKind::AssignedPodDelete, &freed()));
}

#[test]
fn priority_comes_before_arrival() {
    let (mut queue, _) = queue();
    for (name, priority) in [("a", 0), ("b", 10), ("c", 0), ("d", 10)] {
        queue.put(important(name, priority));
    }
    queue.put(important("c", 20));
    let order: Vec<_> = std::iter::from_fn(|| popped(&mut queue)).collect();
    assert_eq!(order, ["c", "b", "d", "a"]);
}

#[test]
fn a_rejected_pod_sleeps_until_a_named_event() {
    let (mut queue, hands) = queue();
    let waiting = pod("waiting", &requests(&json!({"cpu": "2"})));
    queue.put(waiting.clone());
    assert_eq!(popped(&mut queue).as_deref(), Some("waiting"));
    queue.reject(&waiting.uid, &names(&["NodeResourcesFit"]));
    hands.advance(Duration::from_secs(3600));
    assert_eq!((popped(&mut queue), queue.next_wakeup()), (None, None));
    let empty = node("a", &json!({}));
    for kind in [EventKind::NodeLabel, EventKind::NodeTaint] {
        queue.wake(&ClusterEvent::node(kind, &empty));
    }
    assert_eq!(popped(&mut queue), None, "nothing that the plugin named");
    let mut full = node("b", &json!({}));
    full.add_pod(pod("old", &requests(&json!({"cpu": "3"}))));
    queue.wake(&ClusterEvent::node(EventKind::NodeAdd, &full));
    assert_eq!(popped(&mut queue), None, "still too full");
    free(&mut queue);
    assert_eq!(popped(&mut queue).as_deref(), Some("waiting"));
}

#[test]
fn a_woken_pod_backs_off_behind_active_ones() {
    let (mut queue, hands) = queue();
    let waiting = important("waiting", 10);
    queue.put(waiting.clone());
    queue.pop();
    queue.reject(&waiting.uid, &names(&["NodeResourcesFit"]));
    free(&mut queue);
    queue.put(important("other", 0));
    assert_eq!(popped(&mut queue).as_deref(), Some("other"));
    // Nothing else to do: back-off does not keep the scheduler idle.
    assert_eq!(popped(&mut queue).as_deref(), Some("waiting"));
    queue.reject(&waiting.uid, &names(&["NodeResourcesFit"]));
    hands.advance(Duration::from_secs(2));
    free(&mut queue);
    queue.put(important("third", 0));
    assert_eq!(
        popped(&mut queue).as_deref(),
        Some("waiting"),
        "2 s are over"
    );
}

#[test]
fn failures_back_off_from_one_to_ten_seconds() {
    let (mut queue, hands) = queue();
    let failing = important("failing", 0);
    queue.put(failing.clone());
    let mut waits = Vec::new();
    for _ in 0..6 {
        assert_eq!(popped(&mut queue).as_deref(), Some("failing"));
        queue.fail(&failing.uid);
        assert_eq!(popped(&mut queue), None);
        let now = queue.clock.monotonic();
        let wait = queue.next_wakeup().expect("a time") - now;
        waits.push(wait.as_secs());
        hands.advance(wait);
    }
    assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
}

#[test]
fn gates_keep_a_pod_out() {
    let (mut queue, _) = queue();
    let gated = |gates: &[&str]| {
        let gates: Vec<_> = gates.iter().map(|name| json!({"name": name})).collect();
        pod("gated", &json!({"schedulingGates": gates}))
    };
    queue.put(gated(&["a", "b"]));
    free(&mut queue);
    assert_eq!(popped(&mut queue), None);
    queue.put(gated(&["b"]));
    assert_eq!(popped(&mut queue), None);
    queue.put(gated(&[]));
    assert_eq!(popped(&mut queue).as_deref(), Some("gated"));
}

#[test]
fn a_change_of_the_pod_itself_wakes_it() {
    let (mut queue, _) = queue();
    let waiting = pod("waiting", &json!({}));
    queue.put(waiting.clone());
    queue.pop();
    queue.reject(&waiting.uid, &names(&["TaintToleration"]));
    queue.put(pod("waiting", &json!({"priority": 1})));
    assert_eq!(popped(&mut queue), None);
    queue.put(pod(
        "waiting",
        &json!({"tolerations": [{"operator": "Exists"}]}),
    ));
    assert_eq!(popped(&mut queue).as_deref(), Some("waiting"));
}

#[test]
fn without_nodes_a_pod_waits_for_the_first() {
    let (mut queue, _) = queue();
    let waiting = important("waiting", 0);
    queue.put(waiting.clone());
    queue.pop();
    queue.reject(&waiting.uid, &names(&[]));
    free(&mut queue);
    assert_eq!(popped(&mut queue), None);
    let first = node("a", &json!({}));
    queue.wake(&ClusterEvent::node(EventKind::NodeAdd, &first));
    assert_eq!(popped(&mut queue).as_deref(), Some("waiting"));
}

#[test]
fn a_removed_pod_is_in_no_set() {
    let (mut queue, hands) = queue();
    let one = important("one", 0);
    let uid = one.uid.clone();
    type Into = fn(&mut Queue, &Arc<str>);
    let places: [Into; 5] = [
        |_, _| {},
        |queue, _| drop(queue.pop()),
        |queue, uid| queue.fail(uid),
        |queue, uid| queue.reject(uid, &names(&["NodeResourcesFit"])),
        |queue, uid| {
            queue.reject(uid, &names(&["NodeResourcesFit"]));
            free(queue);
        },
    ];
    for into in places {
        queue.put(one.clone());
        into(&mut queue, &uid);
        queue.remove(&uid);
        hands.advance(Duration::from_secs(20));
        assert_eq!((popped(&mut queue), queue.next_wakeup()), (None, None));
        assert!(queue.unschedulable.is_empty() && queue.get(&uid).is_none());
    }
}
