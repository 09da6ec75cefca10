//! Rules of a Service's addresses and their families.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors};

use crate::at::At;
use crate::json::same;
use crate::meta::parse_ip;

const POLICIES: [&str; 3] = ["PreferDualStack", "RequireDualStack", "SingleStack"];

pub(super) fn validate_families(spec: &At<'_>, errors: &mut FieldErrors) {
    if spec.child("type").text() == "ExternalName" {
        return;
    }
    let families = spec.child("ipFamilies");
    let mut seen = BTreeSet::new();
    for family in families.items() {
        family.one_of(&["IPv4", "IPv6"], errors);
        if !seen.insert(family.text()) {
            errors.push(family.duplicate());
        }
    }
    spec.child("ipFamilyPolicy")
        .one_of_or_none(&POLICIES, errors);
    validate_cluster_ips(spec, &families, errors);
}

fn validate_cluster_ips(spec: &At<'_>, families: &At<'_>, errors: &mut FieldErrors) {
    let (first, list) = (spec.child("clusterIP"), spec.child("clusterIPs"));
    let ips: Vec<At<'_>> = list.items().collect();
    if first.text().is_empty() {
        if !ips.is_empty() {
            errors.push(list.invalid("must be empty when `clusterIP` is not specified"));
        }
    } else if ips.first().is_none_or(|ip| ip.text() != first.text()) {
        errors.push(list.invalid("first value must match `clusterIP`"));
    }
    if ips.iter().any(|ip| ip.text() == "None") {
        if ips.len() > 1 {
            errors.push(list.invalid("'None' must be the first and only value"));
        }
        return;
    }
    let expected: Vec<&str> = families.items().map(|family| family.text()).collect();
    let mut found = Vec::new();
    for (index, ip) in ips.iter().enumerate() {
        ip.check(crate::meta::ip, errors);
        let Some(address) = parse_ip(ip.text()) else {
            continue;
        };
        let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
        found.push(family);
        if let Some(wanted) = expected.get(index)
            && *wanted != family
        {
            errors.push(ip.invalid(format!(
                "expected an {wanted} value as indicated by `ipFamilies[{index}]`"
            )));
        }
    }
    if ips.len() > 2 {
        errors.push(list.invalid("may only hold up to 2 values"));
    } else if found.len() == 2 && found[0] == found[1] {
        errors.push(list.invalid("may specify no more than one IP for each IP family"));
    }
}

/// The first address and family are for life; a second may come and go.
pub(super) fn validate_family_change(new: &At<'_>, old: &At<'_>, errors: &mut FieldErrors) {
    let is_name = |spec: &At<'_>| spec.child("type").text() == "ExternalName";
    if is_name(new) || is_name(old) {
        return;
    }
    let (ips, before) = (new.child("clusterIPs"), old.child("clusterIPs"));
    if let Some(first) = before.items().next() {
        match ips.items().next() {
            None => errors.push(ips.invalid("primary clusterIP can not be unset")),
            Some(ip) if ip.text() != first.text() => errors.push(FieldError::invalid(
                &ip.path,
                ips.value.clone(),
                "may not change once set",
            )),
            Some(_) => {}
        }
    }
    let policy = new.child("ipFamilyPolicy");
    let releases = before.items().count() > 1 && ips.items().count() == 1;
    if releases && policy.text() != "SingleStack" {
        let detail = "must be set to 'SingleStack' when releasing the secondary clusterIP";
        errors.push(policy.invalid(detail));
    }
    let (families, before) = (new.child("ipFamilies"), old.child("ipFamilies"));
    if let (Some(now), Some(then)) = (families.items().next(), before.items().next())
        && !same(Some(now.value), Some(then.value))
    {
        let shown = families.value.clone();
        errors.push(FieldError::invalid(
            &now.path,
            shown,
            "may not change once set",
        ));
    }
}
