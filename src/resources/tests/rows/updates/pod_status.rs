use serde_json::{Value, json};

use super::{check, expect};
use crate::harness::{create, fixture, row, set, text, update};

#[test]
fn what_is_said_of_the_pod() {
    check(
        "Pod",
        "status",
        &[],
        &[
            ("/status/phase", json!("Running")),
            ("/status/qosClass", json!("BestEffort")),
            ("/status/nominatedNodeName", json!("Node_2")),
            ("/status/observedGeneration", json!(-1)),
            (
                "/status/conditions",
                json!([
                    {"type": "a b", "status": "True", "observedGeneration": -1},
                    {"type": "Ready", "status": "True", "observedGeneration": 2},
                ]),
            ),
            (
                "/metadata/annotations",
                json!({"controller.kubernetes.io/pod-deletion-cost": "x"}),
            ),
        ],
        expect![[r#"
            /status/phase = "Running"
              nothing is wrong
            /status/qosClass = "BestEffort"
              status.qosClass: Invalid value: "BestEffort": field is immutable
            /status/nominatedNodeName = "Node_2"
              [status.nominatedNodeName: Invalid value: "Node_2": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'), status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node]
            /status/observedGeneration = -1
              status.observedGeneration: Invalid value: -1: must be a non-negative integer
            /status/conditions = [{"observedGeneration":-1,"status":"True","type":"a b"},{"observedGeneration":2,"status":"True","type":"Ready"}]
              [status.conditions[0].observedGeneration: Invalid value: -1: must be a non-negative integer, status.conditions[0].Type: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')]
            /metadata/annotations = {"controller.kubernetes.io/pod-deletion-cost":"x"}
              metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "x": must be a 32bit integer
        "#]],
    );
}

#[test]
fn addresses() {
    let ips = |ips: &[&str]| -> Value { ips.iter().map(|ip| json!({"ip": ip})).collect() };
    check(
        "Pod",
        "status",
        &[],
        &[
            ("/status/podIPs", ips(&["10.42.0.2", "fd00::2"])),
            ("/status/podIPs", ips(&["10.42.0.2", "10.42.0.3"])),
            ("/status/podIPs", ips(&["10.42.0.2", "10.42.0.2"])),
            ("/status/podIPs", ips(&["10.42.0.2", "fd00::2", "fd00::3"])),
            ("/status/podIPs", ips(&["10.42.0.2", "x"])),
            ("/status/podIPs", ips(&[""])),
            (
                "/status",
                json!({"podIP": "10.42.0", "hostIP": "10.0.0.1", "hostIPs": ips(&["10.0.0.2"])}),
            ),
            (
                "/status",
                json!({"hostIP": "10.0.0.1", "hostIPs": ips(&["10.0.0.1", "y", "z"])}),
            ),
        ],
        expect![[r#"
            /status/podIPs = [{"ip":"10.42.0.2"},{"ip":"fd00::2"}]
              nothing is wrong
            /status/podIPs = [{"ip":"10.42.0.2"},{"ip":"10.42.0.3"}]
              status.podIPs: Invalid value: [{"IP":"10.42.0.2"},{"IP":"10.42.0.3"}]: may specify no more than one IP for each IP family
            /status/podIPs = [{"ip":"10.42.0.2"},{"ip":"10.42.0.2"}]
              [status.podIPs: Invalid value: [{"IP":"10.42.0.2"},{"IP":"10.42.0.2"}]: may specify no more than one IP for each IP family, status.podIPs[1]: Duplicate value: {"IP":"10.42.0.2"}]
            /status/podIPs = [{"ip":"10.42.0.2"},{"ip":"fd00::2"},{"ip":"fd00::3"}]
              status.podIPs: Invalid value: [{"IP":"10.42.0.2"},{"IP":"fd00::2"},{"IP":"fd00::3"}]: may specify no more than one IP for each IP family
            /status/podIPs = [{"ip":"10.42.0.2"},{"ip":"x"}]
              [status.podIPs[1]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff), status.podIPs: Internal error: failed to check for dual stack with error:invalid IP[1]: <nil>, status.podIPs: Invalid value: [{"IP":"10.42.0.2"},{"IP":"x"}]: may specify no more than one IP for each IP family]
            /status/podIPs = [{"ip":""}]
              status.podIPs[0]: Invalid value: "": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            /status = {"hostIP":"10.0.0.1","hostIPs":[{"ip":"10.0.0.2"}],"podIP":"10.42.0"}
              [status.podIPs[0]: Invalid value: "10.42.0": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff), status.hostIPs[0].ip: Invalid value: "10.0.0.2": must be equal to `hostIP`]
            /status = {"hostIP":"10.0.0.1","hostIPs":[{"ip":"10.0.0.1"},{"ip":"y"},{"ip":"z"}]}
              [status.hostIPs[1]: Invalid value: "y": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff), status.hostIPs[2]: Invalid value: "z": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff), status.hostIPs: Internal error: failed to check for dual stack with error:invalid IP[1]: <nil>, status.hostIPs: Invalid value: [{"IP":"10.0.0.1"},{"IP":"y"},{"IP":"z"}]: may specify no more than one IP for each IP family]
        "#]],
    );
}

/// A bad address that is there already may stay: an old kubelet wrote it.
#[test]
fn addresses_that_were_there_may_stay() {
    let (mut old, _) = create(row("Pod"), fixture(row("Pod")));
    set(
        &mut old,
        "/status",
        json!({"podIP": "x", "podIPs": [{"ip": "x"}]}),
    );
    let mut new = old.clone();
    set(&mut new, "/status/phase", json!("Running"));
    let (_, errors) = update(row("Pod"), "status", new.clone(), &old);
    assert_eq!(text(&errors), "");
    set(&mut new, "/status", json!({"podIP": "y"}));
    let (_, errors) = update(row("Pod"), "status", new, &old);
    let expected = "status.podIPs[0]: Invalid value: \"y\": must be a valid IP address, (e.g. \
                    10.9.8.7 or 2001:db8::ffff)";
    assert_eq!(text(&errors), expected);
}

#[test]
fn containers_and_claims() {
    let container = json!({
        "name": "web", "image": "x",
        "resources": {"requests": {"cpu": "1", "acme.com/gpu": "1"}, "claims": [{"name": "c", "request": "r"}]},
    });
    let device = |id: &str, health: &str| json!({"resourceID": id, "health": health});
    let allocated = |list: &str, name: &str, devices: Value| {
        (
            format!("/status/{list}"),
            json!([{"name": "web", "allocatedResourcesStatus": [{"name": name, "resources": devices}]}]),
        )
    };
    let healthy = json!([device("a", "Healthy")]);
    let mapping = |container: &str, resource: &str, request: &str| json!({"containerName": container, "resourceName": resource, "requestName": request});
    let rows = [
        allocated("containerStatuses", "cpu", healthy.clone()),
        allocated("containerStatuses", "claim:c/r", healthy.clone()),
        allocated("containerStatuses", "claim:c", healthy.clone()),
        allocated(
            "containerStatuses",
            "memory",
            json!([device("a", "Sick"), device("a", "Unknown")]),
        ),
        allocated("initContainerStatuses", "memory", healthy.clone()),
        allocated("ephemeralContainerStatuses", "cpu", healthy),
        (
            "/status/containerStatuses".to_owned(),
            json!([{"name": "x", "user": {"linux": {"uid": -1, "gid": 0, "supplementalGroups": [1, 2_147_483_648_i64]}}}]),
        ),
        (
            "/status/extendedResourceClaimStatus".to_owned(),
            json!({"requestMappings": []}),
        ),
        (
            "/status/extendedResourceClaimStatus".to_owned(),
            json!({"resourceClaimName": "A", "requestMappings": [
                mapping("web", "acme.com/gpu", "r"), mapping("web", "acme.com/gpu", "r"),
                mapping("no", "acme.com/gpu", "R"), mapping("web", "acme.com/no", "r"),
            ]}),
        ),
    ];
    let rows: Vec<(&str, Value)> = rows
        .iter()
        .map(|(pointer, value)| (pointer.as_str(), value.clone()))
        .collect();
    let before = [("/spec/containers", json!([container]))];
    check(
        "Pod",
        "status",
        &before,
        &rows,
        expect![[r#"
        /status/containerStatuses = [{"allocatedResourcesStatus":[{"name":"cpu","resources":[{"health":"Healthy","resourceID":"a"}]}],"name":"web"}]
          nothing is wrong
        /status/containerStatuses = [{"allocatedResourcesStatus":[{"name":"claim:c/r","resources":[{"health":"Healthy","resourceID":"a"}]}],"name":"web"}]
          nothing is wrong
        /status/containerStatuses = [{"allocatedResourcesStatus":[{"name":"claim:c","resources":[{"health":"Healthy","resourceID":"a"}]}],"name":"web"}]
          status.containerStatuses[0].allocatedResourcesStatus[0].name: Invalid value: "claim:c": must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty
        /status/containerStatuses = [{"allocatedResourcesStatus":[{"name":"memory","resources":[{"health":"Sick","resourceID":"a"},{"health":"Unknown","resourceID":"a"}]}],"name":"web"}]
          [status.containerStatuses[0].allocatedResourcesStatus[0].name: Invalid value: "memory": must match one of the container's resource requests, status.containerStatuses[0].allocatedResourcesStatus[0].resources[0].health: Unsupported value: "Sick": supported values: "Healthy", "Unhealthy", "Unknown", status.containerStatuses[0].allocatedResourcesStatus[0].resources[1].resourceID: Duplicate value: "a"]
        /status/initContainerStatuses = [{"allocatedResourcesStatus":[{"name":"memory","resources":[{"health":"Healthy","resourceID":"a"}]}],"name":"web"}]
          nothing is wrong
        /status/ephemeralContainerStatuses = [{"allocatedResourcesStatus":[{"name":"cpu","resources":[{"health":"Healthy","resourceID":"a"}]}],"name":"web"}]
          status.ephemeralContainerStatuses[0].allocatedResourcesStatus: Forbidden: must not be specified in container status
        /status/containerStatuses = [{"name":"x","user":{"linux":{"gid":0,"supplementalGroups":[1,2147483648],"uid":-1}}}]
          [status.containerStatuses[0].user.linux.uid: Invalid value: -1: must be between 0 and 2147483647, inclusive, status.containerStatuses[0].user.linux.supplementalGroups[1]: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive]
        /status/extendedResourceClaimStatus = {"requestMappings":[]}
          [status.extendedResourceClaimStatus.requestMappings: Required value: at least one request mapping is required, status.extendedResourceClaimStatus.resourceClaimName: Required value]
        /status/extendedResourceClaimStatus = {"requestMappings":[{"containerName":"web","requestName":"r","resourceName":"acme.com/gpu"},{"containerName":"web","requestName":"r","resourceName":"acme.com/gpu"},{"containerName":"no","requestName":
          [status.extendedResourceClaimStatus.requestMappings[1].containerName: Duplicate value: "web", status.extendedResourceClaimStatus.requestMappings[1].resourceName: Duplicate value: "acme.com/gpu", status.extendedResourceClaimStatus.requestMappings[1].requestName: Duplicate value: "r", status.extendedResourceClaimStatus.requestMappings[2].containerName: Invalid value: "no": must match the name of an entry in spec.initContainers.name or spec.containers.name, status.extendedResourceClaimStatus.requestName: Invalid value: "R": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?'), status.extendedResourceClaimStatus.requestMappings[3].resourceName: Invalid value: "acme.com/no": must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests, status.extendedResourceClaimStatus.resourceClaimName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')]
    "#]],
    );
}

#[test]
fn an_ephemeral_container_stays_ended() {
    let (mut old, _) = create(row("Pod"), fixture(row("Pod")));
    let statuses = |state: Value| json!([{"name": "debug", "state": state}]);
    let pointer = "/status/ephemeralContainerStatuses";
    set(&mut old, "/spec/restartPolicy", json!("Always"));
    set(
        &mut old,
        pointer,
        statuses(json!({"terminated": {"exitCode": 1}})),
    );
    let mut new = old.clone();
    set(&mut new, pointer, statuses(json!({"running": {}})));
    let (_, errors) = update(row("Pod"), "status", new, &old);
    let expected = "status.ephemeralContainerStatuses[0].state: Forbidden: may not be \
                    transitioned to non-terminated state";
    assert_eq!(text(&errors), expected);
}

/// Clients that know nothing of generations leave them out.
#[test]
fn observed_generations_are_kept() {
    let (mut old, _) = create(row("Pod"), fixture(row("Pod")));
    let condition = |kind: &str, seen: i64| match seen {
        0 => json!({"type": kind, "status": "True"}),
        _ => json!({"type": kind, "status": "True", "observedGeneration": seen}),
    };
    let conditions = |seen: [i64; 4]| {
        let kinds = ["a/x", "a/x", "Ready", "a/new"];
        let each = kinds.into_iter().zip(seen);
        Value::from_iter(each.map(|(kind, seen)| condition(kind, seen)))
    };
    set(&mut old, "/status/observedGeneration", json!(3));
    set(&mut old, "/status/conditions", conditions([1, 2, 3, 0]));
    let mut new = old.clone();
    set(&mut new, "/status/observedGeneration", json!(0));
    set(&mut new, "/status/conditions", conditions([0, 0, 5, 0]));
    let (stored, errors) = update(row("Pod"), "status", new, &old);
    assert_eq!(text(&errors), "");
    assert_eq!(stored.at("/status/observedGeneration"), Some(&json!(3)));
    let expected = conditions([1, 2, 5, 0]);
    assert_eq!(stored.at("/status/conditions"), Some(&expected));
}
