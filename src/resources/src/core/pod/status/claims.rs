//! Claims that were made for a pod.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors};

use super::by_name;
use crate::at::At;

/// Which claims the pod's own names stand for.
pub(super) fn validate_named(status: &At<'_>, spec: &At<'_>, errors: &mut FieldErrors) {
    let claims = spec.child("resourceClaims");
    let known: BTreeSet<&str> = claims.items().map(|c| c.child("name").text()).collect();
    let mut seen = BTreeSet::new();
    for claim in status.child("resourceClaimStatuses").items() {
        let (name, made) = (claim.child("name"), claim.child("resourceClaimName"));
        if !known.contains(name.text()) {
            let detail = "must match the name of an entry in `spec.resourceClaims`";
            errors.push(FieldError::invalid(&name.path, name.text(), detail));
        }
        if !seen.insert(name.text()) {
            errors.push(name.duplicate());
        }
        if made.is_present() {
            // Upstream's path is the other field's.
            let check = crate::meta::dns_subdomain;
            crate::at::check_text(&name.path, made.text(), check, errors);
        }
    }
}

/// The one claim that stands for all extended resources of the pod.
pub(super) fn validate_extended(claim: &At<'_>, spec: &At<'_>, errors: &mut FieldErrors) {
    if !claim.is_present() {
        return;
    }
    let mappings = claim.child("requestMappings");
    if mappings.items().next().is_none() {
        errors.push(mappings.required("at least one request mapping is required"));
    }
    let lists = ["initContainers", "containers"];
    let containers = by_name(lists.iter().flat_map(|list| spec.child(list).items()));
    let mut seen = BTreeSet::new();
    for mapping in mappings.items() {
        let [container, resource, request] =
            ["containerName", "resourceName", "requestName"].map(|field| mapping.child(field));
        let found = containers.get(container.text());
        validate_mapping(&container, &resource, found, errors);
        // Upstream's path leaves out which mapping it is.
        let path = claim.path.child("requestName");
        crate::at::check_text(&path, request.text(), crate::meta::dns_label, errors);
        if !seen.insert((container.text(), resource.text(), request.text())) {
            for field in [&container, &resource, &request] {
                errors.push(FieldError::duplicate(&field.path, field.text()));
            }
        }
    }
    let name = claim.child("resourceClaimName");
    name.check_required(crate::meta::dns_subdomain, errors);
}

/// The container is the pod's, and asks for the resource.
fn validate_mapping(
    container: &At<'_>,
    resource: &At<'_>,
    found: Option<&At<'_>>,
    errors: &mut FieldErrors,
) {
    match found {
        None => errors.push(FieldError::invalid(
            &container.path,
            container.text(),
            "must match the name of an entry in spec.initContainers.name or spec.containers.name",
        )),
        Some(found) => {
            let requests = found.child("resources").child("requests");
            if requests.value.get(resource.text()).is_none() {
                errors.push(FieldError::invalid(
                    &resource.path,
                    resource.text(),
                    "must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests",
                ));
            }
        }
    }
}
