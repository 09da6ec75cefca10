//! Service.

mod columns;
mod default;

use apimachinery::Object;
use serde_json::json;

use crate::meta;
use crate::row::{COMMON, FieldSelectable, Hook, Resource, Subresource};
use crate::strategy::{Cx, Strategy};

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
    strategy: &Service,
    ..COMMON
};

struct Service;

impl Strategy for Service {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        default::default_service(object);
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({"loadBalancer": {}}));
    }

    fn validate_name(&self, name: &str) -> Result<(), String> {
        meta::dns1035_label(name)
    }
}
