//! ResourceClaim and ResourceClaimTemplate.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors, Object};
use serde_json::json;

use super::requests::{default_claim, validate_claim};
use super::{GROUP, NOT_YET};
use crate::at::{At, immutable};
use crate::cells::{AGE, NAME, status, text};
use crate::column::Column;
use crate::json;
use crate::row::{COMMON, Resource, Subresource};
use crate::strategy::{Cx, Strategy};

pub static RESOURCE_CLAIM: Resource = Resource {
    group: GROUP,
    kind: "ResourceClaim",
    plural: "resourceclaims",
    singular: "resourceclaim",
    prefix: "resourceclaims",
    subresources: &[Subresource::Status],
    returns_deleted: true,
    not_yet: NOT_YET,
    columns: &[NAME, STATE, AGE],
    strategy: &Claim,
    ..COMMON
};

pub static RESOURCE_CLAIM_TEMPLATE: Resource = Resource {
    group: GROUP,
    kind: "ResourceClaimTemplate",
    plural: "resourceclaimtemplates",
    singular: "resourceclaimtemplate",
    prefix: "resourceclaimtemplates",
    returns_deleted: true,
    not_yet: NOT_YET,
    strategy: &Template,
    ..COMMON
};

const STATE: Column = text("State", "How far it is.", |cell| {
    let mut states = Vec::new();
    if cell.object.deletion_timestamp().is_some() {
        states.push("deleted");
    }
    if json::map(status(cell.object), "allocation").is_some() {
        states.push("allocated");
        if !json::list(status(cell.object), "reservedFor").is_empty() {
            states.push("reserved");
        }
    } else if states.is_empty() {
        states.push("pending");
    }
    states.join(",").into()
});

const MOST_USERS: usize = 256;

struct Claim;

impl Strategy for Claim {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        default_claim(object.map_mut("spec"));
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({}));
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        validate_claim(&At::root(object, "spec"), &mut errors);
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        if cx.subresource == "status" {
            validate_status(new, old, &mut errors);
        } else {
            immutable(&At::root(new, "spec"), &At::root(old, "spec"), &mut errors);
        }
        errors
    }
}

fn validate_status(new: &Object, old: &Object, errors: &mut FieldErrors) {
    let (status, before) = (At::root(new, "status"), At::root(old, "status"));
    let users = status.child("reservedFor");
    let count = users.items().count();
    if count > MOST_USERS {
        errors.push(FieldError::too_many(&users.path, count, MOST_USERS));
    }
    let mut seen = BTreeSet::new();
    for user in users.items() {
        let uid = user.child("uid");
        if !seen.insert(uid.text()) {
            errors.push(uid.duplicate());
        }
    }
    let (allocation, had) = (status.child("allocation"), before.child("allocation"));
    if count > 0 && !allocation.is_present() {
        errors.push(users.forbidden("may not be specified when `allocated` is not set"));
    }
    let held = before.child("reservedFor");
    let held: BTreeSet<&str> = held.items().map(|user| user.child("uid").text()).collect();
    if new.deletion_timestamp().is_some() && !seen.is_subset(&held) {
        errors.push(users.forbidden("new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"));
    }
    if had.is_present() && allocation.is_present() {
        immutable(&allocation, &had, errors);
    }
}

struct Template;

impl Strategy for Template {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        if let Some(spec) = json::map_mut(object.map_mut("spec"), "spec") {
            default_claim(spec);
        }
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        validate_claim(&At::root(object, "spec").child("spec"), &mut errors);
        errors
    }

    fn validate_update(&self, _cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        immutable(&At::root(new, "spec"), &At::root(old, "spec"), &mut errors);
        errors
    }
}
