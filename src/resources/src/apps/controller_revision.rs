//! ControllerRevision: an earlier state of a workload.

use apimachinery::{FieldErrors, GroupVersion, Object};

use crate::at::{At, immutable, not_negative};
use crate::cells::{AGE, NAME, NONE, text};
use crate::column::Column;
use crate::json;
use crate::row::{COMMON, Resource};
use crate::strategy::{Cx, Strategy};

pub static CONTROLLER_REVISION: Resource = Resource {
    group: "apps",
    kind: "ControllerRevision",
    plural: "controllerrevisions",
    singular: "controllerrevision",
    prefix: "controllerrevisions",
    columns: COLUMNS,
    strategy: &ControllerRevision,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Controller", "The workload it is a state of.", |cell| {
        controller(cell.object).into()
    }),
    text("Revision", "Which state it is.", |cell| {
        json::int(cell.object, "revision").unwrap_or(0).into()
    }),
    AGE,
];

/// As `daemonset.apps/web`.
fn controller(revision: &Object) -> String {
    let Some(owner) = revision.controller() else {
        return NONE.to_owned();
    };
    let kind = owner.kind.to_lowercase();
    match GroupVersion::parse(&owner.api_version) {
        Some(version) if !version.group.is_empty() => {
            format!("{kind}.{}/{}", version.group.to_lowercase(), owner.name)
        }
        _ => format!("{kind}/{}", owner.name),
    }
}

struct ControllerRevision;

impl Strategy for ControllerRevision {
    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let data = At::root(object, "data");
        if !data.is_present() {
            errors.push(data.required("data is mandatory"));
        } else if !data.value.is_object() {
            errors.push(data.invalid("data must be a valid JSON object"));
        }
        not_negative(&At::root(object, "revision"), &mut errors);
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = self.validate(cx, new);
        let data = |object| At::root(object, "data");
        immutable(&data(new), &data(old), &mut errors);
        errors
    }
}
