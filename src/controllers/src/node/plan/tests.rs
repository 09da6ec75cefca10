use super::*;
use api::Kind;
use expect_test::expect;
use serde_json::{Value, json};

const NOW: &str = "2026-01-01T01:00:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

fn node(conditions: &[(&str, &str)], taints: &[(&str, &str)], unschedulable: bool) -> Node {
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|(type_, status)| json!({"type": type_, "status": status, "reason": "Said"}))
        .collect();
    let taints: Vec<Value> = taints
        .iter()
        .map(|(key, effect)| json!({"key": key, "effect": effect}))
        .collect();
    let node = json!({
        "metadata": {"name": "n1", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"taints": taints, "unschedulable": unschedulable},
        "status": {"conditions": conditions},
    });
    Node::decode(node.to_string().as_bytes()).expect("a node")
}

#[test]
fn taints_follow_conditions() {
    let (not_ready, unreachable) = (taints::NOT_READY, taints::UNREACHABLE);
    let registered = [
        (not_ready, NO_SCHEDULE),
        ("mine", NO_SCHEDULE),
        ("mine", NO_EXECUTE),
    ];
    let rows = [
        (node(&[], &registered, false), false),
        (node(&[(READY, "True")], &registered, false), false),
        (node(&[(READY, "False")], &registered, false), false),
        (node(&[(READY, "False")], &registered, false), true),
        (
            node(
                &[(READY, "Unknown")],
                &[(not_ready, NO_SCHEDULE), (not_ready, NO_EXECUTE)],
                false,
            ),
            false,
        ),
        (
            node(&[(READY, "Unknown")], &[(unreachable, NO_EXECUTE)], false),
            true,
        ),
        (
            node(&[(READY, "True"), (DISK_PRESSURE, "True")], &[], true),
            false,
        ),
        (
            node(
                &[(READY, "True")],
                &[(taints::UNSCHEDULABLE, NO_SCHEDULE)],
                false,
            ),
            false,
        ),
    ];
    let mut out = String::new();
    for (node, all_lost) in rows {
        let after = tainted(&node, all_lost, now());
        let taints = after.spec.and_then(|s| s.taints).unwrap_or_default();
        let text = |taint: &Taint| format!("{}:{}", taint.key, taint.effect);
        let text: Vec<_> = taints.iter().map(text).collect();
        let ready = readiness(&node).unwrap_or("-");
        out.push_str(&format!(
            "{ready} all lost {all_lost}: {}\n",
            text.join(" ")
        ));
    }
    expect![[r#"
        - all lost false: node.kubernetes.io/not-ready:NoSchedule mine:NoSchedule mine:NoExecute
        True all lost false: mine:NoSchedule mine:NoExecute
        False all lost false: node.kubernetes.io/not-ready:NoSchedule mine:NoSchedule mine:NoExecute node.kubernetes.io/not-ready:NoExecute
        False all lost true: node.kubernetes.io/not-ready:NoSchedule mine:NoSchedule mine:NoExecute
        Unknown all lost false: node.kubernetes.io/unreachable:NoSchedule node.kubernetes.io/unreachable:NoExecute
        Unknown all lost true: node.kubernetes.io/unreachable:NoSchedule
        True all lost false: node.kubernetes.io/disk-pressure:NoSchedule node.kubernetes.io/unschedulable:NoSchedule
        True all lost false: 
    "#]].assert_eq(&out);
}

#[test]
fn silence_makes_conditions_unknown() {
    let said = node(
        &[
            (READY, "True"),
            (DISK_PRESSURE, "Unknown"),
            ("Other", "True"),
        ],
        &[],
        false,
    );
    let after = silenced(&said, now());
    let conditions = after.status.and_then(|s| s.conditions).unwrap_or_default();
    let line = |c: &NodeCondition| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        format!(
            "{}={} {} {}\n",
            c.type_,
            c.status,
            text(&c.reason),
            text(&c.message)
        )
    };
    let text: String = conditions.iter().map(line).collect();
    expect![[r#"
        Ready=Unknown NodeStatusUnknown Kubelet stopped posting node status.
        DiskPressure=Unknown Said 
        Other=True Said 
        MemoryPressure=Unknown NodeStatusNeverUpdated Kubelet never posted node status.
        PIDPressure=Unknown NodeStatusNeverUpdated Kubelet never posted node status.
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_node_that_never_spoke_has_longer() {
    let options = NodeMonitorOptions::default();
    let silent = Duration::from_secs(45);
    let rows = [
        (node(&[], &[], false), 15),
        (node(&[(READY, "True")], &[], false), 5),
    ];
    for (node, left) in rows {
        assert_eq!(patience(&node, silent, options), Duration::from_secs(left));
    }
}

#[test]
fn pods_of_a_lost_node_are_not_ready() {
    let pod = json!({"metadata": {"generation": 3}, "status": {"conditions": [
        {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}});
    let pod = Pod::decode(pod.to_string().as_bytes()).expect("a pod");
    let after = unready(&pod, now()).expect("was ready");
    expect![[r#"{"conditions":[{"lastTransitionTime":"2026-01-01T01:00:00Z","observedGeneration":3,"status":"False","type":"Ready"}]}"#]].assert_eq(&after.encode()["status"].to_string());
    assert_eq!(unready(&after, now()), None);
}
