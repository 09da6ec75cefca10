//! Probes on one line.

use serde_json::Value;

use crate::describe::lines::{number, plain, text};

/// `http-get http://:8080/path delay=0s timeout=1s period=10s #success=1 #failure=3`.
pub(super) fn probe(probe: &Value) -> String {
    let attributes = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        number(probe, "initialDelaySeconds"),
        number(probe, "timeoutSeconds"),
        number(probe, "periodSeconds"),
        number(probe, "successThreshold"),
        number(probe, "failureThreshold"),
    );
    format!("{} {attributes}", act(probe))
}

fn act(probe: &Value) -> String {
    if let Some(get) = probe.get("httpGet") {
        let scheme = text(get, "scheme").to_lowercase();
        let (host, port, path) = (text(get, "host"), plain(&get["port"]), text(get, "path"));
        let slash = if path.is_empty() || path.starts_with('/') {
            ""
        } else {
            "/"
        };
        return format!("http-get {scheme}://{host}:{port}{slash}{path}");
    }
    if let Some(exec) = probe.get("exec") {
        let words = exec["command"].as_array().into_iter().flatten().map(plain);
        return format!("exec [{}]", words.collect::<Vec<_>>().join(" "));
    }
    if let Some(socket) = probe.get("tcpSocket") {
        return format!(
            "tcp-socket {}:{}",
            text(socket, "host"),
            plain(&socket["port"])
        );
    }
    if let Some(grpc) = probe.get("grpc") {
        return format!(
            "grpc <pod>:{} {}",
            number(grpc, "port"),
            text(grpc, "service")
        );
    }
    "unknown".into()
}
