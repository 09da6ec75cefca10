//! Taints and what tolerates them.

use crate::core::{Taint, Toleration};

/// Whether a toleration tolerates a taint (`Toleration.ToleratesTaint`): an empty effect or key
/// stands for all. `Lt` and `Gt` belong to an alpha gate and tolerate nothing.
#[must_use]
pub fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let wanted = |field: &Option<String>, found: &str| {
        field
            .as_deref()
            .is_none_or(|wanted| wanted.is_empty() || wanted == found)
    };
    if !wanted(&toleration.effect, &taint.effect) || !wanted(&toleration.key, &taint.key) {
        return false;
    }
    match toleration.operator.as_deref().unwrap_or_default() {
        "" | "Equal" => {
            toleration.value.as_deref().unwrap_or_default()
                == taint.value.as_deref().unwrap_or_default()
        }
        "Exists" => true,
        _ => false,
    }
}

/// The first taint of one of the effects that nothing in the list tolerates.
#[must_use]
pub fn untolerated<'a>(
    taints: &'a [Taint],
    tolerations: &[Toleration],
    effects: &[&str],
) -> Option<&'a Taint> {
    let mut taints = taints
        .iter()
        .filter(|t| effects.contains(&t.effect.as_str()));
    taints.find(|taint| !tolerations.iter().any(|t| tolerates(t, taint)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toleration(key: &str, operator: &str, value: &str, effect: &str) -> Toleration {
        Toleration {
            key: Some(key.to_owned()),
            operator: Some(operator.to_owned()),
            value: Some(value.to_owned()),
            effect: Some(effect.to_owned()),
            toleration_seconds: None,
        }
    }

    #[test]
    fn tolerates_as_upstream() {
        let taint = Taint {
            key: "k".to_owned(),
            value: Some("v".to_owned()),
            effect: "NoSchedule".to_owned(),
            time_added: None,
        };
        let rows = [
            (toleration("k", "Equal", "v", "NoSchedule"), true),
            (toleration("k", "", "v", ""), true),
            (toleration("k", "Equal", "w", "NoSchedule"), false),
            (toleration("k", "Exists", "", "NoExecute"), false),
            (toleration("k", "Exists", "", ""), true),
            (toleration("", "Exists", "", ""), true),
            (toleration("l", "Exists", "", ""), false),
            (toleration("k", "Gt", "1", ""), false),
        ];
        for (toleration, expected) in rows {
            assert_eq!(tolerates(&toleration, &taint), expected, "{toleration:?}");
        }
        let taints = [taint];
        assert!(untolerated(&taints, &[], &["NoSchedule"]).is_some());
        assert!(untolerated(&taints, &[], &["NoExecute"]).is_none());
    }
}
