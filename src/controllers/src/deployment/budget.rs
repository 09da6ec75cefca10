//! How far a rolling update may go beyond, and fall short of, the wanted replicas.

use api::{Deployment, IntOrString, ReplicaSet};

/// The replicas a deployment wants; 1 when it does not say, as the server defaults it.
pub(super) fn wanted(deployment: &Deployment) -> i32 {
    let spec = deployment.spec.as_ref();
    spec.and_then(|spec| spec.replicas).unwrap_or(1)
}

/// The replicas a set wants; 1 when it does not say.
pub(super) fn set_replicas(set: &ReplicaSet) -> i32 {
    let spec = set.spec.as_ref();
    spec.and_then(|spec| spec.replicas).unwrap_or(1)
}

pub(super) fn is_rolling(deployment: &Deployment) -> bool {
    let strategy = deployment.spec.as_ref().and_then(|s| s.strategy.as_ref());
    strategy.and_then(|s| s.type_.as_deref()) != Some("Recreate")
}

/// Pods above the wanted ones; 0 unless rolling (`MaxSurge`).
pub(super) fn max_surge(deployment: &Deployment) -> i32 {
    fenceposts(deployment).0
}

/// Pods of the wanted ones that may be missing; 0 unless rolling (`MaxUnavailable`).
pub(super) fn max_unavailable(deployment: &Deployment) -> i32 {
    let wanted = wanted(deployment);
    if wanted == 0 {
        return 0;
    }
    fenceposts(deployment).1.min(wanted)
}

/// Percentages of the wanted replicas: surge rounded up, unavailability down. Both 0 would stop
/// every update, so then one pod may be missing (`ResolveFenceposts`).
fn fenceposts(deployment: &Deployment) -> (i32, i32) {
    if !is_rolling(deployment) {
        return (0, 0);
    }
    let strategy = deployment.spec.as_ref().and_then(|s| s.strategy.as_ref());
    let rolling = strategy.and_then(|s| s.rolling_update.as_ref());
    let wanted = wanted(deployment);
    let surge = scaled(rolling.and_then(|r| r.max_surge.as_ref()), wanted, true);
    let missing = rolling.and_then(|r| r.max_unavailable.as_ref());
    let missing = scaled(missing, wanted, false);
    if (surge, missing) == (0, 0) {
        return (0, 1);
    }
    (surge, missing)
}

/// What is absent or no percentage counts as 0; the server's default and validation see to it.
fn scaled(value: Option<&IntOrString>, total: i32, round_up: bool) -> i32 {
    let value = match value {
        None => return 0,
        Some(IntOrString::Int(number)) => apimachinery::IntOrString::Int(*number),
        Some(IntOrString::String(text)) => apimachinery::IntOrString::String(text.clone()),
    };
    value.scaled(total, round_up).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::Kind;
    use serde_json::{Value, json};

    #[test]
    fn rounds_surge_up_and_unavailability_down() {
        let rows = [
            (10, json!("25%"), json!("25%"), (3, 2)),
            (3, json!("25%"), json!("25%"), (1, 0)),
            (1, json!("25%"), json!("25%"), (1, 0)),
            (4, json!(0), json!(0), (0, 1)),
            (4, json!(0), json!("10%"), (0, 1)),
            (4, json!(2), json!(9), (2, 4)),
            (0, json!("25%"), json!("25%"), (0, 0)),
            (4, Value::Null, Value::Null, (0, 1)),
        ];
        for (replicas, surge, missing, expected) in rows {
            let deployment = json!({"spec": {"replicas": replicas, "selector": {}, "template": {},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {
                    "maxSurge": surge, "maxUnavailable": missing}}}});
            let d = Deployment::decode(deployment.to_string().as_bytes()).expect("a deployment");
            let found = (max_surge(&d), max_unavailable(&d));
            assert_eq!(found, expected, "{deployment}");
        }
        let recreate =
            r#"{"spec":{"replicas":3,"selector":{},"template":{},"strategy":{"type":"Recreate"}}}"#;
        let d = Deployment::decode(recreate.as_bytes()).expect("a deployment");
        assert_eq!((max_surge(&d), max_unavailable(&d)), (0, 0));
    }
}
