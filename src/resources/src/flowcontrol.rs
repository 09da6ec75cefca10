//! The flowcontrol.apiserver.k8s.io group.

mod flow_schema;
mod priority_level;

pub use flow_schema::FLOW_SCHEMA;
pub use priority_level::PRIORITY_LEVEL_CONFIGURATION;

const GROUP: &str = "flowcontrol.apiserver.k8s.io";
const NOT_YET: Option<&str> = Some("requests are limited without levels");
