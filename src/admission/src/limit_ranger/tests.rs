use super::*;
use crate::testing::{Cluster, Request};
use expect_test::expect;
use serde_json::{Value, json};

fn range(name: &str, limits: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "LimitRange",
        "metadata": {"name": name, "namespace": "default"}, "spec": {"limits": limits},
    })
}

async fn run(limits: Value, request: Request, object: Value) -> String {
    let cluster = Cluster::of([range("r", limits)]);
    request
        .run(&LimitRanger::new(Arc::new(cluster)), object)
        .await
}

fn create() -> Request {
    Request::create("pods", "default", "web")
}

fn pod(resources: &Value) -> Value {
    json!({"spec": {"containers": [{"name": "c", "resources": resources}]}})
}

#[tokio::test]
async fn defaults_are_filled_in_and_said() {
    let first = range(
        "a",
        json!([
            {"type": "Container", "default": {"cpu": "1", "memory": "1Gi"},
                "defaultRequest": {"memory": "512Mi", "cpu": "500m"}},
            {"type": "Pod", "default": {"cpu": "9"}},
        ]),
    );
    let silent = range("b", json!([{"type": "Container", "default": {"cpu": "2"}}]));
    let elsewhere = json!({
        "apiVersion": "v1", "kind": "LimitRange",
        "metadata": {"name": "c", "namespace": "other"},
        "spec": {"limits": [{"type": "Container", "default": {"x": "1"}}]},
    });
    let plugin = LimitRanger::new(Arc::new(Cluster::of([first, silent, elsewhere])));
    let pod = json!({"spec": {
        "initContainers": [{"name": "i", "resources": {"limits": {"cpu": "3"}}}],
        "containers": [
            {"name": "a"},
            {"name": "b", "resources": {"requests": {"cpu": "1", "memory": "1"},
                "limits": {"cpu": "1", "memory": "1"}}},
            {"name": "c", "resources": null},
        ],
    }});
    let answer = create().run(&plugin, pod).await;
    expect![[r#"
        {
          "metadata": {
            "annotations": {
              "kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu, memory request for container a; cpu, memory limit for container a; cpu, memory request for container c; cpu, memory limit for container c; cpu, memory request for init container i; memory limit for init container i"
            }
          },
          "spec": {
            "containers": [
              {
                "name": "a",
                "resources": {
                  "limits": {
                    "cpu": "1",
                    "memory": "1Gi"
                  },
                  "requests": {
                    "cpu": "500m",
                    "memory": "512Mi"
                  }
                }
              },
              {
                "name": "b",
                "resources": {
                  "limits": {
                    "cpu": "1",
                    "memory": "1"
                  },
                  "requests": {
                    "cpu": "1",
                    "memory": "1"
                  }
                }
              },
              {
                "name": "c",
                "resources": {
                  "limits": {
                    "cpu": "1",
                    "memory": "1Gi"
                  },
                  "requests": {
                    "cpu": "500m",
                    "memory": "512Mi"
                  }
                }
              }
            ],
            "initContainers": [
              {
                "name": "i",
                "resources": {
                  "limits": {
                    "cpu": "3",
                    "memory": "1Gi"
                  },
                  "requests": {
                    "cpu": "500m",
                    "memory": "512Mi"
                  }
                }
              }
            ]
          }
        }"#]].assert_eq(&answer);
}

#[tokio::test]
async fn refusals_read_as_upstreams() {
    let container =
        |field: &str, amount: &str| json!([{"type": "Container", field: {"cpu": amount}}]);
    let cpu = |request: &str, limit: &str| {
        let list = |amount: &str| match amount {
            "" => json!({}),
            amount => json!({"cpu": amount}),
        };
        pod(&json!({"requests": list(request), "limits": list(limit)}))
    };
    let two = json!({"spec": {
        "containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}],
        "initContainers": [{"name": "b", "restartPolicy": "Always",
            "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "2"}}}],
    }});
    let of_pod =
        json!([{"type": "Pod", "min": {"cpu": "4"}, "max": {"cpu": "1", "memory": "1Gi"}}]);
    let whole = json!({"spec": {
        "resources": {"requests": {"cpu": "4"}, "limits": {"cpu": "4", "memory": "1Gi"}},
        "overhead": {"cpu": "8"}, "containers": [{"name": "a"}],
    }});
    let ratio = "maxLimitRequestRatio";
    let rows = [
        (container("min", "100m"), cpu("50m", "")),
        (container("min", "100m"), cpu("", "1")),
        (container("min", "1"), cpu("2", "500m")),
        (container("max", "1"), cpu("", "2")),
        (container("max", "1"), cpu("", "")),
        (container("max", "1"), cpu("2", "1")),
        (container(ratio, "2"), cpu("500m", "2")),
        (container(ratio, "2"), cpu("", "2")),
        (container(ratio, "2"), cpu("1", "")),
        (container("max", "1"), two.clone()),
        (of_pod.clone(), two),
        (of_pod, whole),
    ];
    let mut answers = String::new();
    for (limits, pod) in rows {
        let answer = run(limits, create(), pod).await;
        answers += answer.trim_start_matches("403 pods \"web\" is forbidden: ");
        answers += "\n";
    }
    expect![[r#"
        minimum cpu usage per Container is 100m, but request is 50m
        minimum cpu usage per Container is 100m.  No request is specified
        minimum cpu usage per Container is 1, but limit is 500m
        maximum cpu usage per Container is 1, but limit is 2
        maximum cpu usage per Container is 1.  No limit is specified
        maximum cpu usage per Container is 1, but request is 2
        cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000
        cpu max limit to request ratio per Container is 2, but no request is specified or request is 0
        cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0
        [maximum cpu usage per Container is 1.  No limit is specified, maximum cpu usage per Container is 1, but limit is 2]
        [minimum cpu usage per Pod is 4, but request is 3, maximum cpu usage per Pod is 1, but limit is 2, maximum memory usage per Pod is 1Gi.  No limit is specified]
        maximum cpu usage per Pod is 1, but limit is 4
    "#]].assert_eq(&answers);
}

#[tokio::test]
async fn only_what_is_sized_is_bounded() {
    let limits = json!([
        {"type": "Container", "max": {"cpu": "1"}},
        {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}},
    ]);
    let claim = |storage: &str| json!({"spec": {"resources": {"requests": {"storage": storage}}}});
    let claims = || Request::create("persistentvolumeclaims", "default", "data");
    let gone = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
    let too_much = "403 pods \"web\" is forbidden: maximum cpu usage per Container is 1.  No limit is \
        specified";
    let large = "403 persistentvolumeclaims \"data\" is forbidden: maximum storage usage per \
        PersistentVolumeClaim is 2Gi, but request is 3Gi";
    let rows = [
        (create(), pod(&json!({})), too_much),
        (create().update(json!({})), pod(&json!({})), ""),
        (
            create().update(json!({})).subresource("resize"),
            pod(&json!({})),
            too_much,
        ),
        (create().subresource("binding"), pod(&json!({})), ""),
        (claims(), claim("1Gi"), ""),
        (claims(), claim("3Gi"), large),
        (claims().update(json!({})), claim("3Gi"), large),
        (claims().update(gone), claim("3Gi"), ""),
        (
            claims(),
            claim("1Mi"),
            "403 persistentvolumeclaims \"data\" is forbidden: minimum storage usage per \
             PersistentVolumeClaim is 1Gi, but request is 1Mi",
        ),
        (
            claims(),
            json!({"spec": {}}),
            "403 persistentvolumeclaims \"data\" is forbidden: [minimum storage usage per \
             PersistentVolumeClaim is 1Gi.  No request is specified, maximum storage usage per \
             PersistentVolumeClaim is 2Gi.  No request is specified]",
        ),
    ];
    for (number, (request, object, expected)) in rows.into_iter().enumerate() {
        let answer = run(limits.clone(), request, object).await;
        let refusal = if answer.starts_with("403") {
            answer.as_str()
        } else {
            ""
        };
        assert_eq!(refusal, expected, "row {number}");
    }
}
