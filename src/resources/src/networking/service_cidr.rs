//! ServiceCIDR: addresses that Services may have.

use apimachinery::{FieldErrors, Object};

use super::GROUP;
use crate::at::At;
use crate::cells::{AGE, NAME, spec, text};
use crate::column::Column;
use crate::json;
use crate::meta::{parse_cidr, strict_cidr, validate_conditions};
use crate::row::{COMMON, Resource, Scope, Subresource};
use crate::strategy::{Cx, Strategy};

pub static SERVICE_CIDR: Resource = Resource {
    group: GROUP,
    kind: "ServiceCIDR",
    plural: "servicecidrs",
    singular: "servicecidr",
    scope: Scope::Cluster,
    prefix: "servicecidrs",
    subresources: &[Subresource::Status],
    not_yet: Some("the range of cluster addresses is a setting"),
    columns: COLUMNS,
    strategy: &ServiceCidr,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("CIDRs", "The networks.", |cell| {
        let cidrs: Vec<&str> = json::texts(spec(cell.object), "cidrs").collect();
        cidrs.join(",").into()
    }),
    AGE,
];

struct ServiceCidr;

impl Strategy for ServiceCidr {
    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let cidrs = At::root(object, "spec").child("cidrs");
        let count = cidrs.items().count();
        if count == 0 {
            errors.push(cidrs.required("at least one CIDR required"));
        } else if count > 2 {
            errors.push(cidrs.invalid("may only hold up to 2 values"));
        }
        let families: Vec<bool> = cidrs
            .items()
            .filter_map(|cidr| parse_cidr(cidr.text()))
            .map(|(ip, _)| ip.is_ipv4())
            .collect();
        if let [first, second] = families.as_slice()
            && first == second
        {
            errors.push(cidrs.invalid("may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"));
        }
        for cidr in cidrs.items() {
            cidr.check(strict_cidr, &mut errors);
        }
        errors
    }

    /// A second family may come; nothing goes or changes.
    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        if cx.subresource == "status" {
            let conditions = At::root(new, "status").child("conditions");
            validate_conditions(&conditions, &mut errors);
            return errors;
        }
        let listed = |object| -> Vec<&str> { json::texts(spec(object), "cidrs").collect() };
        let (now, then) = (listed(new), listed(old));
        if then.len() == 1 && now.len() == 2 && now[0] == then[0] {
            return self.validate(cx, new);
        }
        if now != then {
            let cidrs = At::root(new, "spec").child("cidrs");
            errors.push(cidrs.invalid("field is immutable"));
        }
        errors
    }
}
