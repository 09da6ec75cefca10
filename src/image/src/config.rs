//! The image configuration: what a container made from the image runs with.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::digest::Digest;

/// Defaults an image gives to its containers. Lists are empty where the image says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// Go's name of the processor architecture: `amd64`, `arm64`; empty when unknown.
    pub architecture: String,
    pub os: String,
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    /// `NAME=value`, in the image's order.
    pub env: Vec<String>,
    /// `user`, `uid`, `user:group` or `uid:gid`; empty for root.
    pub user: String,
    /// Empty for `/`.
    pub working_dir: String,
    /// A signal's name or number; empty for SIGTERM.
    pub stop_signal: String,
    /// `80/tcp`, sorted.
    pub exposed_ports: Vec<String>,
    pub labels: BTreeMap<String, String>,
    /// Paths, sorted. The image's word: nothing says they are clean or absolute.
    pub volumes: Vec<String>,
    /// Digests of the uncompressed layers, bottom first.
    pub diff_ids: Vec<Digest>,
}

/// The configuration is no JSON of the expected shape.
#[derive(Debug, thiserror::Error)]
#[error("invalid image configuration: {0}")]
pub struct ConfigError(#[from] serde_json::Error);

impl ImageConfig {
    /// Reads Docker's or OCI's configuration document. Absent and null fields are empty.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse(document: &[u8]) -> Result<Self, ConfigError> {
        let Document {
            architecture,
            os,
            config,
            rootfs,
        } = serde_json::from_slice(document)?;
        let settings = config.unwrap_or_default();
        let keys = |map: Option<BTreeMap<String, serde::de::IgnoredAny>>| {
            map.unwrap_or_default().into_keys().collect()
        };
        Ok(Self {
            architecture: architecture.unwrap_or_default(),
            os: os.unwrap_or_default(),
            entrypoint: settings.entrypoint.unwrap_or_default(),
            cmd: settings.cmd.unwrap_or_default(),
            env: settings.env.unwrap_or_default(),
            user: settings.user.unwrap_or_default(),
            working_dir: settings.working_dir.unwrap_or_default(),
            stop_signal: settings.stop_signal.unwrap_or_default(),
            exposed_ports: keys(settings.exposed_ports),
            labels: settings.labels.unwrap_or_default(),
            volumes: keys(settings.volumes),
            diff_ids: rootfs
                .and_then(|rootfs| rootfs.diff_ids)
                .unwrap_or_default(),
        })
    }
}

/// This machine's architecture as images name it.
#[must_use]
pub fn host_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

#[derive(Deserialize)]
struct Document {
    architecture: Option<String>,
    os: Option<String>,
    config: Option<Settings>,
    rootfs: Option<RootFs>,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Option<Vec<Digest>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Settings {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    user: Option<String>,
    working_dir: Option<String>,
    stop_signal: Option<String>,
    exposed_ports: Option<BTreeMap<String, serde::de::IgnoredAny>>,
    labels: Option<BTreeMap<String, String>>,
    volumes: Option<BTreeMap<String, serde::de::IgnoredAny>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_absent_are_empty() {
        let config = ImageConfig::parse(
            br#"{"architecture":"amd64","os":"linux","config":{"Cmd":["sh"],"Entrypoint":null,
            "Env":["PATH=/bin"],"ExposedPorts":{"80/tcp":{}},"Volumes":{"/b":{},"/a":{}},
            "User":"65534:65534","StopSignal":"SIGQUIT","Labels":null,"OnBuild":null},
            "history":[{}]}"#,
        )
        .expect("valid");
        let expected = ImageConfig {
            architecture: "amd64".into(),
            os: "linux".into(),
            cmd: vec!["sh".into()],
            env: vec!["PATH=/bin".into()],
            exposed_ports: vec!["80/tcp".into()],
            volumes: vec!["/a".into(), "/b".into()],
            user: "65534:65534".into(),
            stop_signal: "SIGQUIT".into(),
            ..ImageConfig::default()
        };
        assert_eq!(config, expected);
        assert!(ImageConfig::parse(b"[]").is_err());
    }
}
