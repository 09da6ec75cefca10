//! CSIDriver.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors, Object};
use serde_json::Value;

use super::{GROUP, NO_VOLUMES};
use crate::at::{At, immutable};
use crate::cells::{AGE, NAME, NONE, boolean, spec, text};
use crate::column::{Cell, Column};
use crate::json::{self, Fill, fill};
use crate::row::{COMMON, Resource, Scope};
use crate::strategy::{Cx, Strategy};

pub static CSI_DRIVER: Resource = Resource {
    group: GROUP,
    kind: "CSIDriver",
    plural: "csidrivers",
    singular: "csidriver",
    scope: Scope::Cluster,
    prefix: "csidrivers",
    unconditional_update: false,
    returns_deleted: true,
    not_yet: NO_VOLUMES,
    columns: COLUMNS,
    strategy: &CsiDriver,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    boolean(
        "AttachRequired",
        "Whether volumes are attached first.",
        |cell| flag(cell, "attachRequired", true),
    ),
    boolean("PodInfoOnMount", "Whether it is told about pods.", |cell| {
        flag(cell, "podInfoOnMount", false)
    }),
    boolean("StorageCapacity", "Whether it says what fits.", |cell| {
        flag(cell, "storageCapacity", false)
    }),
    text("TokenRequests", "For whom it gets tokens.", |cell| {
        let requests: Vec<&str> = json::maps(spec(cell.object), "tokenRequests")
            .map(|request| json::text(request, "audience"))
            .collect();
        if requests.is_empty() {
            "<unset>".into()
        } else {
            requests.join(",").into()
        }
    }),
    boolean(
        "RequiresRepublish",
        "Whether it mounts again and again.",
        |cell| flag(cell, "requiresRepublish", false),
    ),
    text("Modes", "How long its volumes live.", |cell| {
        let modes: Vec<&str> = json::texts(spec(cell.object), "volumeLifecycleModes").collect();
        if modes.is_empty() {
            NONE.into()
        } else {
            modes.join(",").into()
        }
    }),
    AGE,
];

fn flag(cell: &Cell<'_>, field: &str, absent: bool) -> Value {
    let value = spec(cell.object).get(field).and_then(Value::as_bool);
    value.unwrap_or(absent).into()
}

const SPEC: &[(&str, Fill)] = &[
    ("attachRequired", Fill::Flag(true)),
    ("podInfoOnMount", Fill::Flag(false)),
    ("storageCapacity", Fill::Flag(false)),
    (
        "fsGroupPolicy",
        Fill::TextIfAbsent("ReadWriteOnceWithFSType"),
    ),
    ("requiresRepublish", Fill::Flag(false)),
    ("seLinuxMount", Fill::Flag(false)),
];
const TOKEN_SECONDS: i64 = 600;
const NODE_SECONDS: i64 = 10;

struct CsiDriver;

impl Strategy for CsiDriver {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = object.map_mut("spec");
        fill(spec, SPEC);
        if json::list(spec, "volumeLifecycleModes").is_empty() {
            spec.insert("volumeLifecycleModes".into(), vec!["Persistent"].into());
        }
    }

    /// Counted from the first change on: a new driver has no generation.
    fn prepare_for_update(&self, _cx: &Cx<'_>, new: &mut Object, old: &Object) {
        if !json::same(new.get("spec"), old.get("spec")) {
            let generation = old.generation() + 1;
            new.metadata_mut()
                .insert("generation".into(), generation.into());
        }
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let spec = At::root(object, "spec");
        for (field, called) in [
            ("attachRequired", "attachedRequired"),
            ("podInfoOnMount", "podInfoOnMount"),
            ("storageCapacity", "storageCapacity"),
            ("seLinuxMount", "seLinuxMount"),
        ] {
            if !spec.child(field).is_present() {
                errors.push(FieldError::required(&spec.path.child(called), ""));
            }
        }
        let policy = spec.child("fsGroupPolicy");
        policy.one_of(&["File", "None", "ReadWriteOnceWithFSType"], &mut errors);
        validate_tokens(&spec, &mut errors);
        for mode in spec.child("volumeLifecycleModes").items() {
            mode.one_of(&["Ephemeral", "Persistent"], &mut errors);
        }
        let period = spec.child("nodeAllocatableUpdatePeriodSeconds");
        if period.int().is_some_and(|seconds| seconds < NODE_SECONDS) {
            errors.push(period.invalid("must be greater than or equal to 10 seconds"));
        }
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = self.validate(cx, new);
        let (spec, before) = (At::root(new, "spec"), At::root(old, "spec"));
        let renamed = |spec: &At<'_>| spec.child("attachRequired").value.clone();
        if renamed(&spec) != renamed(&before) {
            let path = spec.path.child("attachedRequired");
            errors.push(FieldError::invalid(
                &path,
                renamed(&spec),
                "field is immutable",
            ));
        }
        let modes = "volumeLifecycleModes";
        immutable(&spec.child(modes), &before.child(modes), &mut errors);
        errors
    }
}

fn validate_tokens(spec: &At<'_>, errors: &mut FieldErrors) {
    let requests = spec.child("tokenRequests");
    let mut audiences = BTreeSet::new();
    for request in requests.items() {
        let (audience, seconds) = (
            request.child("audience"),
            request.child("expirationSeconds"),
        );
        if !audiences.insert(audience.text()) {
            errors.push(FieldError::duplicate(&audience.path, audience.text()));
        }
        if seconds.int().is_some_and(|seconds| seconds < TOKEN_SECONDS) {
            errors.push(seconds.invalid("may not specify a duration less than 10 minutes"));
        }
        if seconds.int().is_some_and(|seconds| seconds > 1 << 32) {
            errors.push(seconds.invalid("may not specify a duration larger than 2^32 seconds"));
        }
    }
    let in_secrets = spec.child("serviceAccountTokenInSecrets");
    if in_secrets.is_present() && requests.is_zero() {
        errors.push(in_secrets.invalid("must not be specified when tokenRequests is empty"));
    }
}
