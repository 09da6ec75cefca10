use apimachinery::{RequestCx, UserInfo, merge_patch};
use expect_test::expect;
use serde_json::json;

use super::*;
use crate::testing::{Cluster, Request};

/// A pod that every level lets pass, with a container `c` and a volume.
fn hardened() -> Value {
    json!({
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "c", "securityContext": {
            "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
        "volumes": [{"name": "v", "emptyDir": {}}],
    })
}

/// The hardened pod, changed.
fn pod(spec: &Value) -> Value {
    let mut pod = json!({"metadata": {"name": "p"}, "spec": hardened()});
    merge_patch(&mut pod["spec"], spec);
    pod
}

/// The hardened pod with a changed container and one more like it.
fn container(change: &Value) -> Value {
    let mut container = hardened()["containers"][0].clone();
    merge_patch(&mut container, change);
    let mut init = container.clone();
    init["name"] = "i".into();
    pod(&json!({"containers": [container], "initContainers": [init]}))
}

fn context(context: &Value) -> Value {
    container(&json!({"securityContext": context}))
}

fn annotated(key: &str, value: &str) -> Value {
    let mut pod = pod(&json!({}));
    pod["metadata"]["annotations"] = json!({key: value});
    pod
}

fn of_pod(context: &Value) -> Value {
    pod(&json!({"securityContext": context}))
}

fn found(level: Level, minor: Option<u32>, pod: Value) -> String {
    let pod = Object::from_value(pod).expect("an object");
    checks::details(&evaluate(
        Versioned { level, minor },
        &Subject::of_pod(&pod),
    ))
}

use policy::Versioned;

#[test]
fn each_check_says_what_it_found() {
    let rows = [
        pod(&json!({})),
        of_pod(&json!({"appArmorProfile": {"type": "Unconfined"}})),
        context(&json!({"appArmorProfile": {"type": "Odd"}})),
        annotated(
            "container.apparmor.security.beta.kubernetes.io/c",
            "unconfined",
        ),
        annotated(
            "container.apparmor.security.beta.kubernetes.io/c",
            "localhost/x",
        ),
        context(&json!({"capabilities": {"add": ["NET_BIND_SERVICE"]}})),
        context(&json!({"capabilities": {"add": ["SYS_ADMIN", "CHOWN"]}})),
        context(&json!({"capabilities": {"drop": ["KILL"], "add": ["SYS_ADMIN"]}})),
        pod(&json!({"hostNetwork": true, "hostIPC": true, "hostPID": false})),
        pod(&json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]})),
        pod(
            &json!({"volumes": [{"name": "v", "nfs": {}}, {"name": "w", "odd": {}},
            {"name": "x", "image": {}}]}),
        ),
        container(&json!({"ports": [{"hostPort": 80}, {"hostPort": 8080}, {"hostPort": 0}]})),
        container(&json!({"livenessProbe": {"httpGet": {"host": "h"}},
            "lifecycle": {"preStop": {"tcpSocket": {"host": "g"}}}})),
        context(&json!({"privileged": true})),
        context(&json!({"procMount": "Unmasked"})),
        of_pod(&json!({"seLinuxOptions": {"type": "t", "user": "u", "role": "r"}})),
        context(&json!({"seLinuxOptions": {"role": "r"}})),
        of_pod(&json!({"seccompProfile": {"type": "Unconfined"}})),
        context(&json!({"seccompProfile": {"type": "Unconfined"}})),
        of_pod(&json!({"seccompProfile": null})),
        of_pod(&json!({"sysctls": [{"name": "kernel.x"}, {"name": "net.ipv4.tcp_rmem"}]})),
        of_pod(&json!({"windowsOptions": {"hostProcess": true}})),
        context(&json!({"allowPrivilegeEscalation": null})),
        of_pod(&json!({"runAsNonRoot": false})),
        of_pod(&json!({"runAsNonRoot": null})),
        context(&json!({"runAsNonRoot": false})),
        context(&json!({"runAsUser": 0})),
        pod(&json!({"os": {"name": "windows"}, "containers": [{"name": "c"}]})),
        pod(&json!({"hostUsers": false, "securityContext": {"runAsUser": 0}})),
    ];
    let mut texts = String::new();
    for pod in rows {
        let [baseline, restricted] =
            [Level::Baseline, Level::Restricted].map(|level| found(level, None, pod.clone()));
        texts += &format!("b: {baseline}\nr: {restricted}\n");
    }
    expect![[r#"
        b: 
        r: 
        b: forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")
        r: forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")
        b: forbidden AppArmor profile (containers "i", "c" must not set AppArmor profile type to "Odd")
        r: forbidden AppArmor profile (containers "i", "c" must not set AppArmor profile type to "Odd")
        b: forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/c="unconfined"")
        r: forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/c="unconfined"")
        b: 
        r: 
        b: 
        r: 
        b: non-default capabilities (containers "i", "c" must not include "SYS_ADMIN" in securityContext.capabilities.add)
        r: unrestricted capabilities (containers "i", "c" must not include "CHOWN", "SYS_ADMIN" in securityContext.capabilities.add)
        b: non-default capabilities (containers "i", "c" must not include "SYS_ADMIN" in securityContext.capabilities.add)
        r: unrestricted capabilities (containers "i", "c" must set securityContext.capabilities.drop=["ALL"]; containers "i", "c" must not include "SYS_ADMIN" in securityContext.capabilities.add)
        b: host namespaces (hostNetwork=true, hostIPC=true)
        r: host namespaces (hostNetwork=true, hostIPC=true)
        b: hostPath volumes (volume "v")
        r: restricted volume types (volume "v" uses restricted volume type "hostPath")
        b: 
        r: restricted volume types (volumes "v", "w" use restricted volume types "nfs", "unknown")
        b: hostPort (containers "i", "c" use hostPorts 80, 8080)
        r: hostPort (containers "i", "c" use hostPorts 80, 8080)
        b: probe or lifecycle host (containers "c", "i" use probe or lifecycle hosts "g", "h")
        r: probe or lifecycle host (containers "c", "i" use probe or lifecycle hosts "g", "h")
        b: privileged (containers "i", "c" must not set securityContext.privileged=true)
        r: privileged (containers "i", "c" must not set securityContext.privileged=true)
        b: procMount (containers "i", "c" must not set securityContext.procMount to "Unmasked")
        r: procMount (containers "i", "c" must not set securityContext.procMount to "Unmasked")
        b: seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "t"; user may not be set; role may not be set)
        r: seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "t"; user may not be set; role may not be set)
        b: seLinuxOptions (containers "i", "c" set forbidden securityContext.seLinuxOptions: role may not be set)
        r: seLinuxOptions (containers "i", "c" set forbidden securityContext.seLinuxOptions: role may not be set)
        b: seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")
        r: seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")
        b: seccompProfile (containers "i", "c" must not set securityContext.seccompProfile.type to "Unconfined")
        r: seccompProfile (containers "i", "c" must not set securityContext.seccompProfile.type to "Unconfined")
        b: 
        r: seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")
        b: forbidden sysctl (kernel.x)
        r: forbidden sysctl (kernel.x)
        b: hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)
        r: hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)
        b: 
        r: allowPrivilegeEscalation != false (containers "i", "c" must set securityContext.allowPrivilegeEscalation=false)
        b: 
        r: runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)
        b: 
        r: runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true)
        b: 
        r: runAsNonRoot != true (containers "i", "c" must not set securityContext.runAsNonRoot=false)
        b: 
        r: runAsUser=0 (containers "i", "c" must not set runAsUser=0)
        b: 
        r: 
        b: 
        r: 
    "#]].assert_eq(&texts);
}

