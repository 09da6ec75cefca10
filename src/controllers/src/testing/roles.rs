//! What upstream's roles let each loop do. A loop that asks for more would work against a server
//! without authorization, and nowhere else.

use apimachinery::{GroupResource, StatusError};
use bytes::Bytes;
use client::testing::FakeServer;
use client::{ByteStream, Transport, TransportError};
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use http::{Method, Request, Response};

/// Loop, resources, verbs: the rules of the `system:controller:` roles of v1.35, reads by informer
/// left out. Every loop may also write events.
const RULES: &[(&str, &str, &str)] = &[
    ("deployment-controller", "deployments", "get list update"),
    ("deployment-controller", "deployments/status", "update"),
    (
        "deployment-controller",
        "replicasets",
        "create delete get list patch update",
    ),
    ("deployment-controller", "pods", "get list update"),
    ("replicaset-controller", "replicasets", "get list update"),
    ("replicaset-controller", "replicasets/status", "update"),
    ("replicaset-controller", "pods", "create delete list patch"),
    (
        "generic-garbage-collector",
        "*",
        "delete get list patch update",
    ),
    (
        "namespace-controller",
        "*",
        "delete deletecollection get list",
    ),
    ("namespace-controller", "namespaces/finalize", "update"),
    ("namespace-controller", "namespaces/status", "update"),
    ("service-account-controller", "serviceaccounts", "create"),
    ("root-ca-cert-publisher", "configmaps", "create update"),
    ("node-controller", "nodes", "delete get list patch update"),
    ("node-controller", "nodes/status", "patch update"),
    ("node-controller", "pods", "delete get list"),
    ("node-controller", "pods/status", "patch update"),
    ("pod-garbage-collector", "nodes", "get list"),
    ("pod-garbage-collector", "pods", "delete list"),
    ("pod-garbage-collector", "pods/status", "patch"),
    (
        "clusterrole-aggregation-controller",
        "clusterroles",
        "escalate get list patch update",
    ),
    ("kube-controller-manager", "secrets", "delete get update"),
    ("kube-controller-manager", "serviceaccounts", "get update"),
    ("token-cleaner", "secrets", "delete get list"),
    ("resourcequota-controller", "*", "list"),
    (
        "resourcequota-controller",
        "resourcequotas/status",
        "update",
    ),
];

/// The fake server, as far as a loop's role lets it.
pub(super) struct Role {
    pub(super) name: &'static str,
    pub(super) server: FakeServer,
}

impl Transport for Role {
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> BoxFuture<'_, Result<Response<ByteStream>, TransportError>> {
        let (verb, resource) = asked(&request);
        if allowed(self.name, verb, &resource) {
            return self.server.send(request);
        }
        let why = format!("{} cannot {verb} {resource}", self.name);
        let refusal = StatusError::forbidden(&GroupResource::new("", "test"), "", &why);
        let body = serde_json::to_vec(&refusal.0).expect("a status always prints");
        let mut response = Response::new(stream::iter([Ok(body.into())]).boxed());
        *response.status_mut() = http::StatusCode::FORBIDDEN;
        Box::pin(std::future::ready(Ok(response)))
    }
}

fn allowed(name: &str, verb: &str, resource: &str) -> bool {
    if resource == "events" {
        return ["create", "patch", "update"].contains(&verb);
    }
    RULES.iter().any(|(loop_, resources, verbs)| {
        *loop_ == name
            && (*resources == "*" || *resources == resource)
            && verbs.split(' ').any(|allowed| allowed == verb)
    })
}

/// The verb and the resource of a request, `pods` or `pods/status`.
fn asked(request: &Request<Bytes>) -> (&'static str, String) {
    let mut path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
    path.drain(..if path[0] == "api" { 2 } else { 3 });
    if path.len() > 2 && path[0] == "namespaces" && !["status", "finalize"].contains(&path[2]) {
        path.drain(..2);
    }
    let named = path.len() > 1;
    let verb = match *request.method() {
        Method::GET if named => "get",
        Method::GET => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if named => "delete",
        _ => "deletecollection",
    };
    let resource = match path.get(2) {
        Some(sub) => format!("{}/{sub}", path[0]),
        None => path[0].to_owned(),
    };
    (verb, resource)
}

#[test]
fn roles_refuse_what_upstream_refuses() {
    let rows = [
        (
            "PATCH",
            "/apis/apps/v1/namespaces/n/deployments/d/status",
            false,
        ),
        (
            "PUT",
            "/apis/apps/v1/namespaces/n/deployments/d/status",
            true,
        ),
        (
            "GET",
            "/apis/apps/v1/namespaces/n/replicasets?limit=1",
            true,
        ),
        ("DELETE", "/apis/apps/v1/namespaces/n/replicasets", false),
        ("POST", "/api/v1/namespaces/n/pods", false),
        ("POST", "/api/v1/namespaces/n/events", true),
        ("GET", "/api/v1/namespaces/n", false),
    ];
    for (method, uri, expected) in rows {
        let request = Request::builder().method(method).uri(uri);
        let (verb, resource) = asked(&request.body(Bytes::new()).expect("well formed"));
        let found = allowed("deployment-controller", verb, &resource);
        assert_eq!(found, expected, "{method} {uri}: {verb} {resource}");
    }
}
