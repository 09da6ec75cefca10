//! EndpointSlice.

mod rules;

use apimachinery::{FieldErrors, Object};

use crate::cells::{AGE, NAME, first_of, text};
use crate::column::Column;
use crate::json::{self, Fill, Json, fill};
use crate::row::{COMMON, Resource};
use crate::strategy::{Cx, Strategy};

pub static ENDPOINT_SLICE: Resource = Resource {
    group: "discovery.k8s.io",
    kind: "EndpointSlice",
    plural: "endpointslices",
    singular: "endpointslice",
    prefix: "endpointslices",
    generation: true,
    not_yet: Some("no EndpointSlice controller"),
    columns: COLUMNS,
    strategy: &EndpointSlice,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("AddressType", "What kind of addresses it has.", |cell| {
        json::text(cell.object, "addressType").into()
    }),
    text("Ports", "Ports of the endpoints.", |cell| {
        let ports: Vec<String> = json::maps(cell.object, "ports").map(port).collect();
        or_unset(&first_of(&ports, 3)).into()
    }),
    text("Endpoints", "Their addresses.", |cell| {
        let addresses: Vec<String> = json::maps(cell.object, "endpoints")
            .flat_map(|endpoint| json::texts(endpoint, "addresses"))
            .map(str::to_owned)
            .collect();
        or_unset(&first_of(&addresses, 3)).into()
    }),
    AGE,
];

fn or_unset(text: &str) -> &str {
    if text.is_empty() { "<unset>" } else { text }
}

fn port(port: &Json) -> String {
    match (
        json::int(port, "port"),
        port.get("name").and_then(|name| name.as_str()),
    ) {
        (Some(number), _) => number.to_string(),
        (None, Some(name)) => name.to_owned(),
        (None, None) => "*".to_owned(),
    }
}

struct EndpointSlice;

impl Strategy for EndpointSlice {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        for port in json::maps_mut(object, "ports") {
            let fields = [
                ("name", Fill::TextIfAbsent("")),
                ("protocol", Fill::TextIfAbsent("TCP")),
            ];
            fill(port, &fields);
        }
    }

    /// v1 has the zone and the node as fields of their own.
    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        for endpoint in json::maps_mut(object, "endpoints") {
            endpoint.remove("deprecatedTopology");
        }
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        rules::validate_slice(object)
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = self.validate(cx, new);
        rules::keep_type(new, old, &mut errors);
        errors
    }

    fn warnings(&self, _cx: &Cx<'_>, object: &Object) -> Vec<String> {
        match json::text(object, "addressType") {
            "FQDN" => vec!["spec.addressType: FQDN endpoints are deprecated".to_owned()],
            _ => Vec::new(),
        }
    }

    /// Labels say whose endpoints these are, so they count too.
    fn starts_generation(&self, new: &Object, old: &Object) -> bool {
        json::body_differs(new, old)
            || !json::same(new.at("/metadata/labels"), old.at("/metadata/labels"))
    }
}
