//! RuntimeClass.

use std::collections::HashSet;

use apimachinery::{FieldErrors, Object, Path};

use crate::at::{At, immutable};
use crate::cells::{AGE, NAME, text};
use crate::column::Column;
use crate::json;
use crate::meta::{dns_label, validate_labels};
use crate::podspec::{canonical_quantities, validate_limits, validate_tolerations};
use crate::row::{COMMON, Resource, Scope};
use crate::strategy::{Cx, Strategy};

pub static RUNTIME_CLASS: Resource = Resource {
    group: "node.k8s.io",
    kind: "RuntimeClass",
    plural: "runtimeclasses",
    singular: "runtimeclass",
    scope: Scope::Cluster,
    prefix: "runtimeclasses",
    create_on_update: true,
    unconditional_update: false,
    columns: COLUMNS,
    strategy: &RuntimeClass,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Handler", "What the node's runtime calls it.", |cell| {
        json::text(cell.object, "handler").into()
    }),
    AGE,
];

struct RuntimeClass;

impl Strategy for RuntimeClass {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        if let Some(overhead) = json::map_mut(object, "overhead") {
            canonical_quantities(overhead, "podFixed");
        }
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        At::root(object, "handler").check(dns_label, &mut errors);
        let overhead = At {
            // Upstream checks it as a container's limits, and names it so.
            path: Path::new("overhead").child("limits"),
            value: At::root(object, "overhead").child("podFixed").value,
        };
        validate_limits(&overhead, &mut errors);
        let scheduling = At::root(object, "scheduling");
        validate_labels(&scheduling.child("nodeSelector"), &mut errors);
        let tolerations = scheduling.child("tolerations");
        validate_tolerations(&tolerations, &mut errors);
        validate_unique(&tolerations, &mut errors);
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = self.validate(cx, new);
        let handler = |object| At::root(object, "handler");
        immutable(&handler(new), &handler(old), &mut errors);
        errors
    }
}

fn validate_unique(tolerations: &At<'_>, errors: &mut FieldErrors) {
    let mut seen = HashSet::new();
    for toleration in tolerations.items() {
        if !seen.insert(toleration.value.as_object().map(json::present)) {
            errors.push(toleration.duplicate());
        }
    }
}
