//! Ingress.

mod rules;

use apimachinery::admission::Operation;
use apimachinery::{FieldErrors, Object};
use serde_json::json;

use super::GROUP;
use crate::cells::{AGE, NAME, NONE, first_of, spec, text};
use crate::column::Column;
use crate::json;
use crate::row::{COMMON, Resource, Subresource};
use crate::strategy::{Cx, Strategy};

pub static INGRESS: Resource = Resource {
    group: GROUP,
    kind: "Ingress",
    plural: "ingresses",
    singular: "ingress",
    short_names: &["ing"],
    prefix: "ingress",
    subresources: &[Subresource::Status],
    generation: true,
    not_yet: Some("no Ingress controller"),
    columns: COLUMNS,
    strategy: &Ingress,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Class", "Who serves it.", |cell| {
        let class = spec(cell.object).get("ingressClassName");
        class
            .and_then(|class| class.as_str())
            .unwrap_or(NONE)
            .into()
    }),
    text("Hosts", "Names it answers to.", |cell| {
        hosts(cell.object).into()
    }),
    text("Address", "Where it answers.", |cell| {
        addresses(cell.object).into()
    }),
    text("Ports", "Ports it answers at.", |cell| {
        let has_tls = !json::list(spec(cell.object), "tls").is_empty();
        if has_tls { "80, 443" } else { "80" }.into()
    }),
    AGE,
];

fn hosts(ingress: &Object) -> String {
    let rules: Vec<String> = json::maps(spec(ingress), "rules")
        .map(|rule| json::text(rule, "host").to_owned())
        .collect();
    let named: Vec<String> = rules
        .iter()
        .filter(|host| !host.is_empty())
        .cloned()
        .collect();
    match named.len() {
        0 => "*".to_owned(),
        // What upstream counts are rules, with and without hosts.
        count if count > 3 => {
            format!("{} + {} more...", named[..3].join(","), rules.len() - 3)
        }
        _ => first_of(&named, 3),
    }
}

fn addresses(ingress: &Object) -> String {
    let balancer = ingress
        .at("/status/loadBalancer")
        .and_then(|b| b.as_object());
    let entries = balancer
        .into_iter()
        .flat_map(|balancer| json::maps(balancer, "ingress"));
    let names: Vec<&str> = entries
        .map(|entry| match json::text(entry, "ip") {
            "" => json::text(entry, "hostname"),
            ip => ip,
        })
        .filter(|name| !name.is_empty())
        .collect();
    names.join(",")
}

const CLASS: &str = "kubernetes.io/ingress.class";

struct Ingress;

impl Strategy for Ingress {
    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({"loadBalancer": {}}));
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        rules::validate_new(object)
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, _old: &Object) -> FieldErrors {
        match cx.subresource {
            "status" => rules::validate_status(new),
            _ => rules::validate_ingress(new),
        }
    }

    fn warnings(&self, cx: &Cx<'_>, object: &Object) -> Vec<String> {
        let has_class = !json::text(spec(object), "ingressClassName").is_empty();
        if cx.operation != Operation::Create || has_class || object.annotation(CLASS).is_none() {
            return Vec::new();
        }
        vec![format!(
            "annotation {CLASS:?} is deprecated, please use 'spec.ingressClassName' instead"
        )]
    }
}
