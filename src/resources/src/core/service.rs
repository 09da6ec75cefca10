//! Service.

mod columns;
mod default;
mod families;
mod prepare;
mod rules;
mod warnings;

use apimachinery::{FieldErrors, Object};

use crate::meta;
use crate::row::{COMMON, FieldSelectable, Hook, Resource, Subresource};
use crate::strategy::{Cx, Strategy};

pub(crate) use rules::validate_outer_ip;

pub(crate) use warnings::non_standard_ip;

pub static SERVICE: Resource = Resource {
    kind: "Service",
    plural: "services",
    singular: "service",
    short_names: &["svc"],
    categories: &["all"],
    prefix: "services/specs",
    subresources: &[Subresource::Status],
    hooks: &[Hook::ClusterIp, Hook::NodePort],
    create_on_update: true,
    columns: columns::COLUMNS,
    field_selectors: &[
        FieldSelectable::text("spec.clusterIP", "/spec/clusterIP"),
        FieldSelectable::text("spec.type", "/spec/type"),
    ],
    returns_deleted: true,
    strategy: &Service,
    ..COMMON
};

struct Service;

impl Strategy for Service {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        default::default_service(object);
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        prepare::prepare_new(object);
    }

    fn prepare_for_update(&self, cx: &Cx<'_>, new: &mut Object, old: &Object) {
        if cx.subresource.is_empty() {
            prepare::prepare_change(new, old);
        }
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        rules::validate_service(object)
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        if cx.subresource == "status" {
            return rules::validate_status(new);
        }
        let mut errors = self.validate(cx, new);
        rules::validate_change(new, old, &mut errors);
        errors
    }

    fn warnings(&self, cx: &Cx<'_>, object: &Object) -> Vec<String> {
        if cx.subresource.is_empty() {
            warnings::warnings(object)
        } else {
            Vec::new()
        }
    }

    fn validate_name(&self, name: &str) -> Result<(), String> {
        meta::dns1035_label(name)
    }
}
