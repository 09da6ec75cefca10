//! Who asks, what they are told of their credentials, and that nobody gives away what they lack.
//!
//! Controls, each seen to go red: with the check of escalation among the validating plugins, what is
//! invalid as well is answered 422; with the version checked before admission, what is stale as well
//! 409; with warnings of routed answers alone, the 401 and the 403 have none.

use rustls::ClientConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::wire::{Server, administrator, anonymous, foreign, within};
use crate::world::{Said, World};

const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";

/// The answer's code, and its warnings.
async fn told(
    server: &Server,
    config: ClientConfig,
    path: &str,
    credentials: &str,
) -> (u16, Vec<String>) {
    let mut stream = server.connect(config).await;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Authorization: {credentials}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    // How the connection ends is the server's business.
    let _ = within(stream.read_to_string(&mut answer)).await;
    let (head, _) = answer.split_once("\r\n\r\n").expect("a head");
    let code = head[9..12].parse().expect("a code");
    let warnings = head
        .lines()
        .filter_map(|line| line.strip_prefix("warning: "));
    (code, warnings.map(str::to_owned).collect())
}

#[tokio::test]
async fn a_token_after_two_spaces_is_told_to_be_ignored() {
    let server = Server::start().await;
    let nobody = || anonymous(&[b"http/1.1"]);
    let (open, closed) = ("/healthz", "/api/v1/nodes");
    let rows = [
        (nobody(), open, "Bearer  a.b.c", 200, true),
        (nobody(), closed, "Bearer  a.b.c", 403, true),
        (nobody(), open, "Bearer a.b.c", 401, false),
        (nobody(), open, "Basic  a.b.c", 200, false),
        (administrator(), closed, "Bearer  a.b.c", 200, false),
        (foreign(), open, "Bearer  a.b.c", 401, true),
    ];
    let warning = "299 - \"the provided Authorization header contains extra space before the \
                   bearer token, and is ignored\"";
    for (config, path, credentials, code, is_warned) in rows {
        let told = told(&server, config, path, credentials).await;
        let expected = is_warned.then(|| warning.to_owned());
        let expected = (code, Vec::from_iter(expected));
        assert_eq!(told, expected, "{path} {credentials}");
    }
    server.stop().await;
}

/// Asks as `writer`, who has the role `admin`, and then as an administrator.
async fn both(world: &World, method: &str, uri: &str, said: &Said) -> [u16; 2] {
    let mut codes = [0; 2];
    for (code, user) in codes.iter_mut().zip(["writer", ""]) {
        let user = user.to_owned();
        let said = Said {
            user,
            ..said.clone()
        };
        *code = world.ask(method, uri, &said).await.code.as_u16();
    }
    codes
}

#[tokio::test]
async fn nobody_gives_what_they_lack_however_wrong_it_is() {
    let world = World::new().await;
    let role = |name: &str, rule: Value| json!({"metadata": {"name": name}, "rules": [rule]});
    let binding = |name: &str, kind: &str, role: &str| {
        json!({
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
            "subjects": [{"kind": "Nobody", "name": "n"}],
        })
    };
    // A rule without verbs is invalid and gives nothing; one of a node's is more than `admin` has.
    let empty = json!({"apiGroups": [""], "resources": ["pods"], "verbs": []});
    let nodes = json!({"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]});
    let creates = [
        (ROLES, role("a", empty.clone()), [422, 422]),
        (ROLES, role("b/c", nodes.clone()), [403, 422]),
        (BINDINGS, binding("a", "ClusterRole", "view"), [422, 422]),
        (
            BINDINGS,
            binding("a", "ClusterRole", "cluster-admin"),
            [403, 422],
        ),
        (BINDINGS, binding("a", "ClusterRole", "none"), [404, 422]),
        (BINDINGS, binding("a", "ClusterRole", ""), [400, 422]),
        (BINDINGS, binding("a", "Rule", "view"), [500, 422]),
    ];
    for (all, object, expected) in creates {
        let codes = both(&world, "POST", all, &Said::json(&object)).await;
        assert_eq!(codes, expected, "{object}");
    }
    let pods = json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]});
    world.create(ROLES, &role("there", pods)).await;
    let there = format!("{ROLES}/there");
    let mut stale = role("there", nodes.clone());
    stale["metadata"]["resourceVersion"] = "1".into();
    let codes = both(&world, "PUT", &there, &Said::json(&stale)).await;
    assert_eq!(codes, [403, 409]);
    let mut wrong = role("there", nodes.clone());
    wrong["metadata"]["labels"] = json!({"-": ""});
    let codes = both(&world, "PUT", &there, &Said::json(&wrong)).await;
    assert_eq!(codes, [403, 422]);
    let patch = |patch: Value| Said::body("application/merge-patch+json", &patch.to_string());
    let codes = both(&world, "PATCH", &there, &patch(wrong)).await;
    assert_eq!(codes, [403, 422]);
    let codes = both(&world, "PATCH", &there, &patch(json!({"rules": [empty]}))).await;
    assert_eq!(codes, [422, 422]);
}
