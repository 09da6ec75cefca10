//! PriorityClass.

use apimachinery::{FieldErrors, Object};

use crate::at::{At, immutable};
use crate::cells::{AGE, NAME, boolean, integer, text};
use crate::column::Column;
use crate::json::{self, Fill, fill};
use crate::row::{COMMON, Resource, Scope};
use crate::strategy::{Cx, Strategy};

pub static PRIORITY_CLASS: Resource = Resource {
    group: "scheduling.k8s.io",
    kind: "PriorityClass",
    plural: "priorityclasses",
    singular: "priorityclass",
    short_names: &["pc"],
    scope: Scope::Cluster,
    prefix: "priorityclasses",
    generation: true,
    columns: COLUMNS,
    strategy: &PriorityClass,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    integer("Value", "The priority of its pods.", |cell| {
        json::int(cell.object, "value").unwrap_or(0).into()
    }),
    boolean("Global-Default", "For pods that name no class.", |cell| {
        json::flag(cell.object, "globalDefault").into()
    }),
    AGE,
    text(
        "PreemptionPolicy",
        "Whether its pods push out others.",
        |cell| json::text(cell.object, "preemptionPolicy").into(),
    ),
];

/// Only classes of the system have more.
const HIGHEST: i64 = 1_000_000_000;
const SYSTEM: [(&str, i64); 2] = [
    ("system-cluster-critical", 2 * HIGHEST),
    ("system-node-critical", 2 * HIGHEST + 1000),
];

struct PriorityClass;

impl Strategy for PriorityClass {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let policy = Fill::TextIfAbsent("PreemptLowerPriority");
        fill(object, &[("preemptionPolicy", policy)]);
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let value = At::root(object, "value");
        if object.name().starts_with("system-") {
            if let Err(why) = check_system(object) {
                let name = At::root(object, "metadata").child("name");
                errors.push(name.forbidden(&format!(
                    "priority class names with 'system-' prefix are reserved for system use only. error: {why}"
                )));
            }
        } else if value.int().is_some_and(|value| value > HIGHEST) {
            errors.push(value.forbidden(&format!(
                "maximum allowed value of a user defined priority is {HIGHEST}"
            )));
        }
        let policy = At::root(object, "preemptionPolicy");
        if policy.value.as_str() == Some("") {
            errors.push(policy.required(""));
        } else if policy.is_present() {
            policy.one_of(&["PreemptLowerPriority", "Never"], &mut errors);
        }
        errors
    }

    /// What pods were given once stays true.
    fn validate_update(&self, _cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let number = |object| At::root(object, "value").int().unwrap_or(0);
        if number(new) != number(old) {
            let detail = "may not be changed in an update.";
            errors.push(At::root(new, "value").forbidden(detail));
        }
        let policy = |object| At::root(object, "preemptionPolicy");
        immutable(&policy(new), &policy(old), &mut errors);
        errors
    }

    /// Nothing that can change counts.
    fn starts_generation(&self, _new: &Object, _old: &Object) -> bool {
        false
    }
}

/// Whether a class is one of the system's, as it must be.
fn check_system(class: &Object) -> Result<(), String> {
    let name = class.name();
    let known = SYSTEM.iter().find(|(known, _)| *known == name);
    let Some((_, value)) = known else {
        return Err(format!("{name} is not a known system priority class"));
    };
    if json::int(class, "value") != Some(*value) {
        return Err(format!("value of {name} PriorityClass must be {value}"));
    }
    if json::flag(class, "globalDefault") {
        return Err(format!(
            "globalDefault of {name} PriorityClass must be false"
        ));
    }
    Ok(())
}