#[test]
fn checks_are_as_old_as_their_versions() {
    let rmem = of_pod(&json!({"sysctls": [{"name": "net.ipv4.tcp_rmem"}]}));
    let probe = container(&json!({"livenessProbe": {"httpGet": {"host": "h"}}}));
    let root = of_pod(&json!({"runAsUser": 0}));
    let plain = pod(&json!({"securityContext": null, "containers": [{"name": "c"}]}));
    let old = annotated("seccomp.security.alpha.kubernetes.io/pod", "unconfined");
    let rows = [
        (
            rmem.clone(),
            Some(31),
            "forbidden sysctl (net.ipv4.tcp_rmem)",
        ),
        (rmem, Some(32), ""),
        (probe, Some(33), ""),
        (root.clone(), Some(22), ""),
        (root, Some(23), "runAsUser=0 (pod must not set runAsUser=0)"),
        (
            plain,
            Some(7),
            "runAsNonRoot != true (pod or container \"c\" must set \
             securityContext.runAsNonRoot=true)",
        ),
        (
            old.clone(),
            Some(18),
            "seccompProfile (seccomp.security.alpha.kubernetes.io/pod=\"unconfined\")",
        ),
        (old, Some(19), ""),
        (pod(&json!({})), Some(99), ""),
    ];
    for (pod, minor, expected) in rows {
        assert_eq!(found(Level::Restricted, minor, pod), expected, "{minor:?}");
    }
}

