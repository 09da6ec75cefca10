//! CustomResourceDefinition.

mod rules;

use apimachinery::{FieldErrors, Object};
use serde_json::{Value, json};

use crate::cells::{CREATED_AT, NAME, spec, status};
use crate::json::{self, Fill, fill};
use crate::row::{COMMON, Resource, Scope, Subresource};
use crate::strategy::{Cx, Strategy};

pub static CUSTOM_RESOURCE_DEFINITION: Resource = Resource {
    group: "apiextensions.k8s.io",
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
    singular: "customresourcedefinition",
    short_names: &["crd", "crds"],
    categories: &["api-extensions"],
    scope: Scope::Cluster,
    prefix: "apiextensions.k8s.io/customresourcedefinitions",
    subresources: &[Subresource::Status],
    generation: true,
    unconditional_update: false,
    not_yet: Some("no custom resources"),
    columns: &[NAME, CREATED_AT],
    strategy: &Definition,
    ..COMMON
};

struct Definition;

impl Strategy for Definition {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = object.map_mut("spec");
        if let Some(names) = json::map_mut(spec, "names") {
            let kind = json::text(names, "kind").to_owned();
            for (field, text) in [
                ("singular", kind.to_lowercase()),
                ("listKind", format!("{kind}List")),
            ] {
                if json::text(names, field).is_empty() && !kind.is_empty() {
                    names.insert(field.into(), text.into());
                }
            }
        }
        fill(spec, &[("conversion", Fill::Empty)]);
        if let Some(conversion) = json::map_mut(spec, "conversion") {
            fill(conversion, &[("strategy", Fill::Text("None"))]);
            json::each_mut(
                conversion,
                &["webhook", "clientConfig", "service"],
                &mut |service| fill(service, &[("port", Fill::Number(443))]),
            );
        }
        default_stored_versions(object);
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({}));
        default_stored_versions(object);
    }

    /// A version that becomes the stored one stays among those that may be stored.
    fn prepare_for_update(&self, cx: &Cx<'_>, new: &mut Object, _old: &Object) {
        if !cx.subresource.is_empty() {
            return;
        }
        let Some(storage) = storage_version(new) else {
            return;
        };
        let stored = new
            .map_mut("status")
            .entry("storedVersions")
            .or_insert_with(|| json!([]));
        if let Value::Array(stored) = stored
            && !stored.contains(&storage.as_str().into())
        {
            stored.push(storage.into());
        }
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        rules::validate_definition(object)
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        match cx.subresource {
            "status" => rules::validate_status(new),
            _ => rules::validate_change(new, old),
        }
    }
}

fn storage_version(definition: &Object) -> Option<String> {
    json::maps(spec(definition), "versions")
        .find(|version| json::flag(version, "storage"))
        .map(|version| json::text(version, "name").to_owned())
}

fn default_stored_versions(definition: &mut Object) {
    if json::list(status(definition), "storedVersions").is_empty()
        && let Some(storage) = storage_version(definition)
    {
        let status = definition.map_mut("status");
        status.insert("storedVersions".into(), json!([storage]));
    }
}
