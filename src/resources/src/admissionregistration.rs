//! The admissionregistration.k8s.io group.

mod matching;
mod policy;
mod policy_binding;
pub(crate) mod webhook;

pub use policy::VALIDATING_ADMISSION_POLICY;
pub use policy_binding::VALIDATING_ADMISSION_POLICY_BINDING;
pub use webhook::{MUTATING_WEBHOOK_CONFIGURATION, VALIDATING_WEBHOOK_CONFIGURATION};

const GROUP: &str = "admissionregistration.k8s.io";
const CATEGORIES: &[&str] = &["api-extensions"];
