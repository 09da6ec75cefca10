//! What tokens' use leaves behind, and whom tokens are for where the API server has two names.

use apimachinery::Object;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use expect_test::expect;
use futures::FutureExt;
use serde_json::{Value, json};

use super::{ISSUER, World, bound, named};
use crate::authenticate::{Authenticator, Credentials};
use crate::token::{TokenObject, TokenObjects};

const DAY: f64 = 86_400.0;
const LAST_USED: &str = "kubernetes.io/legacy-token-last-used";

impl World {
    /// The token of the Secret `ns/vault` as the cluster has it after `change`.
    fn legacy(&self, change: impl Fn(&mut Value)) -> String {
        let object = |value| Object::from_value(value).expect("an object");
        let account = object(named("ns", "build", "sa-1"));
        let mut secret = named("ns", "vault", "secret-1");
        let issued = self.tokens.issue_legacy(&account, &object(secret.clone()));
        let token = issued.expect("signed");
        secret["data"] = json!({"token": STANDARD.encode(&token)});
        change(&mut secret);
        self.shelf.put(TokenObject::Secret, secret);
        token
    }

    /// The Secret's label, and how often Secrets were written.
    fn noted(&self) -> (String, String) {
        let found = self.shelf.get(TokenObject::Secret, "ns", "vault");
        let secret = found.now_or_never().expect("at once").expect("readable");
        let secret = secret.expect("there");
        let day = secret.label(LAST_USED).unwrap_or_default().to_owned();
        (day, secret.resource_version().to_owned())
    }

    /// The counts that are not zero.
    fn counted(&self) -> String {
        let text = base::metrics::encode(&self.registry);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let lines = lines.filter(|line| !line.ends_with(" 0"));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn warning(&self, token: &str) -> Option<&'static str> {
        let credentials = Credentials {
            bearer: Some(token),
            ..Credentials::default()
        };
        let known = self.tokens.authenticate(credentials).now_or_never();
        known
            .expect("at once")
            .expect("good")
            .expect("ours")
            .warning
    }
}

#[test]
fn the_day_of_the_last_use_is_noted_once_a_day() {
    let world = World::new();
    let token = world.legacy(|_| {});
    assert_eq!(world.noted(), (String::new(), String::new()));
    let noted = |day: &str, writes: &str| (day.to_owned(), writes.to_owned());
    for _ in 0..3 {
        world.ask(&token);
        assert_eq!(world.noted(), noted("2027-01-01", "1"));
    }
    world.hands.shift_wall(DAY);
    world.ask(&token);
    assert_eq!(world.noted(), noted("2027-01-02", "2"));
    // Another server, whose clock is ahead by hours, has noted the day that begins there.
    world.hands.shift_wall(-DAY);
    world.ask(&token);
    assert_eq!(world.noted(), noted("2027-01-02", "2"));
    // A token that is refused was not used.
    world.hands.shift_wall(30.0 * DAY);
    world.ask(&(token + "x"));
    assert_eq!(world.noted(), noted("2027-01-02", "2"));
}

