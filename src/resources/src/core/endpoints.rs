//! Endpoints, which EndpointSlices have replaced.

use apimachinery::{FieldError, FieldErrors, Object};

use super::service::validate_outer_ip;
use crate::at::At;
use crate::cells::{AGE, NAME, NONE, and_more, text};
use crate::column::Column;
use crate::json::{self, Fill, Json, fill};
use crate::meta::{dns_label, dns_subdomain, port_number, qualified_name};
use crate::row::{COMMON, Resource};
use crate::strategy::{Cx, Strategy};

pub static ENDPOINTS: Resource = Resource {
    kind: "Endpoints",
    plural: "endpoints",
    singular: "endpoints",
    short_names: &["ep"],
    prefix: "services/endpoints",
    create_on_update: true,
    deprecated: Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"),
    not_yet: Some("no Endpoints controller"),
    columns: COLUMNS,
    strategy: &Endpoints,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Endpoints", "Addresses and ports of the pods.", |cell| {
        addresses(cell.object).into()
    }),
    AGE,
];

/// Each address with each port, of which the first few are written out.
fn addresses(endpoints: &Object) -> String {
    const SHOWN: usize = 3;
    let subsets: Vec<&Json> = json::maps(endpoints, "subsets").collect();
    if subsets.is_empty() {
        return NONE.to_owned();
    }
    let (mut first, mut count) = (Vec::new(), 0);
    for subset in subsets {
        let ips = || json::maps(subset, "addresses").map(|address| json::text(address, "ip"));
        let ports = || json::maps(subset, "ports").map(|port| json::int(port, "port").unwrap_or(0));
        let plain = ips().filter(|_| ports().next().is_none());
        let plain = plain.map(str::to_owned);
        let whole = ports().flat_map(|port| ips().map(move |ip| host_port(ip, port)));
        first.extend(plain.chain(whole).take(SHOWN - first.len()));
        count += ips().count() * ports().count().max(1);
    }
    and_more(&first, count)
}

fn host_port(ip: &str, port: i64) -> String {
    if ip.contains(':') {
        format!("[{ip}]:{port}")
    } else {
        format!("{ip}:{port}")
    }
}

struct Endpoints;

impl Strategy for Endpoints {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let mut protocol = |port: &mut Json| fill(port, &[("protocol", Fill::Text("TCP"))]);
        json::each_mut(object, &["subsets", "ports"], &mut protocol);
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        for subset in At::root(object, "subsets").items() {
            validate_subset(&subset, &mut errors);
        }
        errors
    }

    /// Old subsets may be worse than new ones.
    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        if json::same(new.get("subsets"), old.get("subsets")) {
            return FieldErrors::new();
        }
        self.validate(cx, new)
    }
}

fn validate_subset(subset: &At<'_>, errors: &mut FieldErrors) {
    let lists = ["addresses", "notReadyAddresses"].map(|field| subset.child(field));
    if lists.iter().all(At::is_zero) {
        errors.push(subset.required("must specify `addresses` or `notReadyAddresses`"));
    }
    for address in lists.iter().flat_map(At::items) {
        address.child("hostname").check_optional(dns_label, errors);
        address
            .child("nodeName")
            .check_optional(dns_subdomain, errors);
        validate_outer_ip(&address.child("ip"), errors);
    }
    let ports: Vec<At<'_>> = subset.child("ports").items().collect();
    for port in &ports {
        let name = port.child("name");
        if ports.len() > 1 {
            name.check_required(dns_label, errors);
        } else {
            name.check_optional(dns_label, errors);
        }
        let number = port.child("port");
        if let Err(detail) = port_number(number.int().unwrap_or(0)) {
            let value = number.int().unwrap_or(0);
            errors.push(FieldError::invalid(&number.path, value, detail));
        }
        port.child("protocol")
            .one_of(&["SCTP", "TCP", "UDP"], errors);
        port.child("appProtocol")
            .check_optional(qualified_name, errors);
    }
}
