//! A pod and what runs of it, and the status as people read it.

use super::*;
use crate::pod::recall::LOST;
use crate::pod::view::testing::{run, sandbox};
use crate::probe::Verdict;
use api::Kind;
use expect_test::{Expect, expect};
use serde_json::{Value, json};

fn pod(spec: Value, status: Value) -> Pod {
    let pod = json!({"metadata": {"name": "p", "namespace": "n", "uid": "u"},
        "spec": spec, "status": status});
    Pod::decode(pod.to_string().as_bytes()).expect("a pod")
}

struct Case {
    pod: Pod,
    view: PodView,
    waiting: BTreeMap<String, Waiting>,
    probes: Verdicts,
    stopped: bool,
}

impl Case {
    /// Runs are `name:attempt` or `name:attempt=exit`, newest first.
    fn new(spec: Value, runs: &[&str]) -> Self {
        let pod = pod(spec, json!({}));
        let parse = |text: &&str| {
            let (name, rest) = text.split_once(':').expect("name:attempt");
            let (attempt, exit) = match rest.split_once('=') {
                Some((attempt, exit)) => (attempt, Some(exit.parse().expect("a code"))),
                None => (rest, None),
            };
            let mut all = containers(&pod).iter().chain(init_containers(&pod));
            let spec = all.find(|c| c.name == name).expect("a container");
            run(spec, attempt.parse().expect("a number"), exit)
        };
        let view = PodView {
            sandboxes: vec![sandbox(0)],
            containers: runs.iter().map(parse).collect(),
        };
        Self {
            pod,
            view,
            waiting: BTreeMap::new(),
            probes: Verdicts::default(),
            stopped: false,
        }
    }

    fn compute(&self) -> PodStatus {
        let facts = Facts {
            view: &self.view,
            waiting: &self.waiting,
            probes: &self.probes,
            pod_ips: &["10.42.0.5".to_owned()],
            host_ip: "192.0.2.1",
            failed: None,
            stopped: self.stopped,
            now: Timestamp::UNIX_EPOCH,
        };
        compute(&self.pod, &facts)
    }

    fn check(&self, expected: Expect) {
        expected.assert_eq(&show(&self.compute()));
    }
}

