//! What an aggregating role should hold.

use api::Kind;
use api::rbac::{ClusterRole, PolicyRule};
use apimachinery::{LabelSelector, SelectorError};
use serde_json::json;

/// The role with the rules of all others that it selects, in the order of their names and each
/// rule once; `None` when it has them already, or does not aggregate.
///
/// # Errors
/// When a selector cannot be read: the role keeps what it has.
pub(super) fn aggregated(
    role: &ClusterRole,
    mut others: Vec<ClusterRole>,
) -> Result<Option<ClusterRole>, SelectorError> {
    let Some(aggregation) = &role.aggregation_rule else {
        return Ok(None);
    };
    others.retain(|other| other.name() != role.name());
    others.sort_by(|one, other| one.name().cmp(other.name()));
    let mut rules: Vec<PolicyRule> = Vec::new();
    for selector in aggregation.cluster_role_selectors.iter().flatten() {
        let selector = LabelSelector::from_value(Some(&json!(selector)))?;
        let labelled = |other: &&ClusterRole| {
            let labels = other.metadata.labels.as_ref();
            selector.matches(|key| labels?.get(key).map(String::as_str))
        };
        for rule in others
            .iter()
            .filter(labelled)
            .flat_map(|other| other.rules.iter().flatten())
        {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
    }
    if role.rules.as_deref().unwrap_or_default() == rules {
        return Ok(None);
    }
    Ok(Some(ClusterRole {
        rules: Some(rules),
        ..role.clone()
    }))
}
