//! The storage.k8s.io group.

mod csi_driver;
mod csi_node;
mod csi_storage_capacity;
mod storage_class;
mod volume_attachment;
mod volume_attributes_class;

pub use csi_driver::CSI_DRIVER;
pub use csi_node::CSI_NODE;
pub use csi_storage_capacity::CSI_STORAGE_CAPACITY;
pub use storage_class::STORAGE_CLASS;
pub use volume_attachment::VOLUME_ATTACHMENT;
pub use volume_attributes_class::VOLUME_ATTRIBUTES_CLASS;

use apimachinery::{FieldError, FieldErrors};

use crate::at::{At, check_text};
use crate::meta::{dns_subdomain, qualified_name};

const GROUP: &str = "storage.k8s.io";
const NO_VOLUMES: Option<&str> = Some("no volumes but those of pods");

const MOST_PARAMETERS: usize = 512;
const PARAMETERS_SIZE: usize = 256 * 1024;
const DRIVER_SIZE: usize = 63;

/// Who makes volumes.
fn validate_provisioner(at: &At<'_>, errors: &mut FieldErrors) {
    if at.text().is_empty() {
        errors.push(at.required(""));
        return;
    }
    if let Err(details) = qualified_name(&at.text().to_lowercase()) {
        for detail in details.lines() {
            errors.push(at.invalid(detail));
        }
    }
}

/// What the provisioner is told.
fn validate_parameters(parameters: &At<'_>, errors: &mut FieldErrors) {
    let mut size = 0;
    if parameters.entries().count() > MOST_PARAMETERS {
        errors.push(FieldError::too_long(&parameters.path, MOST_PARAMETERS));
        return;
    }
    for (key, value) in parameters.entries() {
        if key.is_empty() {
            let detail = "field can not be empty.";
            errors.push(FieldError::invalid(&parameters.path, key, detail));
        }
        size += key.len() + value.text().len();
    }
    if size > PARAMETERS_SIZE {
        errors.push(FieldError::too_long(&parameters.path, PARAMETERS_SIZE));
    }
}

/// The name of a CSI driver; capitals pass.
pub(crate) fn validate_driver_name(at: &At<'_>, errors: &mut FieldErrors) {
    let name = at.text();
    if name.is_empty() {
        errors.push(at.required(""));
    }
    if name.len() > DRIVER_SIZE {
        errors.push(FieldError::too_long(&at.path, DRIVER_SIZE));
    }
    check_text(&at.path, &name.to_lowercase(), dns_subdomain, errors);
}
