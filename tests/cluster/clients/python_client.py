"""The Python client of Kubernetes against a server: what programs in Python do with it.

Run with a kubeconfig in KUBECONFIG; prints one line for each check and ends with an error at the
first that fails. It removes what it makes.
"""

import threading

import yaml
from kubernetes import client, config, dynamic, watch
from kubernetes.client.exceptions import ApiException

NAMESPACE = "python"
LABELS = {"made-by": "python"}


def config_map(name, **data):
    metadata = client.V1ObjectMeta(name=name, labels=LABELS)
    return client.V1ConfigMap(metadata=metadata, data=data)


def refused(code, reason, call, *args, **kwargs):
    """The refusal that a call must meet, as its Status."""
    try:
        call(*args, **kwargs)
    except ApiException as error:
        status = yaml.safe_load(error.body)
        assert (error.status, status["reason"]) == (code, reason), status
        return status
    raise AssertionError(f"expected {code} {reason}")


def lists_in_pages(core):
    for number in range(7):
        core.create_namespaced_config_map(NAMESPACE, config_map(f"page-{number}"))
    names, token, revisions, left = [], None, set(), []
    while True:
        page = core.list_namespaced_config_map(
            NAMESPACE, limit=3, _continue=token, label_selector="made-by=python"
        )
        names += [item.metadata.name for item in page.items]
        revisions.add(page.metadata.resource_version)
        left.append(page.metadata.remaining_item_count)
        token = page.metadata._continue
        if not token:
            break
    assert names == [f"page-{number}" for number in range(7)], names
    assert len(revisions) == 1, "all pages show one state"
    # Upstream leaves the count out where a selector might make it wrong.
    assert left == [None, None, None], left
    page = core.list_namespaced_config_map(NAMESPACE, limit=3)
    whole = core.list_namespaced_config_map(NAMESPACE)
    assert page.metadata.remaining_item_count == len(whole.items) - 3
    status = refused(
        400, "BadRequest", core.list_namespaced_config_map, NAMESPACE, limit=1, _continue="x"
    )
    assert "continue key is not valid" in status["message"], status


def watches_and_resumes(core):
    listed = core.list_namespaced_config_map(NAMESPACE)
    revision, seen = listed.metadata.resource_version, []
    core.create_namespaced_config_map(NAMESPACE, config_map("watched", turn="0"))
    for turn in range(1, 6):
        core.patch_namespaced_config_map("watched", NAMESPACE, {"data": {"turn": str(turn)}})
    core.delete_namespaced_config_map("watched", NAMESPACE)
    # A new watch after every second event must go on where the last one stopped.
    while not seen or seen[-1][0] != "DELETED":
        stream = watch.Watch().stream(
            core.list_namespaced_config_map,
            NAMESPACE,
            resource_version=revision,
            field_selector="metadata.name=watched",
            timeout_seconds=20,
        )
        for _, event in zip(range(2), stream):
            revision = event["object"].metadata.resource_version
            seen.append((event["type"], event["object"].data["turn"]))
    turns = [("ADDED", "0")] + [("MODIFIED", str(turn)) for turn in range(1, 6)]
    assert seen == turns + [("DELETED", "5")], seen


def ends_a_watch_in_time(core):
    events = list(
        watch.Watch().stream(core.list_namespaced_config_map, NAMESPACE, timeout_seconds=1)
    )
    kinds = {event["type"] for event in events}
    assert kinds <= {"ADDED"}, kinds


def says_that_a_watch_is_too_old_or_too_new(core):
    try:
        stream = watch.Watch().stream(
            core.list_namespaced_config_map, NAMESPACE, resource_version="1", timeout_seconds=1
        )
        # Whether revision 1 is still there depends on the server's age.
        list(stream)
    except ApiException as error:
        assert error.status == 410, error
    status = refused(
        504, "Timeout", core.list_namespaced_config_map, NAMESPACE, resource_version="999999999"
    )
    assert "Too large resource version" in status["message"], status


def patches_in_three_ways(core, apps):
    body = {
        "metadata": {"name": "patched", "labels": LABELS},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "patched"}},
            "template": {
                "metadata": {"labels": {"app": "patched"}},
                "spec": {"containers": [{"name": "a", "image": "a:1"}]},
            },
        },
    }
    apps.create_namespaced_deployment(NAMESPACE, body)

    def patch(media, change):
        # A list is a JSON patch; the client takes the first type that is left for a map.
        api = client.ApiClient()
        api.set_default_header("Content-Type", media)
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/patched"
        return api.call_api(
            path,
            "PATCH",
            body=change,
            header_params={"Content-Type": media, "Accept": "application/json"},
            auth_settings=["BearerToken"],
            response_type="V1Deployment",
            _return_http_data_only=True,
        )

    def containers(deployment):
        return [c.name for c in deployment.spec.template.spec.containers]

    one = {"spec": {"template": {"spec": {"containers": [{"name": "b", "image": "b:1"}]}}}}
    patched = patch("application/strategic-merge-patch+json", one)
    assert containers(patched) == ["b", "a"], containers(patched)
    patched = patch("application/merge-patch+json", one)
    assert containers(patched) == ["b"], containers(patched)
    where = "/spec/template/spec/containers/0/name"
    change = [{"op": "test", "path": where, "value": "b"}, {"op": "replace", "path": where, "value": "c"}]
    patched = patch("application/json-patch+json", change)
    assert containers(patched) == ["c"], containers(patched)
    # The same again: the test fails, and nothing changes.
    refused(422, "Invalid", patch, "application/json-patch+json", change)
    refused(415, "UnsupportedMediaType", patch, "application/json", one)
    scale = apps.read_namespaced_deployment_scale("patched", NAMESPACE)
    assert scale.spec.replicas == 0
    apps.delete_namespaced_deployment("patched", NAMESPACE, propagation_policy="Background")


