//! IPAddress: an address that is taken.

use apimachinery::{FieldErrors, Object};

use super::GROUP;
use crate::at::{At, immutable};
use crate::cells::{NAME, since, spec, text};
use crate::column::Column;
use crate::json;
use crate::meta::{dns_subdomain, parse_ip, path_segment};
use crate::row::{COMMON, Resource, Scope};
use crate::strategy::{Cx, Strategy};

pub static IP_ADDRESS: Resource = Resource {
    group: GROUP,
    kind: "IPAddress",
    plural: "ipaddresses",
    singular: "ipaddress",
    short_names: &["ip"],
    scope: Scope::Cluster,
    prefix: "ipaddresses",
    not_yet: Some("cluster addresses are kept without objects"),
    columns: COLUMNS,
    strategy: &IpAddress,
    ..COMMON
};

/// Upstream's rows have a cell more than its columns, the age; here it has a column.
const COLUMNS: &[Column] = &[
    NAME,
    text("ParentRef", "Whose address it is.", |cell| {
        parent(cell.object).into()
    }),
    text("Age", "How long it has been taken.", |cell| {
        since(cell.object.creation_timestamp(), cell.now).into()
    }),
];

/// As `services/default/web`.
fn parent(address: &Object) -> String {
    let Some(parent) = json::map(spec(address), "parentRef") else {
        return String::new();
    };
    let part = |field| json::text(parent, field);
    let resource = match part("group") {
        "" => part("resource").to_owned(),
        group => format!("{}.{group}", part("resource")),
    };
    let path = match part("namespace") {
        "" => format!("{resource}/{}", part("name")),
        namespace => format!("{resource}/{namespace}/{}", part("name")),
    };
    path.to_lowercase()
}

struct IpAddress;

impl Strategy for IpAddress {
    fn validate_name(&self, name: &str) -> Result<(), String> {
        match parse_ip(name).filter(|_| name.parse::<std::net::IpAddr>().is_ok()) {
            None => Err(format!("ParseAddr({name:?}): unable to parse IP")),
            Some(ip) if ip.to_string() != name => {
                Err("must be a canonical format IP address".to_owned())
            }
            Some(_) => Ok(()),
        }
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let parent = At::root(object, "spec").child("parentRef");
        if !parent.is_present() {
            errors.push(parent.required(""));
            return errors;
        }
        parent
            .child("group")
            .check_optional(dns_subdomain, &mut errors);
        parent
            .child("resource")
            .check_required(path_segment, &mut errors);
        parent
            .child("name")
            .check_required(path_segment, &mut errors);
        parent
            .child("namespace")
            .check_optional(path_segment, &mut errors);
        errors
    }

    fn validate_update(&self, _cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let parent = |object| At::root(object, "spec").child("parentRef");
        immutable(&parent(new), &parent(old), &mut errors);
        errors
    }
}
