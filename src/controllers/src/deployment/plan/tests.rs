use super::*;
use api::condition;
use expect_test::{Expect, expect};
use serde_json::{Value, json};

const NOW: &str = "2026-01-01T01:00:00Z";

/// A deployment and its sets, as a server would show them.
struct Case {
    deployment: Value,
    sets: Vec<Value>,
    pods: BTreeMap<String, usize>,
}

impl Case {
    /// `replicas` wanted of the image `v2`, as far as the server has told.
    fn new(replicas: i32) -> Self {
        let deployment = json!({
            "metadata": {"name": "web", "namespace": "n", "uid": "d", "generation": 1,
                "annotations": {"note": "x"}},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
                "template": template("v2"), "revisionHistoryLimit": 1,
                "progressDeadlineSeconds": 600, "strategy": {"type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}},
            "status": {},
        });
        Self {
            deployment,
            sets: Vec::new(),
            pods: BTreeMap::new(),
        }
    }

    fn with(mut self, pointer: &str, value: Value) -> Self {
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
        self.deployment.pointer_mut(parent).expect("a parent")[field] = value;
        self
    }

    /// A set named after its image, with so many replicas wanted and available; sized for
    /// `desired` replicas with a surge of a quarter.
    fn set(mut self, image: &str, replicas: i32, available: i32, desired: i32) -> Self {
        let age = self.sets.len() + 1;
        self.sets.push(json!({
            "metadata": {"name": image, "namespace": "n", "uid": image, "generation": 1,
                "creationTimestamp": format!("2026-01-01T00:0{age}:00Z"),
                "annotations": {
                    "note": "x",
                    "deployment.kubernetes.io/revision": age.to_string(),
                    "deployment.kubernetes.io/desired-replicas": desired.to_string(),
                    "deployment.kubernetes.io/max-replicas": (desired + (desired + 3) / 4).to_string(),
                }},
            "spec": {"replicas": replicas, "selector": {}, "template": template(image)},
            "status": {"replicas": replicas, "readyReplicas": available,
                "availableReplicas": available, "observedGeneration": 1,
                "terminatingReplicas": 0},
        }));
        self
    }

    fn plan(&self) -> Plan {
        let deployment = Viewed::from_json(self.deployment.clone());
        let sets = self.sets.iter().cloned().map(Viewed::from_json);
        plan(Snapshot {
            deployment: &deployment,
            sets: sets.collect(),
            unfinished_pods: self.pods.clone(),
            now: NOW.parse().expect("a time"),
        })
    }

    fn check(&self, expected: &Expect) -> Plan {
        let plan = self.plan();
        expected.assert_eq(&render(&plan));
        plan
    }
}

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": image}]}})
}

fn render(plan: &Plan) -> String {
    let mut out = String::new();
    for step in &plan.steps {
        let line = match step {
            Step::Create { object, replicas } => format!("create {} x{replicas}", object.name()),
            Step::Delete(set) => format!("delete {}", set.name()),
            Step::Update { before, after } => {
                let [from, to] = [&before.typed, after].map(budget::set_replicas);
                let notes = |set: &ReplicaSet| {
                    let annotations = set.metadata.annotations.iter().flatten();
                    let notes = annotations.filter_map(|(k, v)| {
                        let key = k.strip_prefix("deployment.kubernetes.io/").unwrap_or(k);
                        (before.annotation(k) != Some(v)).then(|| format!(" {key}={v}"))
                    });
                    notes.collect::<String>()
                };
                format!("update {} x{from}->{to}{}", before.name(), notes(after))
            }
        };
        out.push_str(&line);
        out.push('\n');
    }
    let revision = plan.after.annotation(DEPLOYMENT_REVISION);
    out.push_str(&format!("revision {}\n", revision.unwrap_or("-")));
    for type_ in ["Available", "Progressing", "ReplicaFailure"] {
        let conditions = &plan.after.status.as_ref().expect("set").conditions;
        if let Some(found) = condition(conditions, type_) {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let (reason, message) = (text(&found.reason), text(&found.message));
            out.push_str(&format!("{type_}={} {reason} {message}\n", found.status));
        }
    }
    if let Some(again) = plan.again {
        out.push_str(&format!("again {again:?}\n"));
    }
    out
}

