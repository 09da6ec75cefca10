//! Defaults of a pod spec, on pods and templates alike.

use apimachinery::Quantity;
use serde_json::Value;

use crate::json::{self, Fill, Json, each_mut, fill, maps_mut};

const SPEC: &[(&str, Fill)] = &[
    ("dnsPolicy", Fill::Text("ClusterFirst")),
    ("restartPolicy", Fill::Text("Always")),
    ("terminationGracePeriodSeconds", Fill::Number(30)),
    ("schedulerName", Fill::Text("default-scheduler")),
    ("securityContext", Fill::Empty),
];
const CONTAINER: &[(&str, Fill)] = &[
    ("terminationMessagePath", Fill::Text("/dev/termination-log")),
    ("terminationMessagePolicy", Fill::Text("File")),
    ("resources", Fill::Empty),
];
const PORT: &[(&str, Fill)] = &[("protocol", Fill::Text("TCP"))];
const PROBE: &[(&str, Fill)] = &[
    ("timeoutSeconds", Fill::NonZero(1)),
    ("periodSeconds", Fill::NonZero(10)),
    ("successThreshold", Fill::NonZero(1)),
    ("failureThreshold", Fill::NonZero(3)),
];
const HTTP_GET: &[(&str, Fill)] = &[("path", Fill::Text("/")), ("scheme", Fill::Text("HTTP"))];
const GRPC: &[(&str, Fill)] = &[("service", Fill::TextIfAbsent(""))];
const FIELD_REF: &[(&str, Fill)] = &[("apiVersion", Fill::Text("v1"))];
const RESOURCE_REF: &[(&str, Fill)] = &[("divisor", Fill::TextIfAbsent("0"))];
const FILE_REF: &[(&str, Fill)] = &[("optional", Fill::Flag(false))];
const MODE: &[(&str, Fill)] = &[("defaultMode", Fill::Number(0o644))];
const HOST_PATH: &[(&str, Fill)] = &[("type", Fill::TextIfAbsent(""))];
const TOKEN: &[(&str, Fill)] = &[("expirationSeconds", Fill::Number(3600))];
const ISCSI: &[(&str, Fill)] = &[("iscsiInterface", Fill::Text("default"))];

