use apimachinery::GroupVersionKind;
use expect_test::expect;
use serde_json::Value;

use super::*;
use crate::facts::Facts;

const ALL: &[&str] = &[
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

fn sub(name: &str, gvk: GroupVersionKind, verbs: &[&str]) -> ServedSubresource {
    ServedSubresource {
        name: name.into(),
        gvk,
        verbs: verbs.iter().map(ToString::to_string).collect(),
    }
}

fn documents() -> Documents {
    let deployment = GroupVersionKind::new("apps", "v1", "Deployment");
    let verbs: Vec<String> = ALL.iter().map(ToString::to_string).collect();
    let read_write = &["get", "patch", "update"];
    let scale = GroupVersionKind::new("autoscaling", "v1", "Scale");
    let proxy = GroupVersionKind::new("", "v1", "NodeProxyOptions");
    let resources = vec![
        ServedResource {
            plural: "deployments".into(),
            namespaced: true,
            verbs: verbs.clone(),
            returns_deleted: false,
            subresources: vec![
                sub("scale", scale, read_write),
                sub("status", deployment.clone(), read_write),
            ],
            gvk: deployment,
        },
        ServedResource {
            gvk: GroupVersionKind::new("", "v1", "Node"),
            plural: "nodes".into(),
            namespaced: false,
            verbs,
            returns_deleted: false,
            subresources: vec![sub("proxy", proxy, &["create", "get"])],
        },
        ServedResource {
            gvk: GroupVersionKind::new("authorization.k8s.io", "v1", "SelfSubjectAccessReview"),
            plural: "selfsubjectaccessreviews".into(),
            namespaced: false,
            verbs: vec!["create".into()],
            returns_deleted: false,
            subresources: Vec::new(),
        },
    ];
    Documents::new(Facts::builtin(), resources)
}

fn parsed(document: &Document) -> Value {
    serde_json::from_slice(&document.bytes()).expect("JSON")
}

#[test]
fn lists_all_operations() {
    let document = parsed(documents().v2_json());
    let mut lines = String::new();
    for (path, item) in document["paths"].as_object().expect("a map") {
        for (method, operation) in item.as_object().expect("a map") {
            if let Some(id) = operation["operationId"].as_str() {
                let tag = operation["tags"][0].as_str().expect("a tag");
                lines += &format!("{method} {path} {id} {tag}\n");
            }
        }
    }
    expect![[r#"
        get /.well-known/openid-configuration/ getServiceAccountIssuerOpenIDConfiguration WellKnown
        get /api/ getCoreAPIVersions core
        get /api/v1/ getCoreV1APIResources core_v1
        delete /api/v1/nodes deleteCoreV1CollectionNode core_v1
        get /api/v1/nodes listCoreV1Node core_v1
        post /api/v1/nodes createCoreV1Node core_v1
        delete /api/v1/nodes/{name} deleteCoreV1Node core_v1
        get /api/v1/nodes/{name} readCoreV1Node core_v1
        patch /api/v1/nodes/{name} patchCoreV1Node core_v1
        put /api/v1/nodes/{name} replaceCoreV1Node core_v1
        delete /api/v1/nodes/{name}/proxy connectCoreV1DeleteNodeProxy core_v1
        get /api/v1/nodes/{name}/proxy connectCoreV1GetNodeProxy core_v1
        head /api/v1/nodes/{name}/proxy connectCoreV1HeadNodeProxy core_v1
        options /api/v1/nodes/{name}/proxy connectCoreV1OptionsNodeProxy core_v1
        patch /api/v1/nodes/{name}/proxy connectCoreV1PatchNodeProxy core_v1
        post /api/v1/nodes/{name}/proxy connectCoreV1PostNodeProxy core_v1
        put /api/v1/nodes/{name}/proxy connectCoreV1PutNodeProxy core_v1
        delete /api/v1/nodes/{name}/proxy/{path} connectCoreV1DeleteNodeProxyWithPath core_v1
        get /api/v1/nodes/{name}/proxy/{path} connectCoreV1GetNodeProxyWithPath core_v1
        head /api/v1/nodes/{name}/proxy/{path} connectCoreV1HeadNodeProxyWithPath core_v1
        options /api/v1/nodes/{name}/proxy/{path} connectCoreV1OptionsNodeProxyWithPath core_v1
        patch /api/v1/nodes/{name}/proxy/{path} connectCoreV1PatchNodeProxyWithPath core_v1
        post /api/v1/nodes/{name}/proxy/{path} connectCoreV1PostNodeProxyWithPath core_v1
        put /api/v1/nodes/{name}/proxy/{path} connectCoreV1PutNodeProxyWithPath core_v1
        get /apis/ getAPIVersions apis
        get /apis/apps/ getAppsAPIGroup apps
        get /apis/apps/v1/ getAppsV1APIResources apps_v1
        get /apis/apps/v1/deployments listAppsV1DeploymentForAllNamespaces apps_v1
        delete /apis/apps/v1/namespaces/{namespace}/deployments deleteAppsV1CollectionNamespacedDeployment apps_v1
        get /apis/apps/v1/namespaces/{namespace}/deployments listAppsV1NamespacedDeployment apps_v1
        post /apis/apps/v1/namespaces/{namespace}/deployments createAppsV1NamespacedDeployment apps_v1
        delete /apis/apps/v1/namespaces/{namespace}/deployments/{name} deleteAppsV1NamespacedDeployment apps_v1
        get /apis/apps/v1/namespaces/{namespace}/deployments/{name} readAppsV1NamespacedDeployment apps_v1
        patch /apis/apps/v1/namespaces/{namespace}/deployments/{name} patchAppsV1NamespacedDeployment apps_v1
        put /apis/apps/v1/namespaces/{namespace}/deployments/{name} replaceAppsV1NamespacedDeployment apps_v1
        get /apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale readAppsV1NamespacedDeploymentScale apps_v1
        patch /apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale patchAppsV1NamespacedDeploymentScale apps_v1
        put /apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale replaceAppsV1NamespacedDeploymentScale apps_v1
        get /apis/apps/v1/namespaces/{namespace}/deployments/{name}/status readAppsV1NamespacedDeploymentStatus apps_v1
        patch /apis/apps/v1/namespaces/{namespace}/deployments/{name}/status patchAppsV1NamespacedDeploymentStatus apps_v1
        put /apis/apps/v1/namespaces/{namespace}/deployments/{name}/status replaceAppsV1NamespacedDeploymentStatus apps_v1
        get /apis/authorization.k8s.io/ getAuthorizationAPIGroup authorization
        get /apis/authorization.k8s.io/v1/ getAuthorizationV1APIResources authorization_v1
        post /apis/authorization.k8s.io/v1/selfsubjectaccessreviews createAuthorizationV1SelfSubjectAccessReview authorization_v1
        get /openid/v1/jwks/ getServiceAccountIssuerOpenIDKeyset openid
        get /version/ getCodeVersion version
    "#]].assert_eq(&lines);
}

#[test]
fn describes_a_patch_in_both_dialects() {
    let documents = documents();
    let v2 = parsed(documents.v2_json());
    let item = "/apis/apps/v1/namespaces/{namespace}/deployments/{name}";
    expect![[r##"{"consumes":["application/json-patch+json","application/merge-patch+json","application/strategic-merge-patch+json"],"description":"partially update the specified Deployment","operationId":"patchAppsV1NamespacedDeployment","parameters":[{"in":"body","name":"body","required":true,"schema":{"$ref":"#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.Patch"}},{"in":"query","name":"dryRun","type":"string","uniqueItems":true},{"$ref":"#/parameters/fieldManager"},{"in":"query","name":"fieldValidation","type":"string","uniqueItems":true},{"$ref":"#/parameters/force"}],"produces":["application/json","application/yaml"],"responses":{"200":{"description":"OK","schema":{"$ref":"#/definitions/io.k8s.api.apps.v1.Deployment"}},"201":{"description":"Created","schema":{"$ref":"#/definitions/io.k8s.api.apps.v1.Deployment"}},"401":{"description":"Unauthorized"}},"schemes":["https"],"tags":["apps_v1"],"x-kubernetes-action":"patch","x-kubernetes-group-version-kind":{"group":"apps","kind":"Deployment","version":"v1"}}"##]].assert_eq(&v2["paths"][item]["patch"].to_string());
    let v3 = parsed(documents.v3("apis/apps/v1").expect("served"));
    expect![[r##"{"description":"partially update the specified Deployment","operationId":"patchAppsV1NamespacedDeployment","parameters":[{"in":"query","name":"dryRun","schema":{"type":"string","uniqueItems":true}},{"in":"query","name":"fieldManager","schema":{"type":"string","uniqueItems":true}},{"in":"query","name":"fieldValidation","schema":{"type":"string","uniqueItems":true}},{"in":"query","name":"force","schema":{"type":"boolean","uniqueItems":true}}],"requestBody":{"content":{"application/json-patch+json":{"schema":{"$ref":"#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Patch"}},"application/merge-patch+json":{"schema":{"$ref":"#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Patch"}},"application/strategic-merge-patch+json":{"schema":{"$ref":"#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Patch"}}},"required":true},"responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/io.k8s.api.apps.v1.Deployment"}},"application/yaml":{"schema":{"$ref":"#/components/schemas/io.k8s.api.apps.v1.Deployment"}}},"description":"OK"},"201":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/io.k8s.api.apps.v1.Deployment"}},"application/yaml":{"schema":{"$ref":"#/components/schemas/io.k8s.api.apps.v1.Deployment"}}},"description":"Created"},"401":{"description":"Unauthorized"}},"tags":["apps_v1"],"x-kubernetes-action":"patch","x-kubernetes-group-version-kind":{"group":"apps","kind":"Deployment","version":"v1"}}"##]].assert_eq(&v3["paths"][item]["patch"].to_string());
    expect![[r##"[{"in":"path","name":"name","required":true,"type":"string","uniqueItems":true},{"in":"path","name":"namespace","required":true,"type":"string","uniqueItems":true},{"$ref":"#/parameters/pretty"}]"##]].assert_eq(&v2["paths"][item]["parameters"].to_string());
}

#[test]
fn describes_types_in_both_dialects() {
    let documents = documents();
    let v2 = parsed(documents.v2_json());
    let v3 = parsed(documents.v3("apis/apps/v1").expect("served"));
    let names = [
        "io.k8s.api.apps.v1.DeploymentSpec",
        "io.k8s.api.core.v1.ContainerPort",
        "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
    ];
    let show = |schemas: &Value| {
        let lines: Vec<String> = names.iter().map(|name| schemas[name].to_string()).collect();
        lines.join("\n")
    };
    expect![[r##"
        {"description":"DeploymentSpec is the specification of the desired behavior of the Deployment.","properties":{"minReadySeconds":{"description":"Minimum number of seconds for which a newly created pod should be ready without any of its container crashing, for it to be considered available. Defaults to 0 (pod will be considered available as soon as it is ready)","format":"int32","type":"integer"},"paused":{"description":"Indicates that the deployment is paused.","type":"boolean"},"progressDeadlineSeconds":{"description":"The maximum time in seconds for a deployment to make progress before it is considered to be failed. The deployment controller will continue to process failed deployments and a condition with a ProgressDeadlineExceeded reason will be surfaced in the deployment status. Note that progress will not be estimated during the time a deployment is paused. Defaults to 600s.","format":"int32","type":"integer"},"replicas":{"description":"Number of desired pods. This is a pointer to distinguish between explicit zero and not specified. Defaults to 1.","format":"int32","type":"integer"},"revisionHistoryLimit":{"description":"The number of old ReplicaSets to retain to allow rollback. This is a pointer to distinguish between explicit zero and not specified. Defaults to 10.","format":"int32","type":"integer"},"selector":{"$ref":"#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector","description":"Label selector for pods. Existing ReplicaSets whose pods are selected by this will be the ones affected by this deployment. It must match the pod template's labels."},"strategy":{"$ref":"#/definitions/io.k8s.api.apps.v1.DeploymentStrategy","description":"The deployment strategy to use to replace existing pods with new ones.","x-kubernetes-patch-strategy":"retainKeys"},"template":{"$ref":"#/definitions/io.k8s.api.core.v1.PodTemplateSpec","description":"Template describes the pods that will be created. The only allowed template.spec.restartPolicy value is \"Always\"."}},"required":["selector","template"],"type":"object"}
        {"description":"ContainerPort represents a network port in a single container.","properties":{"containerPort":{"description":"Number of port to expose on the pod's IP address. This must be a valid port number, 0 < x < 65536.","format":"int32","type":"integer"},"hostIP":{"description":"What host IP to bind the external port to.","type":"string"},"hostPort":{"description":"Number of port to expose on the host. If specified, this must be a valid port number, 0 < x < 65536. If HostNetwork is specified, this must match ContainerPort. Most containers do not need this.","format":"int32","type":"integer"},"name":{"description":"If specified, this must be an IANA_SVC_NAME and unique within the pod. Each named port in a pod must have a unique name. Name for the port that can be referred to by services.","type":"string"},"protocol":{"description":"Protocol for port. Must be UDP, TCP, or SCTP. Defaults to \"TCP\".","type":"string"}},"required":["containerPort"],"type":"object"}
        {"description":"IntOrString is a type that can hold an int32 or a string.  When used in JSON or YAML marshalling and unmarshalling, it produces or consumes the inner type.  This allows you to have, for example, a JSON field that can accept a name or number.","format":"int-or-string","type":"string"}"##]].assert_eq(&show(&v2["definitions"]));
    expect![[r##"
        {"description":"DeploymentSpec is the specification of the desired behavior of the Deployment.","properties":{"minReadySeconds":{"description":"Minimum number of seconds for which a newly created pod should be ready without any of its container crashing, for it to be considered available. Defaults to 0 (pod will be considered available as soon as it is ready)","format":"int32","type":"integer"},"paused":{"description":"Indicates that the deployment is paused.","type":"boolean"},"progressDeadlineSeconds":{"description":"The maximum time in seconds for a deployment to make progress before it is considered to be failed. The deployment controller will continue to process failed deployments and a condition with a ProgressDeadlineExceeded reason will be surfaced in the deployment status. Note that progress will not be estimated during the time a deployment is paused. Defaults to 600s.","format":"int32","type":"integer"},"replicas":{"description":"Number of desired pods. This is a pointer to distinguish between explicit zero and not specified. Defaults to 1.","format":"int32","type":"integer"},"revisionHistoryLimit":{"description":"The number of old ReplicaSets to retain to allow rollback. This is a pointer to distinguish between explicit zero and not specified. Defaults to 10.","format":"int32","type":"integer"},"selector":{"allOf":[{"$ref":"#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"}],"description":"Label selector for pods. Existing ReplicaSets whose pods are selected by this will be the ones affected by this deployment. It must match the pod template's labels."},"strategy":{"allOf":[{"$ref":"#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy"}],"description":"The deployment strategy to use to replace existing pods with new ones.","x-kubernetes-patch-strategy":"retainKeys"},"template":{"allOf":[{"$ref":"#/components/schemas/io.k8s.api.core.v1.PodTemplateSpec"}],"description":"Template describes the pods that will be created. The only allowed template.spec.restartPolicy value is \"Always\"."}},"required":["selector","template"],"type":"object"}
        {"description":"ContainerPort represents a network port in a single container.","properties":{"containerPort":{"description":"Number of port to expose on the pod's IP address. This must be a valid port number, 0 < x < 65536.","format":"int32","type":"integer"},"hostIP":{"description":"What host IP to bind the external port to.","type":"string"},"hostPort":{"description":"Number of port to expose on the host. If specified, this must be a valid port number, 0 < x < 65536. If HostNetwork is specified, this must match ContainerPort. Most containers do not need this.","format":"int32","type":"integer"},"name":{"description":"If specified, this must be an IANA_SVC_NAME and unique within the pod. Each named port in a pod must have a unique name. Name for the port that can be referred to by services.","type":"string"},"protocol":{"default":"TCP","description":"Protocol for port. Must be UDP, TCP, or SCTP. Defaults to \"TCP\".","type":"string"}},"required":["containerPort"],"type":"object"}
        {"description":"IntOrString is a type that can hold an int32 or a string.  When used in JSON or YAML marshalling and unmarshalling, it produces or consumes the inner type.  This allows you to have, for example, a JSON field that can accept a name or number.","format":"int-or-string","oneOf":[{"type":"integer"},{"type":"string"}]}"##]].assert_eq(&show(&v3["components"]["schemas"]));
}

/// No document refers to what it does not define.
#[test]
fn references_are_closed() {
    fn check(value: &Value, document: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(target)) = map.get("$ref") {
                    let pointer = target.strip_prefix('#').expect("a local reference");
                    assert!(document.pointer(pointer).is_some(), "{target}");
                }
                map.values().for_each(|value| check(value, document));
            }
            Value::Array(items) => items.iter().for_each(|item| check(item, document)),
            _ => {}
        }
    }
    let documents = documents();
    let mut all = vec![parsed(documents.v2_json())];
    for path in ["api/v1", "apis/apps/v1", "apis/authorization.k8s.io/v1"] {
        all.push(parsed(documents.v3(path).expect("served")));
    }
    for document in &all {
        check(document, document);
    }
    assert!(documents.v3("apis/batch/v1").is_none());
}

#[test]
fn the_index_names_each_document_by_hash() {
    let documents = documents();
    let index = documents.v3_index();
    let paths: Vec<&String> = index["paths"].as_object().expect("a map").keys().collect();
    assert_eq!(
        paths,
        [
            ".well-known/openid-configuration",
            "api",
            "api/v1",
            "apis",
            "apis/apps",
            "apis/apps/v1",
            "apis/authorization.k8s.io",
            "apis/authorization.k8s.io/v1",
            "openid/v1/jwks",
            "version"
        ]
    );
    let hash = documents.v3_hash("apis/apps/v1").expect("served");
    assert_eq!(
        index["paths"]["apis/apps/v1"]["serverRelativeURL"],
        format!("/openapi/v3/apis/apps/v1?hash={hash}")
    );
    let mut fewer = documents.resources().to_vec();
    fewer[0].subresources.clear();
    let fewer = Documents::new(Facts::builtin(), fewer);
    assert_ne!(fewer.v3_hash("apis/apps/v1"), Some(hash));
    assert_eq!(fewer.v3_hash("api/v1"), documents.v3_hash("api/v1"));
    assert_eq!(documents.v2_json().etag.len(), 128);
}

/// The words that `kubectl explain` shows, of a kind, a field, a reference and a list.
#[test]
fn describes_types_and_fields_in_upstreams_words() {
    let v2 = parsed(documents().v2_json());
    let v3 = parsed(documents().v3("apis/apps/v1").expect("served"));
    let v2 = &v2["definitions"];
    let v3 = &v3["components"]["schemas"];
    let rows = [
        (
            "io.k8s.api.apps.v1.Deployment",
            "",
            "Deployment enables declarative updates for Pods and ReplicaSets.",
        ),
        (
            "io.k8s.api.apps.v1.DeploymentSpec",
            "/properties/paused",
            "Indicates that the deployment is paused.",
        ),
        (
            "io.k8s.api.core.v1.Container",
            "/properties/env",
            "List of environment variables to set in the container. Cannot be updated.",
        ),
        (
            "io.k8s.api.apps.v1.Deployment",
            "/properties/status",
            "Most recently observed status of the Deployment.",
        ),
        (
            "io.k8s.apimachinery.pkg.apis.meta.v1.Condition",
            "/properties/observedGeneration",
            "observedGeneration represents the .metadata.generation that the condition was set based upon. For instance, if .metadata.generation is currently 12, but the .status.conditions[x].observedGeneration is 9, the condition is out of date with respect to the current state of the instance.",
        ),
        (
            "io.k8s.api.apps.v1.DeploymentList",
            "",
            "DeploymentList is a list of Deployment objects.",
        ),
        (
            "io.k8s.api.apps.v1.DeploymentList",
            "/properties/metadata",
            "Standard list metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds",
        ),
    ];
    for (definition, pointer, text) in rows {
        for document in [v2, v3] {
            let Some(found) = document.get(definition) else {
                continue;
            };
            let found = found.pointer(pointer).expect("a place");
            assert_eq!(found["description"], text, "{definition}{pointer}");
        }
    }
}

/// Nothing is shown without a word, but for what upstream does not describe either.
#[test]
fn every_field_has_a_description() {
    let v2 = parsed(documents().v2_json());
    let mut silent = Vec::new();
    for (name, definition) in v2["definitions"].as_object().expect("a map") {
        let fields = definition["properties"].as_object().into_iter().flatten();
        let fields = fields.map(|(field, schema)| (format!("{name}.{field}"), schema));
        let all = std::iter::once((name.clone(), definition)).chain(fields);
        silent.extend(
            all.filter(|(_, at)| at["description"].is_null())
                .map(|(at, _)| at),
        );
    }
    expect![[r#"
        io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent.object
        io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent.type
        io.k8s.apimachinery.pkg.version.Info.buildDate
        io.k8s.apimachinery.pkg.version.Info.compiler
        io.k8s.apimachinery.pkg.version.Info.gitCommit
        io.k8s.apimachinery.pkg.version.Info.gitTreeState
        io.k8s.apimachinery.pkg.version.Info.gitVersion
        io.k8s.apimachinery.pkg.version.Info.goVersion
        io.k8s.apimachinery.pkg.version.Info.platform"#]]
    .assert_eq(&silent.join("\n"));
}