#[test]
fn a_new_deployment_gets_its_first_set() {
    let plan = Case::new(3).check(&expect![[r#"
        create web-775f79d95b x3
        revision 1
        Available=False MinimumReplicasUnavailable Deployment does not have minimum availability.
        Progressing=True NewReplicaSetCreated Created new replica set "web-775f79d95b"
        again 601s
    "#]]);
    let Step::Create { object, .. } = &plan.steps[0] else {
        panic!("a set is created");
    };
    expect![[r#"
        {
          "apiVersion": "apps/v1",
          "kind": "ReplicaSet",
          "metadata": {
            "annotations": {
              "deployment.kubernetes.io/desired-replicas": "3",
              "deployment.kubernetes.io/max-replicas": "4",
              "deployment.kubernetes.io/revision": "1",
              "note": "x"
            },
            "labels": {
              "app": "web",
              "pod-template-hash": "775f79d95b"
            },
            "name": "web-775f79d95b",
            "namespace": "n",
            "ownerReferences": [
              {
                "apiVersion": "apps/v1",
                "blockOwnerDeletion": true,
                "controller": true,
                "kind": "Deployment",
                "name": "web",
                "uid": "d"
              }
            ]
          },
          "spec": {
            "minReadySeconds": 0,
            "replicas": 3,
            "selector": {
              "matchLabels": {
                "app": "web",
                "pod-template-hash": "775f79d95b"
              }
            },
            "template": {
              "metadata": {
                "labels": {
                  "app": "web",
                  "pod-template-hash": "775f79d95b"
                }
              },
              "spec": {
                "containers": [
                  {
                    "image": "v2",
                    "name": "c"
                  }
                ]
              }
            }
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(object).expect("prints"));
    expect![[r#"{"conditions":[{"lastTransitionTime":"2026-01-01T01:00:00Z","lastUpdateTime":"2026-01-01T01:00:00Z","message":"Created new replica set \"web-775f79d95b\"","reason":"NewReplicaSetCreated","status":"True","type":"Progressing"},{"lastTransitionTime":"2026-01-01T01:00:00Z","lastUpdateTime":"2026-01-01T01:00:00Z","message":"Deployment does not have minimum availability.","reason":"MinimumReplicasUnavailable","status":"False","type":"Available"}],"observedGeneration":1,"terminatingReplicas":0,"unavailableReplicas":3}"#]].assert_eq(&plan.after.encode()["status"].to_string());
}

#[test]
fn a_rolling_update_goes_step_by_step() {
    // v1 runs; v2 is new.
    Case::new(4).set("v1", 4, 4, 4).check(&expect![[r#"
        create web-775f79d95b x1
        update v1 x4->3
        revision 2
        Available=True MinimumReplicasAvailable Deployment has minimum availability.
        Progressing=True ReplicaSetUpdated ReplicaSet "web-775f79d95b" is progressing.
        again 601s
    "#]]);
    // The surge is used up and v2 is not available yet.
    Case::new(4)
        .set("v1", 3, 3, 4)
        .set("v2", 2, 0, 4)
        .check(&expect![[r#"
            revision 2
            Available=True MinimumReplicasAvailable Deployment has minimum availability.
            Progressing=True ReplicaSetUpdated ReplicaSet "v2" is progressing.
            again 601s
        "#]]);
    // One of v2 is available.
    Case::new(4)
        .set("v1", 3, 3, 4)
        .set("v2", 2, 1, 4)
        .check(&expect![[r#"
            update v1 x3->2
            revision 2
            Available=True MinimumReplicasAvailable Deployment has minimum availability.
            Progressing=True ReplicaSetUpdated ReplicaSet "v2" is progressing.
            again 601s
        "#]]);
    // v1 is not healthy: its broken pods go first, and more than the healthy ones would.
    Case::new(4)
        .set("v1", 4, 2, 4)
        .set("v2", 1, 0, 4)
        .check(&expect![[r#"
            update v1 x4->3
            revision 2
            Available=False MinimumReplicasUnavailable Deployment does not have minimum availability.
            Progressing=True ReplicaSetUpdated ReplicaSet "v2" is progressing.
            again 601s
        "#]]);
    // Nearly done.
    Case::new(4)
        .set("v1", 1, 1, 4)
        .set("v2", 4, 4, 4)
        .check(&expect![[r#"
            update v1 x1->0
            revision 2
            Available=True MinimumReplicasAvailable Deployment has minimum availability.
            Progressing=True ReplicaSetUpdated ReplicaSet "v2" is progressing.
            again 601s
        "#]]);
}

#[test]
fn a_finished_rollout_cleans_old_revisions_up() {
    let status = json!({"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2,
        "readyReplicas": 2, "observedGeneration": 1});
    Case::new(2)
        .with("/status", status)
        .set("v0", 0, 0, 2)
        .set("v1", 0, 0, 2)
        .set("v2", 2, 2, 2)
        .check(&expect![[r#"
            delete v0
            revision 3
            Available=True MinimumReplicasAvailable Deployment has minimum availability.
            Progressing=True NewReplicaSetAvailable ReplicaSet "v2" has successfully progressed.
        "#]]);
}

#[test]
fn a_rollback_brings_a_set_back_with_a_higher_revision() {
    Case::new(1)
        .set("v2", 0, 0, 1)
        .set("v3", 1, 1, 1)
        .check(&expect![[r#"
            update v2 x0->1 revision=3 revision-history=1
            revision 3
            Available=True MinimumReplicasAvailable Deployment has minimum availability.
            Progressing=True ReplicaSetUpdated ReplicaSet "v2" is progressing.
            again 601s
        "#]]);
}

#[test]
fn resizing_within_a_rollout_is_shared_out() {
    Case::new(20)
        .set("v1", 8, 8, 10)
        .set("v2", 5, 2, 10)
        .check(&expect![[r#"
            update v1 x8->15 desired-replicas=20 max-replicas=25
            update v2 x5->10 desired-replicas=20 max-replicas=25
            revision 2
            Available=False MinimumReplicasUnavailable Deployment does not have minimum availability.
            Progressing=True FoundNewReplicaSet Found new replica set "v2"
            again 601s
        "#]]);
    Case::new(5)
        .set("v1", 8, 8, 10)
        .set("v2", 5, 2, 10)
        .check(&expect![[r#"
            update v1 x8->4 desired-replicas=5 max-replicas=7
            update v2 x5->3 desired-replicas=5 max-replicas=7
            revision 2
            Available=True MinimumReplicasAvailable Deployment has minimum availability.
            Progressing=True FoundNewReplicaSet Found new replica set "v2"
            again 601s
        "#]]);
    Case::new(0)
        .set("v1", 8, 8, 10)
        .set("v2", 5, 2, 10)
        .check(&expect![[r#"
            update v1 x8->0 desired-replicas=0 max-replicas=0
            update v2 x5->0 desired-replicas=0 max-replicas=0
            revision 2
            Available=True MinimumReplicasAvailable Deployment has minimum availability.
            Progressing=True FoundNewReplicaSet Found new replica set "v2"
            again 601s
        "#]]);
}

#[test]
fn a_paused_deployment_resizes_and_rolls_nothing_out() {
    Case::new(6)
        .with("/spec/paused", json!(true))
        .set("v1", 4, 4, 4)
        .check(&expect![[r#"
            update v1 x4->6 desired-replicas=6 max-replicas=8
            revision -
            Available=False MinimumReplicasUnavailable Deployment does not have minimum availability.
            Progressing=Unknown DeploymentPaused Deployment is paused
        "#]]);
    let resumed = json!([{"type": "Progressing", "status": "Unknown",
        "reason": "DeploymentPaused", "message": "Deployment is paused",
        "lastUpdateTime": "2026-01-01T00:00:00Z"}]);
    Case::new(4)
        .with("/status/conditions", resumed)
        .set("v2", 4, 4, 4)
        .check(&expect![[r#"
            revision 1
            Available=True MinimumReplicasAvailable Deployment has minimum availability.
            Progressing=True NewReplicaSetAvailable ReplicaSet "v2" has successfully progressed.
        "#]]);
}

#[test]
fn recreating_waits_until_the_last_old_pod_is_gone() {
    let recreate = |case: Case| case.with("/spec/strategy", json!({"type": "Recreate"}));
    recreate(Case::new(2).set("v1", 2, 2, 2)).check(&expect![[r#"
        update v1 x2->0 max-replicas=2
        revision -
        Available=True MinimumReplicasAvailable Deployment has minimum availability.
        Progressing=True ReplicaSetUpdated Deployment "web" is progressing.
        again 601s
    "#]]);
    let mut ending = recreate(Case::new(2).set("v1", 0, 0, 2));
    ending.pods.insert("v1".to_owned(), 1);
    ending.check(&expect![[r#"
        revision -
        Available=False MinimumReplicasUnavailable Deployment does not have minimum availability.
    "#]]);
    recreate(Case::new(2).set("v1", 0, 0, 2)).check(&expect![[r#"
        create web-775f79d95b x2
        revision 2
        Available=False MinimumReplicasUnavailable Deployment does not have minimum availability.
        Progressing=True NewReplicaSetCreated Created new replica set "web-775f79d95b"
        again 601s
    "#]]);
}

#[test]
fn progress_has_a_deadline() {
    let progressing = |since: &str| {
        json!({"replicas": 2, "updatedReplicas": 2, "observedGeneration": 1, "conditions": [
            {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated",
                "message": "said before", "lastUpdateTime": since, "lastTransitionTime": since}]})
    };
    for since in [
        "2026-01-01T00:55:00Z",
        "2026-01-01T00:50:00Z",
        "2026-01-01T00:49:59Z",
    ] {
        let plan = Case::new(2)
            .with("/status", progressing(since))
            .set("v2", 2, 0, 2)
            .plan();
        let late = render(&plan).contains("ProgressDeadlineExceeded");
        assert_eq!(late, since.ends_with(":59Z"), "{since}");
    }
    Case::new(2)
        .with("/status", progressing("2026-01-01T00:55:00Z"))
        .set("v2", 2, 0, 2)
        .check(&expect![[r#"
            revision 1
            Available=False MinimumReplicasUnavailable Deployment does not have minimum availability.
            Progressing=True ReplicaSetUpdated said before
            again 301s
        "#]]);
    Case::new(2)
        .with("/status", progressing("2026-01-01T00:00:00Z"))
        .set("v2", 2, 0, 2)
        .check(&expect![[r#"
            revision 1
            Available=False MinimumReplicasUnavailable Deployment does not have minimum availability.
            Progressing=False ProgressDeadlineExceeded ReplicaSet "v2" has timed out progressing.
        "#]]);
}

#[test]
fn failures_of_sets_are_shown() {
    let mut case = Case::new(2).set("v2", 2, 0, 2);
    case.sets[0]["status"]["conditions"] = json!([{"type": "ReplicaFailure", "status": "True",
        "reason": "FailedCreate", "message": "exceeded quota"}]);
    case.check(&expect![[r#"
        revision 1
        Available=False MinimumReplicasUnavailable Deployment does not have minimum availability.
        Progressing=True ReplicaSetUpdated ReplicaSet "v2" is progressing.
        ReplicaFailure=True FailedCreate exceeded quota
        again 601s
    "#]]);
}

#[test]
fn what_a_refused_creation_says() {
    let deployment = Viewed::<Deployment>::from_json(Case::new(1).deployment);
    let now = NOW.parse().expect("a time");
    let (after, message) = create_failed(&deployment, "web-1", "no", now);
    assert_eq!(message, "Failed to create new replica set \"web-1\": no");
    expect![[r#"{"conditions":[{"lastTransitionTime":"2026-01-01T01:00:00Z","lastUpdateTime":"2026-01-01T01:00:00Z","message":"Failed to create new replica set \"web-1\": no","reason":"ReplicaSetCreateError","status":"False","type":"Progressing"}]}"#]].assert_eq(&after.encode()["status"].to_string());
    let twice = collided(&collided(&deployment));
    expect![[r#"{"collisionCount":2}"#]].assert_eq(&twice.encode()["status"].to_string());
}