fn namespace(labels: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "labels": labels}})
}

/// The refusal, or the warnings.
async fn judge(objects: Vec<Value>, request: Request, object: Value) -> String {
    let plugin = PodSecurity::new(Arc::new(Cluster::of(objects)));
    let cx = RequestCx::new(UserInfo::new("dev", &[]), base::TraceId::NONE);
    match request.within(&cx).admit(&plugin, object).await {
        Ok(_) => cx.take_warnings().join("\n"),
        Err(error) => format!("{} {error}", error.code()),
    }
}

fn label(mode: &str) -> String {
    format!("pod-security.kubernetes.io/{mode}")
}

#[tokio::test]
async fn labels_decide_who_is_refused_and_who_is_warned() {
    let enforcing = || vec![namespace(&json!({label("enforce"): "baseline"}))];
    let warning = || {
        vec![namespace(
            &json!({label("enforce"): "privileged", label("warn"): "baseline",
            label("warn-version"): "v1.24"}),
        )]
    };
    let broken = || {
        vec![namespace(
            &json!({label("enforce"): "x", label("warn"): "x"}),
        )]
    };
    let pods = || Request::create("pods", "n", "p");
    let deployments = || Request::create("deployments", "n", "d").group("apps");
    let bad = || pod(&json!({"hostPID": true}));
    let deployment = || json!({"spec": {"template": bad()}});
    let cron_job = || json!({"spec": {"jobTemplate": {"spec": {"template": bad()}}}});
    let refused = "403 pods \"p\" is forbidden: violates PodSecurity \"baseline:latest\": host \
                   namespaces (hostPID=true)";
    let warned = "would violate PodSecurity \"baseline:v1.24\": host namespaces (hostPID=true)";
    let mut renamed = bad();
    renamed["spec"]["containers"][0]["image"] = "other".into();
    let rows = [
        (enforcing(), pods(), bad(), refused),
        (enforcing(), pods(), pod(&json!({})), ""),
        (enforcing(), pods().subresource("status"), bad(), ""),
        (enforcing(), pods().update(bad()), bad(), ""),
        (enforcing(), pods().update(bad()), renamed, refused),
        (
            enforcing(),
            pods()
                .update(pod(&json!({})))
                .subresource("ephemeralcontainers"),
            pod(&json!({"hostPID": true, "ephemeralContainers": [{"name": "e"}]})),
            refused,
        ),
        (
            enforcing(),
            deployments(),
            deployment(),
            "would violate PodSecurity \"baseline:latest\": host namespaces (hostPID=true)",
        ),
        (warning(), pods(), bad(), warned),
        (warning(), deployments(), deployment(), warned),
        (
            warning(),
            deployments().subresource("status"),
            deployment(),
            "",
        ),
        (
            warning(),
            Request::create("cronjobs", "n", "c").group("batch"),
            cron_job(),
            warned,
        ),
        (warning(), Request::create("secrets", "n", "s"), bad(), ""),
        (
            broken(),
            pods(),
            bad(),
            "403 pods \"p\" is forbidden: violates PodSecurity \"restricted:latest\": host \
             namespaces (hostPID=true)",
        ),
        (Vec::new(), pods(), bad(), ""),
    ];
    for (number, (objects, request, object, expected)) in rows.into_iter().enumerate() {
        assert_eq!(
            judge(objects, request, object).await,
            expected,
            "row {number}"
        );
    }
}