def creates_replaces_and_deletes(core):
    made = core.create_namespaced_config_map(NAMESPACE, config_map("one", a="1"))
    assert made.metadata.uid and made.metadata.creation_timestamp.tzinfo
    refused(409, "AlreadyExists", core.create_namespaced_config_map, NAMESPACE, config_map("one"))
    core.create_namespaced_config_map(NAMESPACE, config_map("dry"), dry_run="All")
    refused(404, "NotFound", core.read_namespaced_config_map, "dry", NAMESPACE)
    made.data["a"] = "2"
    replaced = core.replace_namespaced_config_map("one", NAMESPACE, made)
    assert replaced.data == {"a": "2"}
    # `made` has the old revision.
    made.data["a"] = "3"
    refused(409, "Conflict", core.replace_namespaced_config_map, "one", NAMESPACE, made)
    wrong = {"metadata": {"name": "Not_A_Name"}, "data": {"/": "x"}}
    status = refused(422, "Invalid", core.create_namespaced_config_map, NAMESPACE, wrong)
    fields = [cause["field"] for cause in status["details"]["causes"]]
    assert fields == ["metadata.name", "data[/]"], status
    precondition = client.V1DeleteOptions(preconditions={"uid": "another"})
    refused(409, "Conflict", core.delete_namespaced_config_map, "one", NAMESPACE, body=precondition)
    core.delete_namespaced_config_map("one", NAMESPACE)
    core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="made-by=python")
    left = core.list_namespaced_config_map(NAMESPACE, label_selector="made-by=python")
    assert left.items == []


def discovers(api):
    """The dynamic client reads discovery and works on maps alone."""
    found = dynamic.DynamicClient(api)
    pods = found.resources.get(api_version="v1", kind="Pod")
    assert pods.namespaced and "watch" in pods.verbs and "log" in pods.subresources, pods
    deployments = found.resources.get(group="apps", kind="Deployment")
    assert deployments.name == "deployments" and "scale" in deployments.subresources
    maps = found.resources.get(api_version="v1", kind="ConfigMap")
    made = maps.create(
        body={"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "dyn"}},
        namespace=NAMESPACE,
    )
    patch = {"data": {"k": "v"}}
    changed = maps.patch(
        body=patch, name="dyn", namespace=NAMESPACE, content_type="application/merge-patch+json"
    )
    assert changed.data.k == "v" and changed.metadata.uid == made.metadata.uid
    first = next(iter(maps.watch(namespace=NAMESPACE, field_selector="metadata.name=dyn", timeout=5)))
    assert first["type"] == "ADDED", first
    maps.delete(name="dyn", namespace=NAMESPACE)


def is_known_by_its_certificate(core):
    """Without the certificate of the kubeconfig the same server knows nobody."""
    review = client.AuthorizationV1Api().create_self_subject_access_review(
        {"spec": {"resourceAttributes": {"verb": "*", "resource": "*", "group": "*"}}}
    )
    assert review.status.allowed, review
    anonymous = client.Configuration.get_default_copy()
    anonymous.cert_file = anonymous.key_file = None
    stranger = client.CoreV1Api(client.ApiClient(anonymous))
    refused(403, "Forbidden", stranger.list_namespaced_config_map, NAMESPACE)
    version = client.VersionApi().get_code()
    assert (version.major, version.minor) == ("1", "35"), version


def many_watch_at_once(core):
    """As many watchers as a small operator has, each in its thread."""
    revision = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version
    seen = [None] * 20

    def follow(index):
        stream = watch.Watch().stream(
            client.CoreV1Api().list_namespaced_config_map,
            NAMESPACE,
            resource_version=revision,
            timeout_seconds=30,
        )
        seen[index] = [event["object"].metadata.name for _, event in zip(range(10), stream)]

    threads = [threading.Thread(target=follow, args=(index,)) for index in range(len(seen))]
    for thread in threads:
        thread.start()
    names = [f"many-{number}" for number in range(10)]
    for name in names:
        core.create_namespaced_config_map(NAMESPACE, config_map(name))
    for thread in threads:
        thread.join()
    assert all(each == names for each in seen), seen


def main():
    config.load_kube_config()
    core, apps = client.CoreV1Api(), client.AppsV1Api()
    core.create_namespace({"metadata": {"name": NAMESPACE}})
    try:
        checks = [
            (lists_in_pages, core),
            (watches_and_resumes, core),
            (ends_a_watch_in_time, core),
            (says_that_a_watch_is_too_old_or_too_new, core),
            (patches_in_three_ways, core, apps),
            (creates_replaces_and_deletes, core),
            (discovers, client.ApiClient()),
            (is_known_by_its_certificate, core),
            (many_watch_at_once, core),
        ]
        for check, *args in checks:
            check(*args)
            print(check.__name__, flush=True)
    finally:
        core.delete_namespace(NAMESPACE)


if __name__ == "__main__":
    main()
