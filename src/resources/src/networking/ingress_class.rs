//! IngressClass.

use apimachinery::{FieldError, FieldErrors, Object};

use super::{GROUP, validate_reference};
use crate::at::{At, immutable};
use crate::cells::{AGE, NAME, NONE, spec, text};
use crate::column::Column;
use crate::json::{self, Fill, fill};
use crate::meta::{dns_label, domain_path};
use crate::row::{COMMON, Resource, Scope};
use crate::strategy::{Cx, Strategy};

pub static INGRESS_CLASS: Resource = Resource {
    group: GROUP,
    kind: "IngressClass",
    plural: "ingressclasses",
    singular: "ingressclass",
    scope: Scope::Cluster,
    prefix: "ingressclasses",
    generation: true,
    not_yet: Some("no Ingress controller"),
    columns: COLUMNS,
    strategy: &IngressClass,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Controller", "Who serves the class.", |cell| {
        json::text(spec(cell.object), "controller").into()
    }),
    text("Parameters", "What it is told.", |cell| {
        parameters(cell.object).into()
    }),
    AGE,
];

fn parameters(class: &Object) -> String {
    let Some(parameters) = json::map(spec(class), "parameters") else {
        return NONE.to_owned();
    };
    let part = |field| json::text(parameters, field);
    match part("apiGroup") {
        "" => format!("{}/{}", part("kind"), part("name")),
        group => format!("{}.{group}/{}", part("kind"), part("name")),
    }
}

const CONTROLLER_SIZE: usize = 250;

struct IngressClass;

impl Strategy for IngressClass {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = json::map_mut(object, "spec");
        if let Some(parameters) = spec.and_then(|spec| json::map_mut(spec, "parameters")) {
            fill(parameters, &[("scope", Fill::TextIfAbsent("Cluster"))]);
        }
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let spec = At::root(object, "spec");
        let controller = spec.child("controller");
        if controller.text().len() > CONTROLLER_SIZE {
            errors.push(FieldError::too_long(&controller.path, CONTROLLER_SIZE));
        }
        controller.check_required(domain_path, &mut errors);
        let parameters = spec.child("parameters");
        if parameters.is_present() {
            validate_reference(&parameters, &mut errors);
            validate_scope(&parameters, &mut errors);
        }
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = self.validate(cx, new);
        let controller = |object| At::root(object, "spec").child("controller");
        immutable(&controller(new), &controller(old), &mut errors);
        errors
    }
}

fn validate_scope(parameters: &At<'_>, errors: &mut FieldErrors) {
    let (scope, namespace) = (parameters.child("scope"), parameters.child("namespace"));
    match scope.text() {
        "Namespace" if namespace.text().is_empty() => {
            errors.push(namespace.required("`parameters.scope` is set to 'Namespace'"));
        }
        "Namespace" => namespace.check(dns_label, errors),
        "Cluster" if namespace.is_present() => {
            errors.push(namespace.forbidden("`parameters.scope` is set to 'Cluster'"));
        }
        _ => scope.one_of(&["Cluster", "Namespace"], errors),
    }
}
