//! The apiregistration.k8s.io group.

use apimachinery::{FieldError, FieldErrors, Object, time};
use serde_json::json;

use crate::at::At;
use crate::cells::{AGE, NAME, spec, status, text};
use crate::column::Column;
use crate::json::{self, Fill, fill};
use crate::meta::{dns_subdomain, dns1035_label, path_segment, port_number};
use crate::row::{COMMON, Resource, Scope, Subresource};
use crate::strategy::{Cx, Strategy};

pub static API_SERVICE: Resource = Resource {
    group: "apiregistration.k8s.io",
    kind: "APIService",
    plural: "apiservices",
    singular: "apiservice",
    categories: &["api-extensions"],
    scope: Scope::Cluster,
    prefix: "apiregistration.k8s.io/apiservices",
    subresources: &[Subresource::Status],
    unconditional_update: false,
    not_yet: Some("nobody forwards requests"),
    columns: COLUMNS,
    strategy: &ApiService,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Service", "Who serves it.", |cell| {
        match json::map(spec(cell.object), "service") {
            None => "Local".into(),
            Some(service) => {
                let namespace = json::text(service, "namespace");
                format!("{namespace}/{}", json::text(service, "name")).into()
            }
        }
    }),
    text("Available", "Whether it answers.", |cell| {
        available(cell.object).into()
    }),
    AGE,
];

fn available(service: &Object) -> String {
    let condition = json::maps(status(service), "conditions")
        .find(|condition| json::text(condition, "type") == "Available");
    match condition.map(|condition| (json::text(condition, "status"), condition)) {
        None => "Unknown".to_owned(),
        Some(("True", _)) => "True".to_owned(),
        Some((status, condition)) => format!("{status} ({})", json::text(condition, "reason")),
    }
}

struct ApiService;

impl Strategy for ApiService {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = json::map_mut(object, "spec");
        if let Some(service) = spec.and_then(|spec| json::map_mut(spec, "service")) {
            fill(service, &[("port", Fill::Number(443))]);
        }
    }

    /// What the server itself serves is always there.
    fn prepare_for_create(&self, cx: &Cx<'_>, object: &mut Object) {
        let is_local = json::map(spec(object), "service").is_none();
        let status = if is_local {
            json!({"conditions": [{
                "type": "Available", "status": "True", "reason": "Local",
                "message": "Local APIServices are always available",
                "lastTransitionTime": time::format(cx.now),
            }]})
        } else {
            json!({})
        };
        object.insert("status".into(), status);
    }

    fn validate_name(&self, name: &str) -> Result<(), String> {
        path_segment(name)
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let spec = At::root(object, "spec");
        validate_version(object, &spec, &mut errors);
        for (field, most) in [("groupPriorityMinimum", 20_000), ("versionPriority", 1000)] {
            let at = spec.child(field);
            let number = at.int().unwrap_or(0);
            if !(1..=most).contains(&number) {
                let detail = format!("must be positive and less than {most}");
                errors.push(FieldError::invalid(&at.path, number, detail));
            }
        }
        validate_service(&spec, &mut errors);
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, _old: &Object) -> FieldErrors {
        match cx.subresource {
            "status" => FieldErrors::new(),
            _ => self.validate(cx, new),
        }
    }
}

fn validate_version(object: &Object, spec: &At<'_>, errors: &mut FieldErrors) {
    let (group, version) = (spec.child("group"), spec.child("version"));
    let wanted = format!("{}.{}", version.text(), group.text());
    if object.name() != wanted {
        let name = At::root(object, "metadata").child("name");
        errors.push(name.invalid(format!(
            "must be `spec.version+\".\"+spec.group`: {wanted:?}"
        )));
    }
    if group.text().is_empty() && version.text() != "v1" {
        errors.push(group.required("only v1 may have an empty group and it better be legacy kube"));
    }
    group.check_optional(dns_subdomain, errors);
    version.check_required(dns1035_label, errors);
}

fn validate_service(spec: &At<'_>, errors: &mut FieldErrors) {
    let (service, bundle) = (spec.child("service"), spec.child("caBundle"));
    let insecure = spec.child("insecureSkipTLSVerify");
    if !service.is_present() {
        if !bundle.is_zero() {
            errors.push(bundle.invalid("local APIServices may not have a caBundle"));
        }
        if insecure.flag() {
            errors.push(insecure.invalid("local APIServices may not have insecureSkipTLSVerify"));
        }
        return;
    }
    for field in ["namespace", "name"] {
        crate::at::required(&service.child(field), errors);
    }
    let port = service.child("port");
    if let Some(Err(detail)) = port.int().map(port_number) {
        errors.push(port.invalid(format!("port is not valid: {detail}")));
    }
    if insecure.flag() && !bundle.is_zero() {
        errors.push(insecure.invalid("may not be true if caBundle is present"));
    }
}
