//! Rules of the pod spec, in upstream's order.

mod affinity;
mod container;
mod dns;
mod env;
mod handlers;
mod mounts;
mod names;
mod os;
mod resources;
mod security;
mod volumes;

use std::collections::BTreeMap;

use apimachinery::FieldErrors;

use crate::at::{At, Rules};
use crate::json::Json;

pub(crate) use affinity::validate_node_selector;
pub(crate) use container::validate_images;
pub(crate) use handlers::validate_port;
pub(crate) use names::validate_tolerations;
pub(crate) use resources::{
    STANDARD_RESOURCES, is_native, validate_container_resource_name, validate_limits,
    validate_quantity, validate_resource_name,
};
pub(crate) use security::identity;

/// What the rules of one part need to know of the others.
pub(crate) struct Pod<'a> {
    spec: At<'a>,
    /// A template promises pods and is none yet: it has no name, and a few rules wait.
    name: Option<&'a str>,
    /// The volumes by name.
    volumes: BTreeMap<&'a str, &'a Json>,
    claims: resources::Claims<'a>,
}

/// All that is wrong with the spec of a pod of some name, or of a template, which has none.
pub(crate) fn validate_pod_spec(spec: &At<'_>, name: Option<&str>, errors: &mut FieldErrors) {
    let volumes = spec.child("volumes");
    let pod = Pod {
        spec: spec.clone(),
        name,
        volumes: volumes
            .items()
            .filter_map(|volume| named(&volume))
            .collect(),
        claims: resources::Claims::of(&spec.child("resourceClaims")),
    };
    volumes::validate_volumes(&pod, errors);
    names::validate_resource_claims(&spec.child("resourceClaims"), errors);
    for rule in [
        container::validate_containers,
        container::validate_init_containers,
        container::validate_ephemeral_containers,
    ] {
        if errors.is_full() {
            return;
        }
        rule(&pod, errors);
    }
    resources::validate_pod_resources(&pod, errors);
    spec.apply(POLICIES, errors);
    security::validate_pod_security(spec, errors);
    affinity::validate_affinity(&spec.child("affinity"), errors);
    dns::validate_dns_config(spec, errors);
    names::validate_gates(spec, errors);
    affinity::validate_spread(&spec.child("topologySpreadConstraints"), errors);
    security::validate_host_users(spec, errors);
    spec.apply(names::NAMES, errors);
    names::validate_hostname_override(spec, errors);
    validate_tolerations(&spec.child("tolerations"), errors);
    spec.apply(names::LAST, errors);
    os::validate_os(spec, errors);
}

fn named<'a>(volume: &At<'a>) -> Option<(&'a str, &'a Json)> {
    let fields = volume.value.as_object()?;
    Some((fields.get("name")?.as_str()?, fields))
}

const POLICIES: Rules = &[
    ("restartPolicy", |at, errors| {
        if at.text().is_empty() {
            errors.push(at.required(""));
        } else {
            at.one_of(&["Always", "OnFailure", "Never"], errors);
        }
    }),
    ("dnsPolicy", |at, errors| {
        if at.text().is_empty() {
            errors.push(at.required(""));
        } else {
            let supported = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
            at.one_of(&supported, errors);
        }
    }),
    ("nodeSelector", crate::meta::validate_labels),
];