#[test]
fn a_marked_secrets_token_is_refused_and_its_use_noted() {
    let world = World::new();
    let label = json!({"kubernetes.io/legacy-token-invalid-since": "2026-12-31"});
    let token = world.legacy(|secret| secret["metadata"]["labels"] = label.clone());
    assert!(world.ask(&token).contains("has been marked invalid"));
    assert_eq!(world.noted(), ("2027-01-01".to_owned(), "1".to_owned()));
    expect![[r#"
        serviceaccount_invalid_legacy_auto_token_uses_total 1
        serviceaccount_legacy_tokens_total 1"#]]
    .assert_eq(&world.counted());
}

#[test]
fn uses_are_counted_by_their_sort_and_listed_secrets_warned_of() {
    let world = World::new();
    let token = world.legacy(|_| {});
    assert_eq!(world.warning(&token), None);
    let mut account = named("ns", "build", "sa-1");
    account["secrets"] = json!([{"name": "other"}, {"name": "vault"}]);
    world.shelf.put(TokenObject::ServiceAccount, account);
    let expected = "Use tokens from the TokenRequest API or manually created secret-based tokens \
                    instead of auto-generated secret-based tokens.";
    for _ in 0..2 {
        assert_eq!(world.warning(&token), Some(expected));
    }
    let pod = bound("Pod", "web")["boundObjectRef"].clone();
    let plain = world.token(json!({"boundObjectRef": pod}));
    let prolonged = world.token(json!({"expirationSeconds": 3607, "boundObjectRef": pod}));
    for token in [&plain, &prolonged, &prolonged] {
        assert_eq!(world.warning(token), None);
    }
    world.hands.shift_wall(3608.0);
    assert_eq!(world.warning(&prolonged), None);
    expect![[r#"
        serviceaccount_legacy_auto_token_uses_total 2
        serviceaccount_legacy_manual_token_uses_total 1
        serviceaccount_legacy_tokens_total 3
        serviceaccount_stale_tokens_total 1
        serviceaccount_valid_tokens_total 2"#]]
    .assert_eq(&world.counted());
}

#[test]
fn of_several_audiences_each_is_the_api_servers() {
    let mut world = World::new();
    let tokens = std::mem::replace(&mut world.tokens, World::new().tokens);
    let further = ["k3s".to_owned(), ISSUER.to_owned()];
    world.tokens = tokens.with_audiences(further);
    assert_eq!(world.tokens.audiences(), [ISSUER, "k3s"]);
    let pod = bound("Pod", "web")["boundObjectRef"].clone();
    let mut shown = String::new();
    for asked in [&[][..], &["k3s"], &["vault", "k3s"], &["vault"]] {
        let spec = json!({
            "audiences": asked, "expirationSeconds": 3607, "boundObjectRef": pod,
        });
        let issued = world.issue(spec).expect("issued");
        let audiences = issued.at("/spec/audiences").expect("defaulted");
        let token = issued.at("/status/token").and_then(Value::as_str);
        let token = token.expect("a token");
        shown += &format!("{asked:?} is given {audiences}\n");
        for wanted in [&[][..], &["k3s"], &[ISSUER], &["vault"]] {
            shown += &format!("  to {wanted:?}: {}\n", world.ask_for(token, wanted));
        }
    }
    shown += &format!("legacy: {}", world.ask(&world.legacy(|_| {})));
    expect![[r#"
        [] is given ["https://kubernetes.default.svc.cluster.local","k3s"]
          to []: system:serviceaccount:ns:build for ["https://kubernetes.default.svc.cluster.local", "k3s"]
          to ["k3s"]: system:serviceaccount:ns:build for ["k3s"]
          to ["https://kubernetes.default.svc.cluster.local"]: system:serviceaccount:ns:build for ["https://kubernetes.default.svc.cluster.local"]
          to ["vault"]: refused: token audiences ["https://kubernetes.default.svc.cluster.local" "k3s"] is invalid for the target audiences ["vault"]
        ["k3s"] is given ["k3s"]
          to []: system:serviceaccount:ns:build for ["k3s"]
          to ["k3s"]: system:serviceaccount:ns:build for ["k3s"]
          to ["https://kubernetes.default.svc.cluster.local"]: refused: token audiences ["k3s"] is invalid for the target audiences ["https://kubernetes.default.svc.cluster.local"]
          to ["vault"]: refused: token audiences ["k3s"] is invalid for the target audiences ["vault"]
        ["vault", "k3s"] is given ["vault","k3s"]
          to []: system:serviceaccount:ns:build for ["k3s"]
          to ["k3s"]: system:serviceaccount:ns:build for ["k3s"]
          to ["https://kubernetes.default.svc.cluster.local"]: refused: token audiences ["vault" "k3s"] is invalid for the target audiences ["https://kubernetes.default.svc.cluster.local"]
          to ["vault"]: system:serviceaccount:ns:build for ["vault"]
        ["vault"] is given ["vault"]
          to []: refused: token audiences ["vault"] is invalid for the target audiences ["https://kubernetes.default.svc.cluster.local" "k3s"]
          to ["k3s"]: refused: token audiences ["vault"] is invalid for the target audiences ["k3s"]
          to ["https://kubernetes.default.svc.cluster.local"]: refused: token audiences ["vault"] is invalid for the target audiences ["https://kubernetes.default.svc.cluster.local"]
          to ["vault"]: system:serviceaccount:ns:build for ["vault"]
        legacy: system:serviceaccount:ns:build for ["https://kubernetes.default.svc.cluster.local", "k3s"]"#]].assert_eq(&shown);
}