#[test]
fn who_enforces_is_warned_unless_it_says_otherwise() {
    let rows: [(&[(&str, &str)], &str); 9] = [
        (&[], "privileged:latest"),
        (&[("enforce", "baseline")], "baseline:latest"),
        (
            &[("enforce", "baseline"), ("enforce-version", "v1.22")],
            "baseline:v1.22",
        ),
        (
            &[("enforce", "baseline"), ("warn-version", "v1.23")],
            "baseline:v1.23",
        ),
        (
            &[("enforce", "baseline"), ("warn", "restricted")],
            "restricted:latest",
        ),
        (
            &[("enforce", "baseline"), ("warn", "privileged")],
            "privileged:latest",
        ),
        // What is wrong warns nobody.
        (
            &[("enforce", "baseline"), ("warn", "strict")],
            "privileged:latest",
        ),
        (&[("enforce", "strict")], "privileged:latest"),
        (&[("enforce-version", "v1.22")], "privileged:latest"),
    ];
    for (labels, expected) in rows {
        let labels = labels.iter().map(|(mode, value)| (label(mode), *value));
        let labels: std::collections::BTreeMap<_, _> = labels.collect();
        let namespace = Object::from_value(namespace(&json!(labels))).expect("an object");
        let warn = policy::Policy::of(&namespace).0.warn;
        assert_eq!(warn.to_string(), expected, "{labels:?}");
    }
}

#[tokio::test]
async fn namespaces_need_labels_that_say_something() {
    let create = || Request::create("namespaces", "n", "n");
    let strict = || namespace(&json!({label("enforce"): "restricted"}));
    let wrong = || namespace(&json!({label("enforce"): "strict", label("warn-version"): "1.24"}));
    let named = |name: &str, spec: Value| {
        let mut pod = pod(&spec);
        merge_patch(
            &mut pod,
            &json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "n"}}),
        );
        pod
    };
    let pods = vec![
        named("z", json!({"hostPID": true})),
        named("b", json!({"hostPID": true})),
        named("a", json!({"hostPID": true, "containers": [{"name": "c"}]})),
        named("fine", json!({})),
    ];
    let rows = [
        (create(), strict()),
        (create(), wrong()),
        (create().update(wrong()), wrong()),
        (create().update(namespace(&json!({}))), wrong()),
        (create().update(namespace(&json!({}))), strict()),
        (create().update(strict()), strict()),
        (
            create().update(strict()),
            namespace(&json!({label("enforce"): "baseline"})),
        ),
    ];
    let mut answers = String::new();
    for (request, object) in rows {
        answers += &format!("- {}\n", judge(pods.clone(), request, object).await);
    }
    expect![[r#"
        - 
        - 422 Any "n" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.24": must be "latest" or "v1.x"]
        - 
        - 422 Any "n" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.24": must be "latest" or "v1.x"]
        - existing pods in namespace "n" violate the new PodSecurity enforce level "restricted:latest"
        a: host namespaces, allowPrivilegeEscalation != false, unrestricted capabilities
        b (and 1 other pod): host namespaces
        - 
        - 
    "#]].assert_eq(&answers);
}
