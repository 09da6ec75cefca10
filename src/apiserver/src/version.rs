//! What this server calls itself.

use std::env::consts;

use serde_json::{Value, json};

/// The Kubernetes version whose API is served; the build is rk3s' own.
pub const GIT_VERSION: &str = concat!("v1.35.0+rk3s-", env!("CARGO_PKG_VERSION"));
/// Empty where the build was not told.
const GIT_COMMIT: Option<&str> = option_env!("RK3S_GIT_COMMIT");
const BUILD_DATE: Option<&str> = option_env!("RK3S_BUILD_DATE");

/// The body of `/version`.
pub fn document() -> Value {
    let tree = if GIT_COMMIT.is_some() { "clean" } else { "" };
    json!({
        "major": "1", "minor": "35", "emulationMajor": "1", "emulationMinor": "35",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "34",
        "gitVersion": GIT_VERSION, "gitCommit": GIT_COMMIT.unwrap_or_default(),
        "gitTreeState": tree, "buildDate": BUILD_DATE.unwrap_or_default(),
        "goVersion": "none (rust)", "compiler": "rustc", "platform": platform(),
    })
}

/// The target, in Go's names.
fn platform() -> String {
    let machine = match consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{}/{machine}", consts::OS)
}
