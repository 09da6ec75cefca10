//! What this server calls itself.

use serde_json::{Value, json};

/// The Kubernetes version whose API is served; the build is rk3s' own.
pub const GIT_VERSION: &str = concat!("v1.35.0+rk3s-", env!("CARGO_PKG_VERSION"));

/// The body of `/version`.
pub fn document() -> Value {
    json!({
        "major": "1", "minor": "35", "emulationMajor": "1", "emulationMinor": "35",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "34",
        "gitVersion": GIT_VERSION, "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none (rust)", "compiler": "rustc",
        "platform": concat!("linux/", "amd64"),
    })
}
