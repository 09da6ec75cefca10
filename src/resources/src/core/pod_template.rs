//! PodTemplate.

use apimachinery::{FieldErrors, Object};
use serde_json::Value;

use crate::at::At;
use crate::cells::{NAME, containers, labels, text};
use crate::column::Column;
use crate::json;
use crate::podspec::{default_template, pod_warnings, validate_pod_template};
use crate::row::{COMMON, Resource};
use crate::strategy::{Cx, Strategy};

pub static POD_TEMPLATE: Resource = Resource {
    kind: "PodTemplate",
    plural: "podtemplates",
    singular: "podtemplate",
    prefix: "podtemplates",
    generation: true,
    returns_deleted: true,
    columns: COLUMNS,
    strategy: &PodTemplate,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Containers", "Names of the containers.", |cell| {
        containers(cell.object, "/template/spec", "name")
    }),
    text("Images", "Images of the containers.", |cell| {
        containers(cell.object, "/template/spec", "image")
    }),
    text("Pod Labels", "Labels of the pods.", |cell| {
        let found = cell.object.at("/template/metadata/labels");
        labels(found.and_then(Value::as_object)).into()
    }),
];

struct PodTemplate;

impl Strategy for PodTemplate {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        default_template(object);
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        validate_pod_template(&At::root(object, "template"), &mut errors);
        errors
    }

    fn warnings(&self, _cx: &Cx<'_>, object: &Object) -> Vec<String> {
        let template = At::root(object, "template");
        pod_warnings(&template.child("metadata"), &template.child("spec"))
    }

    fn starts_generation(&self, new: &Object, old: &Object) -> bool {
        !json::same(new.get("template"), old.get("template"))
    }
}
