//! Binding: where a pod shall run.

use apimachinery::{FieldErrors, Object};

use crate::at::At;
use crate::cells::{CREATED_AT, NAME};
use crate::row::{Answer, COMMON, Resource, Verb};
use crate::strategy::{Cx, Strategy};

pub static BINDING: Resource = Resource {
    kind: "Binding",
    plural: "bindings",
    singular: "binding",
    verbs: &[Verb::Create],
    answer: Some(Answer::Binding),
    columns: &[NAME, CREATED_AT],
    strategy: &Binding,
    ..COMMON
};

struct Binding;

impl Strategy for Binding {
    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let target = At::root(object, "target");
        let (kind, name) = (target.child("kind"), target.child("name"));
        if !matches!(kind.text(), "" | "Node") {
            kind.one_of(&["Node", "<empty>"], &mut errors);
        }
        if name.text().is_empty() {
            errors.push(name.required(""));
        }
        errors
    }
}