/// A path of field names, and what is filled in there.
type Places = &'static [(&'static [&'static str], &'static [(&'static str, Fill)])];

/// Where in a container which defaults go.
const IN_CONTAINER: Places = &[
    (&[], CONTAINER),
    (&["ports"], PORT),
    (&["livenessProbe"], PROBE),
    (&["readinessProbe"], PROBE),
    (&["startupProbe"], PROBE),
    (&["livenessProbe", "httpGet"], HTTP_GET),
    (&["readinessProbe", "httpGet"], HTTP_GET),
    (&["startupProbe", "httpGet"], HTTP_GET),
    (&["livenessProbe", "grpc"], GRPC),
    (&["readinessProbe", "grpc"], GRPC),
    (&["startupProbe", "grpc"], GRPC),
    (&["lifecycle", "postStart", "httpGet"], HTTP_GET),
    (&["lifecycle", "preStop", "httpGet"], HTTP_GET),
    (&["env", "valueFrom", "fieldRef"], FIELD_REF),
    (&["env", "valueFrom", "resourceFieldRef"], RESOURCE_REF),
    (&["env", "valueFrom", "fileKeyRef"], FILE_REF),
];
/// Where in a volume which defaults go.
const IN_VOLUME: Places = &[
    (&["secret"], MODE),
    (&["configMap"], MODE),
    (&["downwardAPI"], MODE),
    (&["projected"], MODE),
    (&["downwardAPI", "items", "fieldRef"], FIELD_REF),
    (&["downwardAPI", "items", "resourceFieldRef"], RESOURCE_REF),
    (
        &["projected", "sources", "downwardAPI", "items", "fieldRef"],
        FIELD_REF,
    ),
    (
        &[
            "projected",
            "sources",
            "downwardAPI",
            "items",
            "resourceFieldRef",
        ],
        RESOURCE_REF,
    ),
    (&["projected", "sources", "serviceAccountToken"], TOKEN),
    (&["hostPath"], HOST_PATH),
    (&["iscsi"], ISCSI),
];

/// The lists of containers in a pod spec.
pub(crate) const CONTAINER_LISTS: [&str; 3] =
    ["initContainers", "containers", "ephemeralContainers"];

/// Fills in the pod template of a workload, which is never absent.
pub(crate) fn default_template(workload_spec: &mut Json) {
    fill(workload_spec, &[("template", Fill::Empty)]);
    let Some(template) = json::map_mut(workload_spec, "template") else {
        return;
    };
    fill(template, &[("spec", Fill::Empty)]);
    if let Some(spec) = json::map_mut(template, "spec") {
        default_pod_spec(spec);
    }
}

/// Fills in what a pod and a template have in common.
pub(crate) fn default_pod_spec(spec: &mut Json) {
    fill(spec, SPEC);
    for list in CONTAINER_LISTS {
        maps_mut(spec, list).for_each(default_container);
    }
    maps_mut(spec, "volumes").for_each(default_volume);
    canonical_quantities(spec, "overhead");
    if let Some(resources) = json::map_mut(spec, "resources") {
        canonical_resources(resources);
    }
    mirror_service_account(spec);
}

/// The deprecated `serviceAccount` is the same as `serviceAccountName`, which wins.
fn mirror_service_account(spec: &mut Json) {
    let name = match json::text(spec, "serviceAccountName") {
        "" => json::text(spec, "serviceAccount"),
        name => name,
    };
    if name.is_empty() {
        return;
    }
    let name = Value::from(name);
    spec.insert("serviceAccountName".into(), name.clone());
    spec.insert("serviceAccount".into(), name);
}

fn default_container(container: &mut Json) {
    for (path, table) in IN_CONTAINER {
        each_mut(container, path, &mut |map| fill(map, table));
    }
    let policy = pull_policy(json::text(container, "image"));
    fill(container, &[("imagePullPolicy", Fill::Text(policy))]);
    if let Some(resources) = json::map_mut(container, "resources") {
        canonical_resources(resources);
    }
}

fn default_volume(volume: &mut Json) {
    for (path, table) in IN_VOLUME {
        each_mut(volume, path, &mut |map| fill(map, table));
    }
    each_mut(
        volume,
        &["ephemeral", "volumeClaimTemplate", "spec"],
        &mut super::default_claim_spec,
    );
    if let Some(image) = json::map_mut(volume, "image") {
        let policy = pull_policy(json::text(image, "reference"));
        fill(image, &[("pullPolicy", Fill::Text(policy))]);
    }
    let has_source = volume
        .iter()
        .any(|(field, value)| field != "name" && !value.is_null());
    if !has_source {
        fill(volume, &[("emptyDir", Fill::Empty)]);
    }
    if let Some(limit) = json::map_mut(volume, "emptyDir").and_then(|dir| dir.get_mut("sizeLimit"))
    {
        canonical_quantity(limit);
    }
}

/// `latest`, named or implied, may have moved and is always asked for.
fn pull_policy(image: &str) -> &'static str {
    let (name, digest) = image.split_once('@').map_or((image, ""), |(n, d)| (n, d));
    let last = name.rsplit('/').next().unwrap_or(name);
    match last.split_once(':') {
        Some((_, "latest")) => "Always",
        None if digest.is_empty() => "Always",
        _ => "IfNotPresent",
    }
}

pub(crate) fn canonical_resources(resources: &mut Json) {
    canonical_quantities(resources, "limits");
    canonical_quantities(resources, "requests");
}

/// Writes the quantities of a resource list as upstream reads them back: canonical, rounded up
/// to thousandths. What is no quantity stays for validation to refuse.
pub(crate) fn canonical_quantities(map: &mut Json, field: &str) {
    for value in json::map_mut(map, field)
        .into_iter()
        .flat_map(Json::values_mut)
    {
        canonical_quantity(value);
    }
}

fn canonical_quantity(value: &mut Value) {
    let text = match &*value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return,
    };
    if let Ok(quantity) = text.parse::<Quantity>() {
        *value = rounded_up(quantity).to_string().into();
    }
}

fn rounded_up(quantity: Quantity) -> Quantity {
    let milli = Quantity::from_milli(quantity.milli());
    if milli == quantity || milli.milli() == i64::MAX {
        quantity
    } else {
        milli
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(spec: Value, expected: Expect) {
        let Value::Object(mut spec) = spec else {
            panic!("a spec is an object")
        };
        default_pod_spec(&mut spec);
        let once = spec.clone();
        default_pod_spec(&mut spec);
        assert_eq!(once, spec, "defaulting is idempotent");
        let text = serde_json::to_string_pretty(&spec).expect("JSON prints");
        expected.assert_eq(&text);
    }

    #[test]
    fn fills_containers_probes_and_volumes() {
        check(
            json!({
                "serviceAccount": "builder",
                "containers": [{
                    "name": "a",
                    "image": "r:5000/nginx",
                    "ports": [{"containerPort": 80}],
                    "readinessProbe": {"httpGet": {"port": 80}},
                    "env": [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                    "resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}},
                }],
                "volumes": [
                    {"name": "scratch"},
                    {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
                ],
            }),
            expect![[r#"
                {
                  "containers": [
                    {
                      "env": [
                        {
                          "name": "N",
                          "valueFrom": {
                            "fieldRef": {
                              "apiVersion": "v1",
                              "fieldPath": "metadata.name"
                            }
                          }
                        }
                      ],
                      "image": "r:5000/nginx",
                      "imagePullPolicy": "Always",
                      "name": "a",
                      "ports": [
                        {
                          "containerPort": 80,
                          "protocol": "TCP"
                        }
                      ],
                      "readinessProbe": {
                        "failureThreshold": 3,
                        "httpGet": {
                          "path": "/",
                          "port": 80,
                          "scheme": "HTTP"
                        },
                        "periodSeconds": 10,
                        "successThreshold": 1,
                        "timeoutSeconds": 1
                      },
                      "resources": {
                        "limits": {
                          "cpu": "500m",
                          "memory": "1Gi"
                        }
                      },
                      "terminationMessagePath": "/dev/termination-log",
                      "terminationMessagePolicy": "File"
                    }
                  ],
                  "dnsPolicy": "ClusterFirst",
                  "restartPolicy": "Always",
                  "schedulerName": "default-scheduler",
                  "securityContext": {},
                  "serviceAccount": "builder",
                  "serviceAccountName": "builder",
                  "terminationGracePeriodSeconds": 30,
                  "volumes": [
                    {
                      "emptyDir": {},
                      "name": "scratch"
                    },
                    {
                      "name": "token",
                      "projected": {
                        "defaultMode": 420,
                        "sources": [
                          {
                            "serviceAccountToken": {
                              "expirationSeconds": 3600,
                              "path": "t"
                            }
                          }
                        ]
                      }
                    }
                  ]
                }"#]],
        );
    }

    #[test]
    fn only_latest_is_always_pulled() {
        let rows = [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("host:5000/nginx", "Always"),
            ("nginx:1.2", "IfNotPresent"),
            ("nginx@sha256:00", "IfNotPresent"),
            ("nginx:latest@sha256:00", "Always"),
        ];
        for (image, policy) in rows {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }
}
