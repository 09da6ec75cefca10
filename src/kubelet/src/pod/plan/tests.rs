//! Rows: a pod, what runs of it, and what the plan must be.

use super::*;
use crate::pod::view::testing::{run, sandbox};
use api::core::PodSpec;

fn container(name: &str) -> Container {
    Container {
        name: name.into(),
        image: Some("busybox".into()),
        ..Default::default()
    }
}

fn pod(policy: &str, init: &[&str], regular: &[&str]) -> Pod {
    let init: Vec<Container> = init.iter().map(|name| container(name)).collect();
    Pod {
        spec: Some(PodSpec {
            restart_policy: Some(policy.into()),
            init_containers: (!init.is_empty()).then_some(init),
            containers: regular.iter().map(|name| container(name)).collect(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// `a:0` is running, `a:0=1` exited with 1; newest first.
fn view(with_sandbox: bool, runs: &[&str]) -> PodView {
    let parse = |text: &&str| {
        let (name, rest) = text.split_once(':').expect("name:attempt");
        let (attempt, exit) = rest
            .split_once('=')
            .map_or((rest, None), |(a, e)| (a, Some(e)));
        let exit = exit.map(|exit| exit.parse().expect("an exit code"));
        run(&container(name), attempt.parse().expect("an attempt"), exit)
    };
    PodView {
        sandboxes: if with_sandbox {
            vec![sandbox(0)]
        } else {
            Vec::new()
        },
        containers: runs.iter().map(parse).collect(),
    }
}

fn show(plan: &Plan) -> String {
    let mut parts = Vec::new();
    match plan.sandbox {
        SandboxStep::Keep => {}
        SandboxStep::Create { attempt } => parts.push(format!("sandbox {attempt}")),
        SandboxStep::Stop => parts.push("stop sandbox".into()),
    }
    parts.extend(plan.kill.iter().map(|kill| format!("kill {}", kill.id)));
    for start in &plan.start {
        parts.push(format!(
            "start {:?} {} as {}",
            start.group, start.index, start.attempt
        ));
    }
    for (name, left) in &plan.backing_off {
        parts.push(format!("{name} waits {}s", left.as_secs()));
    }
    parts.join(", ")
}

fn decide(pod: &Pod, view: &PodView, restarts: &RestartBackoff, second: i64) -> Plan {
    plan(&Situation {
        pod,
        view,
        restarts,
        probes: &Verdicts::default(),
        over: false,
        now: Timestamp::from_second(second).expect("in range"),
    })
}

#[test]
fn a_containers_own_policy_beats_the_pods() {
    // Pod, container, rule (operator and code), exit code, whether it starts again.
    let rows = [
        ("Always", None, None, 0, true),
        ("OnFailure", None, None, 0, false),
        ("OnFailure", None, None, 1, true),
        ("Never", None, None, 1, false),
        ("Never", Some("Always"), None, 0, true),
        ("Never", Some("OnFailure"), None, 0, false),
        ("Never", Some("OnFailure"), None, 1, true),
        ("Always", Some("Never"), None, 1, false),
        ("Always", Some("Never"), Some(("In", 42)), 42, true),
        ("Always", Some("Never"), Some(("In", 42)), 43, false),
        ("Always", Some("Never"), Some(("NotIn", 42)), 42, false),
        ("Always", Some("Never"), Some(("NotIn", 42)), 43, true),
    ];
    for (of_pod, own, rule, exit_code, expected) in rows {
        let rule = rule.map(|(operator, code): (&str, i32)| ContainerRestartRule {
            action: "Restart".into(),
            exit_codes: Some(ContainerRestartRuleOnExitCodes {
                operator: operator.into(),
                values: Some(vec![code]),
            }),
        });
        let container = Container {
            restart_policy: own.map(Into::into),
            restart_policy_rules: rule.map(|rule| vec![rule]),
            ..container("a")
        };
        let pod = pod(of_pod, &[], &["a"]);
        let row = (of_pod, own, exit_code);
        assert_eq!(restarts(&pod, &container, exit_code), expected, "{row:?}");
    }
}

#[test]
fn plans() {
    let rows: [(Pod, PodView, &str); 15] = [
        (
            pod("Always", &[], &["a", "b"]),
            view(false, &[]),
            "sandbox 0, start Regular 0 as 0, start Regular 1 as 0",
        ),
        (
            pod("Always", &["i"], &["a"]),
            view(false, &[]),
            "sandbox 0, start Init 0 as 0",
        ),
        (pod("Always", &["i"], &["a"]), view(true, &["i:0"]), ""),
        (
            pod("Always", &["i", "j"], &["a"]),
            view(true, &["i:0=0"]),
            "start Init 1 as 0",
        ),
        (
            pod("Always", &["i"], &["a"]),
            view(true, &["i:0=0"]),
            "start Regular 0 as 0",
        ),
        (
            pod("OnFailure", &["i"], &["a"]),
            view(true, &["i:0=0"]),
            "start Regular 0 as 0",
        ),
        (
            pod("Never", &["i"], &["a"]),
            view(true, &["a:0", "i:0=0"]),
            "",
        ),
        (pod("Always", &[], &["a"]), view(true, &["a:0"]), ""),
        (
            pod("Always", &[], &["a"]),
            view(true, &["a:0=0"]),
            "start Regular 0 as 1",
        ),
        (
            pod("OnFailure", &[], &["a"]),
            view(true, &["a:0=0"]),
            "stop sandbox",
        ),
        (
            pod("OnFailure", &[], &["a"]),
            view(true, &["a:0=3"]),
            "start Regular 0 as 1",
        ),
        (
            pod("Never", &[], &["a", "b"]),
            view(true, &["a:0=3", "b:0"]),
            "",
        ),
        (
            pod("Never", &[], &["a"]),
            view(false, &["a:0=3"]),
            "stop sandbox",
        ),
        (
            pod("Never", &["i"], &["a"]),
            view(true, &["i:0=1"]),
            "stop sandbox",
        ),
        (
            pod("Always", &["i"], &["a"]),
            view(false, &["a:2=0", "i:0=0"]),
            "sandbox 0, start Init 0 as 1",
        ),
    ];
    for (pod, view, expected) in rows {
        let plan = decide(&pod, &view, &RestartBackoff::default(), 101);
        assert_eq!(show(&plan), expected, "{pod:?}\n{view:?}");
    }
}

#[test]
fn a_container_that_keeps_ending_waits_for_its_back_off() {
    let pod = pod("Always", &[], &["a"]);
    let mut backoff = RestartBackoff::default();
    backoff.restarted("a", Timestamp::from_second(102).expect("in range"));
    let waiting = decide(&pod, &view(true, &["a:1=0"]), &backoff, 102);
    assert_eq!(show(&waiting), "a waits 9s");
    assert_eq!(waiting.again_after, Some(Duration::from_secs(9)));
}

#[test]
fn a_changed_image_replaces_the_container_whatever_the_policy() {
    let mut pod = pod("Never", &[], &["a"]);
    let view = view(true, &["a:0"]);
    let spec = pod.spec.as_mut().expect("a spec");
    spec.containers[0].image = Some("busybox:2".into());
    let plan = decide(&pod, &view, &RestartBackoff::default(), 0);
    assert_eq!(show(&plan), "kill a-0, start Regular 0 as 1");
    assert_eq!(
        plan.kill[0].message.as_deref(),
        Some("Container a definition changed, will be restarted")
    );
}

#[test]
fn a_run_that_never_began_is_made_again() {
    let pod = pod("Always", &[], &["a"]);
    let mut view = view(true, &["a:0"]);
    view.containers[0].state = ContainerState::Created;
    let plan = decide(&pod, &view, &RestartBackoff::default(), 101);
    assert_eq!(show(&plan), "kill a-0, start Regular 0 as 0");
    assert_eq!(plan.kill[0].message, None);
}

#[test]
fn what_is_over_is_ended() {
    let mut finished = pod("Always", &[], &["a"]);
    finished.status = Some(api::core::PodStatus {
        phase: Some("Failed".into()),
        ..Default::default()
    });
    let plan = decide(
        &finished,
        &view(true, &["a:0"]),
        &RestartBackoff::default(),
        101,
    );
    assert_eq!(show(&plan), "stop sandbox, kill a-0");
}

#[test]
fn probes_end_containers_and_hold_back_those_behind_a_sidecar() {
    let mut pod = pod("Always", &["s"], &["a"]);
    let spec = pod.spec.as_mut().expect("a spec");
    let sidecar = &mut spec.init_containers.as_mut().expect("one")[0];
    sidecar.restart_policy = Some("Always".into());
    sidecar.startup_probe = Some(api::core::Probe {
        termination_grace_period_seconds: Some(3),
        ..Default::default()
    });
    let check = |started: bool, failed: Option<Kind>, expected: &str| {
        let verdict = crate::probe::Verdict {
            started,
            ready: false,
            failed,
        };
        let plan = plan(&Situation {
            pod: &pod,
            view: &view(true, &["s:0"]),
            restarts: &RestartBackoff::default(),
            probes: &Verdicts::from_iter([("s".to_owned(), verdict)]),
            over: false,
            now: Timestamp::UNIX_EPOCH,
        });
        assert_eq!(show(&plan), expected);
        plan
    };
    check(false, None, "");
    check(true, None, "start Regular 0 as 0");
    let plan = check(false, Some(Kind::Startup), "kill s-0");
    assert_eq!(plan.kill[0].grace, Some(Duration::from_secs(3)));
    assert_eq!(
        plan.kill[0].message.as_deref(),
        Some("Container s failed startup probe, will be restarted")
    );
}
