//! Rules of `metav1.LabelSelector`.

use apimachinery::FieldErrors;

use super::{formats, validate_labels};
use crate::at::At;

pub(crate) fn validate_label_selector(selector: &At<'_>, errors: &mut FieldErrors) {
    validate_labels(&selector.child("matchLabels"), errors);
    for expression in selector.child("matchExpressions").items() {
        let values = expression.child("values");
        match expression.child("operator").text() {
            "In" | "NotIn" if values.is_zero() => {
                errors.push(values.required("must be specified when `operator` is 'In' or 'NotIn'"))
            }
            "Exists" | "DoesNotExist" if !values.is_zero() => {
                errors.push(values.forbidden(
                    "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                ))
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => {
                let operator = expression.child("operator");
                errors.push(operator.invalid("not a valid selector operator"));
            }
        }
        expression
            .child("key")
            .check(formats::qualified_name, errors);
        for value in values.items() {
            value.check(formats::label_value, errors);
        }
    }
}
