//! Tokens that were issued: what they say, and how long they are believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use expect_test::expect;
use futures::FutureExt;
use serde_json::{Value, json};

use super::{World, bound, named};
use crate::authenticate::{Authenticator, Credentials};
use crate::token::TokenObject;

/// Header and claims, with what changes from run to run struck out.
fn inside(token: &str) -> String {
    let mut shown = String::new();
    for part in token.split('.').take(2) {
        let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64");
        let mut value: Value = serde_json::from_slice(&bytes).expect("JSON");
        for field in ["kid", "jti"] {
            if value.get(field).is_some() {
                value[field] = "…".into();
            }
        }
        shown += &format!("{value}\n");
    }
    shown
}

#[test]
fn claims_are_upstreams() {
    let world = World::new();
    let mut shown = String::new();
    for (what, spec) in [
        ("plain", json!({})),
        ("pod", bound("Pod", "web")),
        ("secret", bound("Secret", "vault")),
        ("node", bound("Node", "n1")),
        (
            "projected",
            json!({"expirationSeconds": 3607, "boundObjectRef": bound("Pod", "web")["boundObjectRef"]}),
        ),
        (
            "projected for somebody else",
            json!({
                "audiences": ["vault"], "expirationSeconds": 3607,
                "boundObjectRef": bound("Pod", "web")["boundObjectRef"],
            }),
        ),
        ("3607 s without a pod", json!({"expirationSeconds": 3607})),
    ] {
        shown += &format!("{what}: {}", inside(&world.token(spec)));
    }
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "name": "web"});
    world.shelf.remove(TokenObject::Node, "", "n1");
    let token = world.token(json!({"boundObjectRef": pod}));
    shown += &format!("without its Node: {}", inside(&token));
    expect![[r#"
        plain: {"alg":"ES256","kid":"…"}
        {"aud":["https://kubernetes.default.svc.cluster.local"],"exp":1798808400,"iat":1798804800,"iss":"https://kubernetes.default.svc.cluster.local","jti":"…","kubernetes.io":{"namespace":"ns","serviceaccount":{"name":"build","uid":"sa-1"}},"nbf":1798804800,"sub":"system:serviceaccount:ns:build"}
        pod: {"alg":"ES256","kid":"…"}
        {"aud":["https://kubernetes.default.svc.cluster.local"],"exp":1798808400,"iat":1798804800,"iss":"https://kubernetes.default.svc.cluster.local","jti":"…","kubernetes.io":{"namespace":"ns","node":{"name":"n1","uid":"node-1"},"pod":{"name":"web","uid":"pod-1"},"serviceaccount":{"name":"build","uid":"sa-1"}},"nbf":1798804800,"sub":"system:serviceaccount:ns:build"}
        secret: {"alg":"ES256","kid":"…"}
        {"aud":["https://kubernetes.default.svc.cluster.local"],"exp":1798808400,"iat":1798804800,"iss":"https://kubernetes.default.svc.cluster.local","jti":"…","kubernetes.io":{"namespace":"ns","secret":{"name":"vault","uid":"secret-1"},"serviceaccount":{"name":"build","uid":"sa-1"}},"nbf":1798804800,"sub":"system:serviceaccount:ns:build"}
        node: {"alg":"ES256","kid":"…"}
        {"aud":["https://kubernetes.default.svc.cluster.local"],"exp":1798808400,"iat":1798804800,"iss":"https://kubernetes.default.svc.cluster.local","jti":"…","kubernetes.io":{"namespace":"ns","node":{"name":"n1","uid":"node-1"},"serviceaccount":{"name":"build","uid":"sa-1"}},"nbf":1798804800,"sub":"system:serviceaccount:ns:build"}
        projected: {"alg":"ES256","kid":"…"}
        {"aud":["https://kubernetes.default.svc.cluster.local"],"exp":1830340800,"iat":1798804800,"iss":"https://kubernetes.default.svc.cluster.local","jti":"…","kubernetes.io":{"namespace":"ns","node":{"name":"n1","uid":"node-1"},"pod":{"name":"web","uid":"pod-1"},"serviceaccount":{"name":"build","uid":"sa-1"},"warnafter":1798808407},"nbf":1798804800,"sub":"system:serviceaccount:ns:build"}
        projected for somebody else: {"alg":"ES256","kid":"…"}
        {"aud":["vault"],"exp":1798808407,"iat":1798804800,"iss":"https://kubernetes.default.svc.cluster.local","jti":"…","kubernetes.io":{"namespace":"ns","node":{"name":"n1","uid":"node-1"},"pod":{"name":"web","uid":"pod-1"},"serviceaccount":{"name":"build","uid":"sa-1"}},"nbf":1798804800,"sub":"system:serviceaccount:ns:build"}
        3607 s without a pod: {"alg":"ES256","kid":"…"}
        {"aud":["https://kubernetes.default.svc.cluster.local"],"exp":1798808407,"iat":1798804800,"iss":"https://kubernetes.default.svc.cluster.local","jti":"…","kubernetes.io":{"namespace":"ns","serviceaccount":{"name":"build","uid":"sa-1"}},"nbf":1798804800,"sub":"system:serviceaccount:ns:build"}
        without its Node: {"alg":"ES256","kid":"…"}
        {"aud":["https://kubernetes.default.svc.cluster.local"],"exp":1798808400,"iat":1798804800,"iss":"https://kubernetes.default.svc.cluster.local","jti":"…","kubernetes.io":{"namespace":"ns","node":{"name":"n1"},"pod":{"name":"web","uid":"pod-1"},"serviceaccount":{"name":"build","uid":"sa-1"}},"nbf":1798804800,"sub":"system:serviceaccount:ns:build"}
    "#]].assert_eq(&shown);
}

#[test]
fn the_answer_is_the_request_filled_in() {
    let world = World::new();
    let mut issued = world.issue(bound("Pod", "web")).expect("issued");
    issued.map_mut("status").insert("token".into(), "…".into());
    let text = serde_json::to_string_pretty(&issued).expect("JSON");
    expect![[r#"
        {
          "apiVersion": "authentication.k8s.io/v1",
          "kind": "TokenRequest",
          "metadata": {
            "creationTimestamp": "2027-01-01T12:00:00Z",
            "name": "build",
            "namespace": "ns"
          },
          "spec": {
            "audiences": [
              "https://kubernetes.default.svc.cluster.local"
            ],
            "boundObjectRef": {
              "apiVersion": "v1",
              "kind": "Pod",
              "name": "web"
            },
            "expirationSeconds": 3600
          },
          "status": {
            "expirationTimestamp": "2027-01-01T13:00:00Z",
            "token": "…"
          }
        }"#]]
    .assert_eq(&text);
}

#[test]
fn users_say_which_token_it_was() {
    let world = World::new();
    let mut shown = String::new();
    for spec in [json!({}), bound("Pod", "web"), bound("Node", "n1")] {
        let token = world.token(spec);
        let credentials = Credentials {
            bearer: Some(&token),
            ..Credentials::default()
        };
        let outcome = world.tokens.authenticate(credentials).now_or_never();
        let known = outcome.expect("at once").expect("good").expect("ours");
        let mut user = known.user;
        let id = user
            .extra
            .get_mut("authentication.kubernetes.io/credential-id");
        let id = id.expect("always there");
        assert!(id[0].starts_with("JTI=") && id[0].len() == 40, "{id:?}");
        id[0] = "JTI=…".into();
        shown += &format!("{} {:?} {:?}\n", user.uid, user.groups, user.extra);
    }
    expect![[r#"
        sa-1 ["system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"] {"authentication.kubernetes.io/credential-id": ["JTI=…"]}
        sa-1 ["system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"] {"authentication.kubernetes.io/credential-id": ["JTI=…"], "authentication.kubernetes.io/node-name": ["n1"], "authentication.kubernetes.io/node-uid": ["node-1"], "authentication.kubernetes.io/pod-name": ["web"], "authentication.kubernetes.io/pod-uid": ["pod-1"]}
        sa-1 ["system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"] {"authentication.kubernetes.io/credential-id": ["JTI=…"], "authentication.kubernetes.io/node-name": ["n1"], "authentication.kubernetes.io/node-uid": ["node-1"]}
    "#]].assert_eq(&shown);
}

#[test]
fn requests_are_refused_in_upstreams_words() {
    let world = World::new();
    let mut other = named("ns", "other", "pod-2");
    other["spec"] = json!({"serviceAccountName": "default"});
    world.shelf.put(TokenObject::Pod, other);
    let of = |version: &str, kind: &str| {
        let reference = json!({"apiVersion": version, "kind": kind, "name": "x"});
        json!({"spec": {"boundObjectRef": reference}})
    };
    let mut stale = bound("Pod", "web");
    stale["boundObjectRef"]["uid"] = "pod-0".into();
    let rows = [
        json!({"metadata": {"name": "other"}}),
        json!({"metadata": {"namespace": "other"}}),
        json!({"spec": {"expirationSeconds": 599}}),
        json!({"spec": {"expirationSeconds": (1_i64 << 32) + 1}}),
        of("v1", "ConfigMap"),
        of("apps/v1", "Deployment"),
        of("v1", "Pod"),
        of("v1", "Secret"),
        of("v1", "Node"),
        json!({"spec": bound("Pod", "other")}),
        json!({"spec": stale}),
    ];
    let mut shown = String::new();
    for request in rows {
        let error = world.request(request).expect_err("refused");
        shown += &format!("{} {error}\n", error.code());
    }
    let request = apimachinery::Object::default();
    let nobody = world.tokens.issue("ns", "nobody", request).now_or_never();
    shown += &format!("{}\n", nobody.expect("at once").expect_err("refused"));
    expect![[r#"
        422 TokenRequest.authentication.k8s.io "build" is invalid: metadata.name: Invalid value: "other": must match the service account name if specified
        422 TokenRequest.authentication.k8s.io "build" is invalid: metadata.namespace: Invalid value: "other": must match the service account namespace if specified
        422 TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes
        422 TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds
        400 cannot bind token to object of type v1, Kind=ConfigMap
        400 cannot bind token to object of type apps/v1, Kind=Deployment
        404 pods "x" not found
        404 secrets "x" not found
        404 nodes "x" not found
        400 cannot bind token for serviceaccount "build" to pod running with different serviceaccount name.
        409 Operation cannot be fulfilled on Pod "web": the UID in the bound object reference (pod-0) does not match the UID in record. The object might have been deleted and then recreated
        serviceaccounts "nobody" not found
    "#]].assert_eq(&shown);
}

#[test]
fn they_end_with_their_time_and_their_objects() {
    let mut shown = String::new();
    let mut show = |what: &str, spec: Value, change: &dyn Fn(&World)| {
        let world = World::new();
        let token = world.token(spec);
        change(&world);
        shown += &format!("{what}: {}\n", world.ask(&token));
    };
    let deleted = |kind, namespace: &str, name: &str, uid: &str, seconds_ago: i64| {
        let mut object = named(namespace, name, uid);
        let at = format!(
            "2027-01-01T11:{}Z",
            if seconds_ago > 60 { "58:59" } else { "59:01" }
        );
        object["metadata"]["deletionTimestamp"] = at.into();
        move |world: &World| world.shelf.put(kind, object.clone())
    };
    let again = |kind, namespace: &str, name: &str| {
        let object = named(namespace, name, "another");
        move |world: &World| world.shelf.put(kind, object.clone())
    };
    let gone = |kind, namespace: &'static str, name: &'static str| {
        move |world: &World| world.shelf.remove(kind, namespace, name)
    };
    let later = |seconds: f64| move |world: &World| world.hands.shift_wall(seconds);
    let (pod, secret, node) = (
        bound("Pod", "web"),
        bound("Secret", "vault"),
        bound("Node", "n1"),
    );
    let projected = json!({"expirationSeconds": 3607, "boundObjectRef": pod["boundObjectRef"]});
    use TokenObject::{Node, Pod, Secret, ServiceAccount};
    show("good", json!({}), &|_| {});
    show(
        "for somebody else",
        json!({"audiences": ["vault"]}),
        &|_| {},
    );
    show("a minute late", json!({}), &later(3660.0));
    show("too late", json!({}), &later(3661.0));
    show("projected, a day late", projected.clone(), &later(86_400.0));
    show(
        "projected, a year late",
        projected,
        &later(366.0 * 86_400.0),
    );
    show("a minute early", json!({}), &later(-60.0));
    show("too early", json!({}), &later(-61.0));
    show(
        "account gone",
        json!({}),
        &gone(ServiceAccount, "ns", "build"),
    );
    show(
        "account made again",
        json!({}),
        &again(ServiceAccount, "ns", "build"),
    );
    show(
        "account going",
        json!({}),
        &deleted(ServiceAccount, "ns", "build", "sa-1", 59),
    );
    show(
        "account long going",
        json!({}),
        &deleted(ServiceAccount, "ns", "build", "sa-1", 61),
    );
    show("pod gone", pod.clone(), &gone(Pod, "ns", "web"));
    show("pod made again", pod.clone(), &again(Pod, "ns", "web"));
    show(
        "pod going",
        pod.clone(),
        &deleted(Pod, "ns", "web", "pod-1", 59),
    );
    show(
        "pod long going",
        pod.clone(),
        &deleted(Pod, "ns", "web", "pod-1", 61),
    );
    show("pod's node gone", pod, &gone(Node, "", "n1"));
    show("secret gone", secret.clone(), &gone(Secret, "ns", "vault"));
    show(
        "secret made again",
        secret.clone(),
        &again(Secret, "ns", "vault"),
    );
    show(
        "secret long going",
        secret,
        &deleted(Secret, "ns", "vault", "secret-1", 61),
    );
    show("node gone", node.clone(), &gone(Node, "", "n1"));
    show("node made again", node, &again(Node, "", "n1"));
    expect![[r#"
        good: system:serviceaccount:ns:build for ["https://kubernetes.default.svc.cluster.local"]
        for somebody else: refused: token audiences ["vault"] is invalid for the target audiences ["https://kubernetes.default.svc.cluster.local"]
        a minute late: system:serviceaccount:ns:build for ["https://kubernetes.default.svc.cluster.local"]
        too late: refused: service account token has expired
        projected, a day late: system:serviceaccount:ns:build for ["https://kubernetes.default.svc.cluster.local"]
        projected, a year late: refused: service account token has expired
        a minute early: system:serviceaccount:ns:build for ["https://kubernetes.default.svc.cluster.local"]
        too early: refused: service account token is not valid yet
        account gone: refused: serviceaccounts "build" not found
        account made again: refused: service account UID (another) does not match claim (sa-1)
        account going: system:serviceaccount:ns:build for ["https://kubernetes.default.svc.cluster.local"]
        account long going: refused: service account ns/build has been deleted
        pod gone: refused: service account token has been invalidated
        pod made again: refused: pod UID (another) does not match service account pod ref claim (pod-1)
        pod going: system:serviceaccount:ns:build for ["https://kubernetes.default.svc.cluster.local"]
        pod long going: refused: service account token has been invalidated
        pod's node gone: system:serviceaccount:ns:build for ["https://kubernetes.default.svc.cluster.local"]
        secret gone: refused: service account token has been invalidated
        secret made again: refused: secret UID (another) does not match service account secret ref claim (secret-1)
        secret long going: refused: service account token has been invalidated
        node gone: refused: service account token has been invalidated
        node made again: refused: node UID (another) does not match service account node ref claim (node-1)
    "#]].assert_eq(&shown);
}

#[test]
fn audiences_meet() {
    let world = World::new();
    let token = world.token(json!({"audiences": ["vault", "other", super::ISSUER]}));
    let rows = [
        world.ask(&token),
        world.ask_for(&token, &["other", "x", "vault"]),
        world.ask_for(&token, &["x", "y"]),
    ];
    expect![[r#"
        system:serviceaccount:ns:build for ["https://kubernetes.default.svc.cluster.local"]
        system:serviceaccount:ns:build for ["vault", "other"]
        refused: token audiences ["vault" "other" "https://kubernetes.default.svc.cluster.local"] is invalid for the target audiences ["x" "y"]"#]].assert_eq(&rows.join("\n"));
}

#[test]
fn a_secrets_token_is_good_while_the_secret_holds_it() {
    use base64::engine::general_purpose::STANDARD;
    let mut shown = String::new();
    let mut show = |what: &str, change: &dyn Fn(&World, &mut Value)| {
        let world = World::new();
        let object = |value| apimachinery::Object::from_value(value).expect("an object");
        let mut secret = named("ns", "vault", "secret-1");
        let account = object(named("ns", "build", "sa-1"));
        let issued = world.tokens.issue_legacy(&account, &object(secret.clone()));
        let token = issued.expect("signed");
        secret["data"] = json!({"token": STANDARD.encode(&token)});
        change(&world, &mut secret);
        world.shelf.put(TokenObject::Secret, secret);
        shown += &format!("{what}: {}\n", world.ask(&token));
    };
    show("good", &|_, _| {});
    show("ten years later", &|world, _| {
        world.hands.shift_wall(3650.0 * 86_400.0)
    });
    show("another token", &|_, secret| {
        secret["data"]["token"] = "eA==".into()
    });
    show("no data", &|_, secret| secret["data"] = Value::Null);
    show("renamed", &|_, secret| {
        secret["metadata"]["name"] = "x".into()
    });
    show("going", &|_, secret| {
        secret["metadata"]["deletionTimestamp"] = "2027-01-01T12:00:00Z".into();
    });
    show("unused for a year", &|_, secret| {
        let label = json!({"kubernetes.io/legacy-token-invalid-since": "2026-12-31"});
        secret["metadata"]["labels"] = label;
    });
    show("account gone", &|world, _| {
        world
            .shelf
            .remove(TokenObject::ServiceAccount, "ns", "build");
    });
    show("account made again", &|world, _| {
        world
            .shelf
            .put(TokenObject::ServiceAccount, named("ns", "build", "sa-2"));
    });
    expect![[r#"
        good: system:serviceaccount:ns:build for ["https://kubernetes.default.svc.cluster.local"]
        ten years later: system:serviceaccount:ns:build for ["https://kubernetes.default.svc.cluster.local"]
        another token: refused: Token does not match server's copy
        no data: refused: Token does not match server's copy
        renamed: refused: Token does not match server's copy
        going: refused: Token has been invalidated
        unused for a year: refused: the token in secret ns/vault for service account ns/build has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the 'kubernetes.io/legacy-token-invalid-since' label from the secret to temporarily allow use of this token
        account gone: refused: serviceaccounts "build" not found
        account made again: refused: ServiceAccount UID (sa-2) does not match claim (sa-1)
    "#]].assert_eq(&shown);
}
