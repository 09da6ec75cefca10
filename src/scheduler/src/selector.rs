//! Label selectors, compiled once and matched often.

use std::collections::BTreeMap;

use api::meta;
use apimachinery::{LabelSelector, Operator, Requirement};

/// Of an object, by key.
pub type Labels = BTreeMap<String, String>;

/// What an absent selector, or one with an operator that validation refuses, selects: nothing.
#[must_use]
pub fn compile(selector: Option<&meta::LabelSelector>) -> LabelSelector {
    let compiled = selector.and_then(|selector| {
        let mut compiled = LabelSelector::everything();
        let labels = selector.match_labels.iter().flatten();
        compiled.requirements.extend(labels.map(equals));
        for expression in selector.match_expressions.iter().flatten() {
            compiled.requirements.push(requirement(expression)?);
        }
        Some(compiled)
    });
    compiled.unwrap_or_else(LabelSelector::nothing)
}

#[must_use]
pub fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    selector.matches(|key| labels.get(key).map(String::as_str))
}

fn equals((key, value): (&String, &String)) -> Requirement {
    Requirement {
        key: key.clone(),
        operator: Operator::In,
        values: vec![value.clone()],
    }
}

fn requirement(from: &meta::LabelSelectorRequirement) -> Option<Requirement> {
    let operator = match from.operator.as_str() {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        _ => return None,
    };
    Some(Requirement {
        key: from.key.clone(),
        operator,
        values: from.values.clone().unwrap_or_default(),
    })
}
