//! Where the server is: flags, kubeconfig files, environment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use client::{Client, Kubeconfig};
use serde_json::{Value, json};

use crate::flags::{Flag, Parsed, switch, value};

/// Flags of every command.
pub(crate) const GLOBAL: &[Flag] = &[
    value("kubeconfig", "Kubeconfig file"),
    value("context", "The kubeconfig's context"),
    value("namespace", "The namespace of this command").short('n'),
    value("server", "Address of the API server").short('s'),
    value("token", "Bearer token"),
    value("certificate-authority", "File of the server's authority"),
    value("client-certificate", "File of the client's certificate"),
    value("client-key", "File of the client's key"),
    switch(
        "insecure-skip-tls-verify",
        "Do not check the server's certificate",
    ),
    switch("help", "Show this").short('h'),
];

/// Written by `rk3s server`.
const SYSTEM: &str = "/etc/rk3s/rk3s.yaml";

pub(crate) struct Connection {
    pub client: Client,
    pub host: String,
    pub namespace: String,
}

/// Reads the configuration; connects with the first request.
///
/// # Errors
/// When there is no kubeconfig, or it cannot be used.
pub(crate) fn connect(parsed: &Parsed) -> Result<Connection> {
    let path = path(
        parsed,
        std::env::var_os("KUBECONFIG"),
        std::env::var_os("HOME"),
    );
    let (mut file, directory) = match &path {
        Some(path) => (read(path)?, path.parent().unwrap_or(Path::new("."))),
        None if parsed.is_given("server") => (bare(), Path::new(".")),
        None => bail!(
            "no kubeconfig: use --kubeconfig or $KUBECONFIG; rk3s server writes {SYSTEM}, which \
             only root may read unless --write-kubeconfig-mode says otherwise"
        ),
    };
    override_with(parsed, &mut file)?;
    let context = parsed.is_given("context").then(|| parsed.text("context"));
    let config = Kubeconfig::from_value(&file, context, directory)?;
    let client = Client::new(Arc::new(config.transport()?)).with_user_agent("kubectl");
    let host = config
        .server
        .trim_start_matches("https://")
        .trim_start_matches("http://");
    Ok(Connection {
        client,
        host: host.trim_end_matches('/').to_owned(),
        namespace: config.namespace.clone(),
    })
}

/// `--kubeconfig`, else the first file of $KUBECONFIG that exists, else the server's, else the
/// user's.
fn path(
    parsed: &Parsed,
    variable: Option<std::ffi::OsString>,
    home: Option<std::ffi::OsString>,
) -> Option<PathBuf> {
    if parsed.is_given("kubeconfig") {
        return Some(parsed.text("kubeconfig").into());
    }
    if let Some(list) = variable.filter(|list| !list.is_empty()) {
        let paths: Vec<PathBuf> = std::env::split_paths(&list).collect();
        let there = paths.iter().find(|path| path.exists()).cloned();
        return there.or_else(|| paths.into_iter().next());
    }
    let user = home.map(|home| PathBuf::from(home).join(".kube/rk3s.yaml"));
    // A file that may not be read counts as absent: the next may be the user's own copy.
    [Some(PathBuf::from(SYSTEM)), user]
        .into_iter()
        .flatten()
        .find(|path| std::fs::File::open(path).is_ok())
}

fn read(path: &Path) -> Result<Value> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let document = schema::yaml::decode(&text);
    Ok(document
        .with_context(|| format!("error loading config file {shown:?}"))?
        .value)
}

fn bare() -> Value {
    json!({
        "clusters": [{"name": "flags", "cluster": {}}], "users": [{"name": "flags", "user": {}}],
        "contexts": [{"name": "flags", "context": {"cluster": "flags", "user": "flags"}}],
        "current-context": "flags",
    })
}

/// Flags win over the file.
fn override_with(parsed: &Parsed, file: &mut Value) -> Result<()> {
    let rows = [
        ("server", "clusters", "cluster", "server"),
        (
            "certificate-authority",
            "clusters",
            "cluster",
            "certificate-authority",
        ),
        ("token", "users", "user", "token"),
        ("client-certificate", "users", "user", "client-certificate"),
        ("client-key", "users", "user", "client-key"),
    ];
    for (flag, list, entry, field) in rows {
        if !parsed.is_given(flag) {
            continue;
        }
        let mut text = parsed.text(flag).to_owned();
        if flag != "server" && flag != "token" {
            // Relative to here, not to the kubeconfig.
            text = std::path::absolute(&text)?.display().to_string();
        }
        set(file, list, entry, field, &Value::String(text));
    }
    if parsed.is_true("insecure-skip-tls-verify") {
        set(
            file,
            "clusters",
            "cluster",
            "insecure-skip-tls-verify",
            &Value::Bool(true),
        );
        set(
            file,
            "clusters",
            "cluster",
            "certificate-authority-data",
            &Value::Null,
        );
    }
    Ok(())
}

fn set(file: &mut Value, list: &str, entry: &str, field: &str, value: &Value) {
    let entries = file.get_mut(list).and_then(Value::as_array_mut);
    for item in entries.into_iter().flatten() {
        if let Some(entry) = item.get_mut(entry).and_then(Value::as_object_mut) {
            entry.remove(&format!("{field}-data"));
            entry.insert(field.to_owned(), value.clone());
        }
    }
}
