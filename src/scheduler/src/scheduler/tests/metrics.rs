//! What the loop counts.

use base::metrics::encode;

use super::*;

/// Every series but those of buckets, and of sums, which are times.
fn told(world: &World) -> String {
    let text = encode(&world.cx.metrics);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let lines = lines.filter(|line| !line.contains("_bucket") && !line.contains("_sum"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn tries_and_waits_are_counted_as_upstream_does() {
    on_one_thread(async {
        let world = World::new();
        world.put_pod("gated", &json!({"schedulingGates": [{"name": "g"}]}));
        world.first_bound_second_waiting().await;
        expect![[r#"
            scheduler_pending_pods{queue="active"} 0
            scheduler_pending_pods{queue="backoff"} 0
            scheduler_pending_pods{queue="gated"} 1
            scheduler_pending_pods{queue="unschedulable"} 1
            scheduler_pod_scheduling_attempts_count 1
            scheduler_pod_scheduling_sli_duration_seconds_count{attempts="1"} 1
            scheduler_preemption_attempts_total 1
            scheduler_preemption_victims_count 0
            scheduler_queue_incoming_pods_total{event="ScheduleAttemptFailure",queue="unschedulable"} 1
            scheduler_queue_incoming_pods_total{event="UnschedulablePodAdd",queue="active"} 2
            scheduler_queue_incoming_pods_total{event="UnschedulablePodAdd",queue="gated"} 1
            scheduler_schedule_attempts_total{profile="default-scheduler",result="error"} 0
            scheduler_schedule_attempts_total{profile="default-scheduler",result="scheduled"} 1
            scheduler_schedule_attempts_total{profile="default-scheduler",result="unschedulable"} 1
            scheduler_scheduling_algorithm_duration_seconds_count 2
            scheduler_scheduling_attempt_duration_seconds_count{profile="default-scheduler",result="error"} 0
            scheduler_scheduling_attempt_duration_seconds_count{profile="default-scheduler",result="scheduled"} 1
            scheduler_scheduling_attempt_duration_seconds_count{profile="default-scheduler",result="unschedulable"} 1"#]].assert_eq(&told(&world));

        // Room comes; it is the second try that finds it, an hour after the first.
        world.hands.advance(Duration::from_secs(3600));
        world.server.remove(&Pod::GVR, "default", "first");
        world.bound("second").await;
        world.settle().await;
        let text = encode(&world.cx.metrics);
        let slow = text.lines().find(|line| {
            line.starts_with("scheduler_pod_scheduling_sli_duration_seconds_sum{attempts=\"2\"}")
        });
        let expected = "scheduler_pod_scheduling_sli_duration_seconds_sum{attempts=\"2\"} 3600";
        assert_eq!(slow, Some(expected));
        expect![[r#"
            scheduler_pending_pods{queue="active"} 0
            scheduler_pending_pods{queue="backoff"} 0
            scheduler_pending_pods{queue="gated"} 1
            scheduler_pending_pods{queue="unschedulable"} 0
            scheduler_pod_scheduling_attempts_count 2
            scheduler_pod_scheduling_sli_duration_seconds_count{attempts="1"} 1
            scheduler_pod_scheduling_sli_duration_seconds_count{attempts="2"} 1
            scheduler_preemption_attempts_total 1
            scheduler_preemption_victims_count 0
            scheduler_queue_incoming_pods_total{event="AssignedPodDelete",queue="active"} 1
            scheduler_queue_incoming_pods_total{event="ScheduleAttemptFailure",queue="unschedulable"} 1
            scheduler_queue_incoming_pods_total{event="UnschedulablePodAdd",queue="active"} 2
            scheduler_queue_incoming_pods_total{event="UnschedulablePodAdd",queue="gated"} 1
            scheduler_schedule_attempts_total{profile="default-scheduler",result="error"} 0
            scheduler_schedule_attempts_total{profile="default-scheduler",result="scheduled"} 2
            scheduler_schedule_attempts_total{profile="default-scheduler",result="unschedulable"} 1
            scheduler_scheduling_algorithm_duration_seconds_count 3
            scheduler_scheduling_attempt_duration_seconds_count{profile="default-scheduler",result="error"} 0
            scheduler_scheduling_attempt_duration_seconds_count{profile="default-scheduler",result="scheduled"} 2
            scheduler_scheduling_attempt_duration_seconds_count{profile="default-scheduler",result="unschedulable"} 1"#]].assert_eq(&told(&world));
    });
}

/// The lines of an event under which pods have entered queues.
fn entered(world: &World, event: &str) -> Vec<String> {
    let start = format!("scheduler_queue_incoming_pods_total{{event=\"{event}");
    let text = told(world);
    let lines = text.lines().filter_map(|line| line.strip_prefix(&start));
    lines.map(str::to_owned).collect()
}

#[test]
fn the_last_gate_lifted_is_counted_and_no_other() {
    on_one_thread(async {
        let world = World::new();
        world.put_node("n1", &json!({}));
        for gates in [
            json!([{"name": "a"}, {"name": "b"}]),
            json!([{"name": "b"}]),
        ] {
            world.put_pod("gated", &json!({"schedulingGates": gates}));
            world.settle().await;
            assert!(entered(&world, "UnschedulablePodUpdate").is_empty());
        }
        // What else changes with it does not count.
        let freed = json!({"schedulingGates": [], "tolerations": [{"operator": "Exists"}]});
        world.put_pod("gated", &freed);
        world.bound("gated").await;
        let expected = "PodSchedulingGatesEliminated\",queue=\"active\"} 1";
        assert_eq!(entered(&world, "UnschedulablePodUpdate"), [expected]);
    });
}

#[test]
fn who_backs_off_while_nothing_is_active_is_counted_as_active() {
    on_one_thread(async {
        let world = World::new();
        world.first_bound_second_waiting().await;
        // Room comes at once: the second is to wait a second, and nobody is before it.
        world.server.remove(&Pod::GVR, "default", "first");
        world.bound("second").await;
        let expected = "\",queue=\"active\"} 1";
        assert_eq!(entered(&world, "PopFromBackoffQ"), [expected]);
        let expected = "\",queue=\"backoff\"} 1";
        assert_eq!(entered(&world, "AssignedPodDelete"), [expected]);
        let pending = "scheduler_pending_pods{queue=\"active\"} 0";
        assert!(told(&world).contains(pending));
    });
}

#[test]
fn a_failed_binding_is_an_error_and_a_preemption_an_attempt() {
    on_one_thread(async {
        let world = World::new();
        world.put_node("n1", &json!({}));
        let refusal = Effect::Refuse(StatusError::service_unavailable("as planned"));
        world.server.disturb(Verb::Create, "pods/binding", refusal);
        world.put_pod("low", &important("3", 0));
        world.settle().await;
        world.hands.advance(Duration::from_secs(1));
        world.bound("low").await;
        world.put_pod("high", &important("3", 10));
        world.settle().await;
        let of = |name: &str| {
            let text = told(&world);
            let lines = text.lines().filter(|line| line.starts_with(name));
            lines.map(str::to_owned).collect::<Vec<_>>().join("\n")
        };
        expect![[r#"
            scheduler_preemption_attempts_total 1
            scheduler_preemption_victims_count 1"#]]
        .assert_eq(&of("scheduler_preemption"));
        expect![[r#"
            scheduler_schedule_attempts_total{profile="default-scheduler",result="error"} 1
            scheduler_schedule_attempts_total{profile="default-scheduler",result="scheduled"} 1
            scheduler_schedule_attempts_total{profile="default-scheduler",result="unschedulable"} 1"#]].assert_eq(&of("scheduler_schedule_attempts"));
    });
}
