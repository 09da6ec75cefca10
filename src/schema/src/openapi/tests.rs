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
            subresources: vec![sub("proxy", proxy, &["create", "get"])],
        },
        ServedResource {
            gvk: GroupVersionKind::new("authorization.k8s.io", "v1", "SelfSubjectAccessReview"),
            plural: "selfsubjectaccessreviews".into(),
            namespaced: false,
            verbs: vec!["create".into()],
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
        post /apis/authorization.k8s.io/v1/selfsubjectaccessreviews createAuthorizationV1SelfSubjectAccessReview authorization_v1
    "#]].assert_eq(&lines);
}

#[test]
fn describes_a_patch_in_both_dialects() {
    let documents = documents();
    let v2 = parsed(documents.v2_json());
    let item = "/apis/apps/v1/namespaces/{namespace}/deployments/{name}";
    expect![[r##"{"consumes":["application/json-patch+json","application/merge-patch+json","application/strategic-merge-patch+json","application/apply-patch+yaml"],"description":"partially update the specified Deployment","operationId":"patchAppsV1NamespacedDeployment","parameters":[{"in":"body","name":"body","required":true,"schema":{"$ref":"#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.Patch"}},{"in":"query","name":"dryRun","type":"string","uniqueItems":true},{"$ref":"#/parameters/fieldManager"},{"in":"query","name":"fieldValidation","type":"string","uniqueItems":true},{"$ref":"#/parameters/force"}],"produces":["application/json","application/yaml"],"responses":{"200":{"description":"OK","schema":{"$ref":"#/definitions/io.k8s.api.apps.v1.Deployment"}},"201":{"description":"Created","schema":{"$ref":"#/definitions/io.k8s.api.apps.v1.Deployment"}},"401":{"description":"Unauthorized"}},"schemes":["https"],"tags":["apps_v1"],"x-kubernetes-action":"patch","x-kubernetes-group-version-kind":{"group":"apps","kind":"Deployment","version":"v1"}}"##]].assert_eq(&v2["paths"][item]["patch"].to_string());
    let v3 = parsed(documents.v3("apis/apps/v1").expect("served"));
    expect![[r##"{"description":"partially update the specified Deployment","operationId":"patchAppsV1NamespacedDeployment","parameters":[{"in":"query","name":"dryRun","schema":{"type":"string","uniqueItems":true}},{"in":"query","name":"fieldManager","schema":{"type":"string","uniqueItems":true}},{"in":"query","name":"fieldValidation","schema":{"type":"string","uniqueItems":true}},{"in":"query","name":"force","schema":{"type":"boolean","uniqueItems":true}}],"requestBody":{"content":{"application/apply-patch+yaml":{"schema":{"$ref":"#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Patch"}},"application/json-patch+json":{"schema":{"$ref":"#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Patch"}},"application/merge-patch+json":{"schema":{"$ref":"#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Patch"}},"application/strategic-merge-patch+json":{"schema":{"$ref":"#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Patch"}}},"required":true},"responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/io.k8s.api.apps.v1.Deployment"}},"application/yaml":{"schema":{"$ref":"#/components/schemas/io.k8s.api.apps.v1.Deployment"}}},"description":"OK"},"201":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/io.k8s.api.apps.v1.Deployment"}},"application/yaml":{"schema":{"$ref":"#/components/schemas/io.k8s.api.apps.v1.Deployment"}}},"description":"Created"},"401":{"description":"Unauthorized"}},"tags":["apps_v1"],"x-kubernetes-action":"patch","x-kubernetes-group-version-kind":{"group":"apps","kind":"Deployment","version":"v1"}}"##]].assert_eq(&v3["paths"][item]["patch"].to_string());
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
        {"properties":{"minReadySeconds":{"format":"int32","type":"integer"},"paused":{"type":"boolean"},"progressDeadlineSeconds":{"format":"int32","type":"integer"},"replicas":{"format":"int32","type":"integer"},"revisionHistoryLimit":{"format":"int32","type":"integer"},"selector":{"$ref":"#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"},"strategy":{"$ref":"#/definitions/io.k8s.api.apps.v1.DeploymentStrategy","x-kubernetes-patch-strategy":"retainKeys"},"template":{"$ref":"#/definitions/io.k8s.api.core.v1.PodTemplateSpec"}},"required":["selector","template"],"type":"object"}
        {"properties":{"containerPort":{"format":"int32","type":"integer"},"hostIP":{"type":"string"},"hostPort":{"format":"int32","type":"integer"},"name":{"type":"string"},"protocol":{"type":"string"}},"required":["containerPort"],"type":"object"}
        {"format":"int-or-string","type":"string"}"##]].assert_eq(&show(&v2["definitions"]));
    expect![[r##"
        {"properties":{"minReadySeconds":{"format":"int32","type":"integer"},"paused":{"type":"boolean"},"progressDeadlineSeconds":{"format":"int32","type":"integer"},"replicas":{"format":"int32","type":"integer"},"revisionHistoryLimit":{"format":"int32","type":"integer"},"selector":{"allOf":[{"$ref":"#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"}]},"strategy":{"allOf":[{"$ref":"#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy"}],"x-kubernetes-patch-strategy":"retainKeys"},"template":{"allOf":[{"$ref":"#/components/schemas/io.k8s.api.core.v1.PodTemplateSpec"}]}},"required":["selector","template"],"type":"object"}
        {"properties":{"containerPort":{"format":"int32","type":"integer"},"hostIP":{"type":"string"},"hostPort":{"format":"int32","type":"integer"},"name":{"type":"string"},"protocol":{"default":"TCP","type":"string"}},"required":["containerPort"],"type":"object"}
        {"format":"int-or-string","oneOf":[{"type":"integer"},{"type":"string"}]}"##]].assert_eq(&show(&v3["components"]["schemas"]));
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
        ["api/v1", "apis/apps/v1", "apis/authorization.k8s.io/v1"]
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
