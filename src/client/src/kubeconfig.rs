//! Kubeconfig files: which server, which authorities, who asks.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::https::{AddressError, HttpsTransport};
use crate::tls::{self, Identity, TlsError};

/// A kubeconfig, with one of its contexts chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kubeconfig {
    pub server: String,
    /// The context's namespace; `default` when it names none.
    pub namespace: String,
    tls_server_name: Option<String>,
    insecure: bool,
    identity: Identity,
    token: Option<String>,
}

/// Why a kubeconfig cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    #[error("{kind} {name:?} does not exist in the kubeconfig")]
    Missing { kind: &'static str, name: String },
    #[error("no context is chosen: set current-context or use --context")]
    NoContext,
    #[error("{field}: is not supported; use a client certificate, token or tokenFile")]
    Unsupported { field: &'static str },
    #[error("{field}: is not base64: {why}")]
    Base64 { field: &'static str, why: String },
    #[error("cannot read {}: {source}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Address(#[from] AddressError),
}

type Result<T> = std::result::Result<T, KubeconfigError>;

/// Fields of a user that change who asks. To pass one over would be to ask as somebody else.
const UNSUPPORTED: [&str; 5] = ["exec", "auth-provider", "username", "as", "as-groups"];

impl Kubeconfig {
    /// Reads a parsed kubeconfig file. Relative paths in it are relative to `directory`.
    ///
    /// # Errors
    /// [`KubeconfigError`], naming what is missing or unreadable.
    pub fn from_value(file: &Value, context: Option<&str>, directory: &Path) -> Result<Self> {
        let current = file
            .get("current-context")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let name = context.unwrap_or(current);
        if name.is_empty() {
            return Err(KubeconfigError::NoContext);
        }
        let context = named(file, "contexts", "context", name)?;
        let text = |of: &Value, field: &str| {
            let text = of
                .get(field)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty());
            text.map(str::to_owned)
        };
        let cluster = text(context, "cluster").unwrap_or_default();
        let cluster = named(file, "clusters", "cluster", &cluster)?;
        let user = match text(context, "user") {
            Some(user) => named(file, "users", "user", &user)?,
            None => &Value::Null,
        };
        for (of, fields) in [(cluster, ["proxy-url"].as_slice()), (user, &UNSUPPORTED)] {
            let given = |field: &&&str| of.get(**field).is_some_and(|value| !value.is_null());
            if let Some(field) = fields.iter().find(given) {
                return Err(KubeconfigError::Unsupported { field });
            }
        }
        let data = |of, inline, path| read(of, inline, path, directory);
        let token_file = data(user, "", "tokenFile")?;
        let token_file = token_file.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        Ok(Self {
            server: text(cluster, "server").unwrap_or_default(),
            namespace: text(context, "namespace").unwrap_or_else(|| "default".to_owned()),
            tls_server_name: text(cluster, "tls-server-name"),
            insecure: cluster.get("insecure-skip-tls-verify") == Some(&Value::Bool(true)),
            identity: Identity {
                authority: data(
                    cluster,
                    "certificate-authority-data",
                    "certificate-authority",
                )?,
                certificate: data(user, "client-certificate-data", "client-certificate")?,
                key: data(user, "client-key-data", "client-key")?,
            },
            token: text(user, "token").or(token_file),
        })
    }

    /// A transport to the server, as the user.
    ///
    /// # Errors
    /// When certificates, key or address are unusable.
    pub fn transport(&self) -> Result<HttpsTransport> {
        let tls = tls::client_config(&self.identity, self.insecure)?;
        let name = self.tls_server_name.as_deref();
        Ok(HttpsTransport::new(
            &self.server,
            &tls,
            name,
            self.token.as_deref(),
        )?)
    }
}

fn named<'a>(file: &'a Value, list: &str, kind: &'static str, name: &str) -> Result<&'a Value> {
    let entries = file.get(list).and_then(Value::as_array);
    let found = entries
        .into_iter()
        .flatten()
        .find(|entry| entry.get("name").and_then(Value::as_str) == Some(name));
    let missing = || KubeconfigError::Missing {
        kind,
        name: name.to_owned(),
    };
    found.and_then(|entry| entry.get(kind)).ok_or_else(missing)
}

/// The inline form, in base64, wins over the file.
fn read(
    of: &Value,
    inline: &'static str,
    file: &'static str,
    directory: &Path,
) -> Result<Option<Vec<u8>>> {
    let text = |field: &str| {
        of.get(field)
            .and_then(Value::as_str)
            .filter(|t| !t.is_empty())
    };
    if let Some(text) = text(inline) {
        let bytes = STANDARD.decode(text);
        let wrong = |error: base64::DecodeError| KubeconfigError::Base64 {
            field: inline,
            why: error.to_string(),
        };
        return bytes.map(Some).map_err(wrong);
    }
    let Some(path) = text(file) else {
        return Ok(None);
    };
    let path = directory.join(path);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(source) => Err(KubeconfigError::File { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file() -> Value {
        json!({
            "current-context": "default",
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443"}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [
                {"name": "default", "context": {"cluster": "c", "user": "u", "namespace": "n"}},
                {"name": "lost", "context": {"cluster": "x"}},
            ],
        })
    }

    #[test]
    fn a_context_is_chosen() {
        let config = Kubeconfig::from_value(&file(), None, Path::new("/")).expect("usable");
        assert_eq!(
            (config.server.as_str(), config.namespace.as_str()),
            ("https://127.0.0.1:6443", "n")
        );
        assert_eq!(config.token.as_deref(), Some("t"));
        assert!(config.transport().is_ok());
    }

    #[test]
    fn what_is_missing_is_named() {
        let rows = [
            (
                Some("lost"),
                "cluster \"x\" does not exist in the kubeconfig",
            ),
            (
                Some("none"),
                "context \"none\" does not exist in the kubeconfig",
            ),
        ];
        for (context, text) in rows {
            let error = Kubeconfig::from_value(&file(), context, Path::new("/")).expect_err(text);
            assert_eq!(error.to_string(), text);
        }
        for (list, entry, field) in [
            ("users", "user", "exec"),
            ("clusters", "cluster", "proxy-url"),
        ] {
            let mut file = file();
            file[list][0][entry][field] = json!({});
            let error = Kubeconfig::from_value(&file, None, Path::new("/")).expect_err(field);
            let text = "is not supported; use a client certificate, token or tokenFile";
            assert_eq!(error.to_string(), format!("{field}: {text}"));
        }
        let error = Kubeconfig::from_value(&json!({}), None, Path::new("/")).expect_err("empty");
        assert_eq!(
            error.to_string(),
            "no context is chosen: set current-context or use --context"
        );
    }
}
