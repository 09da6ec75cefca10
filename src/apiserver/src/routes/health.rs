//! `/healthz`, `/livez`, `/readyz`: named checks, one by one with `?verbose` or by path.

use std::fmt::Write;
use std::sync::Arc;

use apimachinery::StatusError;
use axum::body::Body;
use futures::future::BoxFuture;
use http::{Response, StatusCode, Uri};

use crate::request_info::queries;
use crate::{State, answer};

/// A named check; an error is what `?verbose` and the log say.
pub struct Check {
    pub name: &'static str,
    /// Whether a failure means that the process must be restarted.
    pub liveness: bool,
    pub run: Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
}

/// All checks, in the order they are shown.
#[derive(Default)]
pub struct Checks(pub Vec<Check>);

/// `/readyz/<name>` as endpoint and name; the name is empty for all checks.
pub(crate) fn endpoint(path: &str) -> Option<(&'static str, &str)> {
    let path = path.trim_matches('/');
    let (first, name) = path.split_once('/').unwrap_or((path, ""));
    let endpoint = ["healthz", "livez", "readyz"]
        .into_iter()
        .find(|known| *known == first)?;
    Some((endpoint, name))
}

/// Answers for all checks of `endpoint`, or for the one of this name.
pub(crate) async fn answer(
    state: &State,
    endpoint: &str,
    name: &str,
    uri: &Uri,
) -> Result<Response<Body>, StatusError> {
    let checks = select(&state.parts.checks.0, endpoint, name, uri);
    if !name.is_empty() && name != "ping" && checks.is_empty() {
        return Err(StatusError::no_such_resource());
    }
    let mut report = String::from("[+]ping ok\n");
    let mut failed = false;
    for check in checks {
        match (check.run)().await {
            Ok(()) => writeln!(report, "[+]{} ok", check.name),
            Err(why) => {
                failed = true;
                tracing::warn!(endpoint, check = check.name, why, "health check failed");
                writeln!(report, "[-]{} failed: {why}", check.name)
            }
        }
        .expect("writing to a string cannot fail");
    }
    let verbose = uri
        .query()
        .is_some_and(|q| q.split('&').any(|p| p.starts_with("verbose")));
    Ok(match (failed, verbose) {
        (true, _) => {
            writeln!(report, "{endpoint} check failed").expect("writing to a string cannot fail");
            answer::text(StatusCode::INTERNAL_SERVER_ERROR, report)
        }
        (false, true) => {
            writeln!(report, "{endpoint} check passed").expect("writing to a string cannot fail");
            answer::text(StatusCode::OK, report)
        }
        (false, false) => answer::text(StatusCode::OK, "ok"),
    })
}

fn select<'a>(all: &'a [Check], endpoint: &str, name: &str, uri: &Uri) -> Vec<&'a Check> {
    let excluded: Vec<String> = queries(uri, "exclude").collect();
    let asked = |check: &&Check| {
        if name.is_empty() {
            let relevant = endpoint != "livez" || check.liveness;
            relevant && !excluded.iter().any(|e| e == check.name)
        } else {
            check.name == name
        }
    };
    all.iter().filter(asked).collect()
}