fn show(status: &PodStatus) -> String {
    let mut text = format!("{}\n", status.phase.as_deref().unwrap_or_default());
    let init = status.init_container_statuses.iter().flatten();
    for container in init.chain(status.container_statuses.iter().flatten()) {
        let state = |state: &Option<api::core::ContainerState>| {
            let state = state.clone().unwrap_or_default();
            if let Some(waiting) = state.waiting {
                return waiting.reason.unwrap_or_default();
            }
            if state.running.is_some() {
                return "running".to_owned();
            }
            state.terminated.map_or("-".to_owned(), |end| {
                format!("{}({})", end.reason.unwrap_or_default(), end.exit_code)
            })
        };
        text.push_str(&format!(
            "{}: {}, last {}, restarts {}{}{}\n",
            container.name,
            state(&container.state),
            state(&container.last_state),
            container.restart_count,
            if container.ready { ", ready" } else { "" },
            if container.started == Some(true) {
                ", started"
            } else {
                ""
            },
        ));
    }
    for condition in status.conditions.iter().flatten() {
        let reason = condition.reason.as_deref().unwrap_or_default();
        let message = condition.message.as_deref().unwrap_or_default();
        let line = format!(
            "{} {} {reason} {message}",
            condition.type_, condition.status
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn two() -> Value {
    json!({"initContainers": [{"name": "i", "image": "x"}, {"name": "j", "image": "x"}],
        "containers": [{"name": "a", "image": "x"}]})
}

fn one(policy: &str) -> Value {
    json!({"restartPolicy": policy, "containers": [{"name": "a", "image": "x"}]})
}

#[test]
fn init_containers_come_one_by_one() {
    Case::new(two(), &["i:0=0"]).check(expect![[r#"
        Pending
        i: Completed(0), last -, restarts 0, ready
        j: PodInitializing, last -, restarts 0
        a: PodInitializing, last -, restarts 0
        PodReadyToStartContainers True
        Initialized False ContainersNotInitialized containers with incomplete status: [j]
        Ready False ContainersNotReady containers with unready status: [a]
        ContainersReady False ContainersNotReady containers with unready status: [a]
        PodScheduled True
    "#]]);
}

#[test]
fn a_pod_that_runs_is_ready() {
    Case::new(two(), &["i:0=0", "j:0=0", "a:0"]).check(expect![[r#"
        Running
        i: Completed(0), last -, restarts 0, ready
        j: Completed(0), last -, restarts 0, ready
        a: running, last -, restarts 0, ready, started
        PodReadyToStartContainers True
        Initialized True
        Ready True
        ContainersReady True
        PodScheduled True
    "#]]);
}

#[test]
fn a_failed_init_container_fails_a_pod_that_never_restarts() {
    let mut spec = two();
    spec["restartPolicy"] = "Never".into();
    Case::new(spec, &["i:0=3"]).check(expect![[r#"
        Failed
        i: Error(3), last -, restarts 0
        j: PodInitializing, last -, restarts 0
        a: PodInitializing, last -, restarts 0
        PodReadyToStartContainers True
        Initialized False ContainersNotInitialized containers with incomplete status: [i j]
        Ready False PodFailed
        ContainersReady False PodFailed
        PodScheduled True
    "#]]);
}

/// A failed try is of a run that nobody waits for any more.
#[test]
fn what_has_ended_for_good_waits_for_nothing() {
    let rows = [
        (
            "OnFailure",
            "i:0=0",
            "i: Completed(0), last -, restarts 0, ready",
        ),
        (
            "Always",
            "i:0=0",
            "i: Completed(0), last -, restarts 0, ready",
        ),
        ("Never", "i:0=2", "i: Error(2), last -, restarts 0"),
        (
            "OnFailure",
            "i:0=2",
            "i: RunContainerError, last Error(2), restarts 0",
        ),
    ];
    for (policy, run, expected) in rows {
        let mut spec = two();
        spec["restartPolicy"] = policy.into();
        let mut case = Case::new(spec, &[run]);
        let waiting = Waiting::of("RunContainerError");
        case.waiting.insert("i".into(), waiting);
        let status = show(&case.compute());
        assert!(
            status.contains(&format!("\n{expected}\n")),
            "{policy}\n{status}"
        );
    }
}

/// Init containers run again in a new sandbox; the API takes that for a step back.
#[test]
fn an_end_that_may_not_be_left_is_shown_until_the_next() {
    let end = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
    let status = json!({"initContainerStatuses": [{"name": "i", "image": "x", "imageID": "y",
        "restartCount": 0, "ready": true, "containerID": "rk3s://i-0", "state": end}]});
    let rows: [(&str, &[&str], &str); 5] = [
        (
            "OnFailure",
            &["i:1", "i:0=0"],
            "i: Completed(0), last -, restarts 0, ready",
        ),
        (
            "Never",
            &["i:1", "i:0=0"],
            "i: Completed(0), last -, restarts 0, ready",
        ),
        (
            "Always",
            &["i:1", "i:0=0"],
            "i: running, last Completed(0), restarts 1, started",
        ),
        (
            "OnFailure",
            &["i:1=0", "i:0=0"],
            "i: Completed(0), last Completed(0), restarts 1, ready",
        ),
        (
            "OnFailure",
            &["i:1=3", "i:0=0"],
            "i: Error(3), last Completed(0), restarts 1",
        ),
    ];
    for (policy, runs, expected) in rows {
        let mut spec = two();
        spec["restartPolicy"] = policy.into();
        let mut case = Case::new(spec.clone(), runs);
        case.pod = pod(spec, status.clone());
        let status = show(&case.compute());
        assert!(
            status.contains(&format!("\n{expected}\n")),
            "{policy} {runs:?}\n{status}"
        );
    }
}

#[test]
fn a_crash_loop_shows_its_last_end() {
    let mut case = Case::new(one("Always"), &["a:3=1", "a:2=7"]);
    case.waiting
        .insert("a".into(), Waiting::of("CrashLoopBackOff"));
    case.check(expect![[r#"
        Running
        a: CrashLoopBackOff, last Error(1), restarts 3
        PodReadyToStartContainers True
        Initialized True
        Ready False ContainersNotReady containers with unready status: [a]
        ContainersReady False ContainersNotReady containers with unready status: [a]
        PodScheduled True
    "#]]);
}

#[test]
fn a_restarted_container_remembers_the_end_before() {
    let status = show(&Case::new(one("Always"), &["a:3", "a:2=7"]).compute());
    assert!(
        status.contains("a: running, last Error(7), restarts 3, ready, started"),
        "{status}"
    );
}

#[test]
fn a_program_that_cannot_start_is_no_last_state() {
    let mut case = Case::new(one("Always"), &["a:0"]);
    case.view.containers[0].state = cri::ContainerState::Created;
    case.view.containers[0].started_at = None;
    case.waiting
        .insert("a".into(), Waiting::of("RunContainerError"));
    let status = show(&case.compute());
    assert!(
        status.starts_with("Pending\na: RunContainerError, last -, restarts 0\n"),
        "{status}"
    );
}

#[test]
fn probes_decide_on_started_and_ready() {
    let rows = [
        (false, false, "a: running, last -, restarts 0\n"),
        (true, false, "a: running, last -, restarts 0, started\n"),
        (
            true,
            true,
            "a: running, last -, restarts 0, ready, started\n",
        ),
    ];
    for (started, ready, expected) in rows {
        let mut case = Case::new(one("Always"), &["a:0"]);
        let verdict = Verdict {
            started,
            ready,
            failed: None,
        };
        case.probes = Verdicts::from_iter([("a".to_owned(), verdict)]);
        let status = show(&case.compute());
        assert!(status.contains(expected), "{status}");
    }
}

#[test]
fn the_end_of_a_pod_is_success_only_when_all_succeeded() {
    let spec = json!({"restartPolicy": "OnFailure",
        "containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "x"}]});
    let phase = |policy: &str, runs: &[&str]| {
        let mut spec = spec.clone();
        spec["restartPolicy"] = policy.into();
        Case::new(spec, runs).compute().phase.unwrap_or_default()
    };
    let rows: [(&str, &[&str], &str); 6] = [
        ("Never", &["a:0=0", "b:0=0"], "Succeeded"),
        ("Never", &["a:0=0", "b:0=2"], "Failed"),
        ("Never", &["a:0=0", "b:0"], "Running"),
        ("OnFailure", &["a:0=0", "b:0=2"], "Running"),
        ("Always", &["a:0=0", "b:0=0"], "Running"),
        ("Always", &["a:0"], "Pending"),
    ];
    for (policy, runs, expected) in rows {
        assert_eq!(phase(policy, runs), expected, "{policy} {runs:?}");
    }
}

#[test]
fn a_terminal_phase_stays() {
    let mut case = Case::new(one("Always"), &["a:0"]);
    case.pod.status = Some(PodStatus {
        phase: Some("Failed".into()),
        reason: Some("Evicted".into()),
        ..PodStatus::default()
    });
    let status = case.compute();
    assert_eq!(status.phase.as_deref(), Some("Failed"));
    assert_eq!(status.reason.as_deref(), Some("Evicted"));
}

#[test]
fn runs_that_the_runtime_lost_are_remembered() {
    let status = json!({"containerStatuses": [{"name": "a", "image": "x", "imageID": "y",
        "restartCount": 4, "ready": true, "containerID": "rk3s://old",
        "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]});
    let mut view = PodView::default();
    let pod = pod(one("Never"), status);
    view.recall(&pod);
    view.recall(&pod);
    assert_eq!(view.containers.len(), 1);
    let run = &view.containers[0];
    assert_eq!(
        (run.metadata.attempt, run.exit_code, run.reason.as_str()),
        (4, 137, LOST)
    );
    assert!(has_finished(&pod, &view));
    let case = Case {
        pod,
        view,
        waiting: BTreeMap::new(),
        probes: Verdicts::default(),
        stopped: false,
    };
    let status = show(&case.compute());
    assert!(
        status.starts_with("Failed\na: ContainerStatusUnknown(137), last -, restarts 4\n"),
        "{status}"
    );
}

#[test]
fn a_deleted_pod_whose_container_never_ran_has_failed() {
    let mut case = Case::new(one("Always"), &[]);
    case.pod.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    case.stopped = true;
    let status = show(&case.compute());
    assert!(
        status.starts_with("Failed\na: ContainerStatusUnknown(137), last -, restarts 0\n"),
        "{status}"
    );
}
