//! `/healthz`, `/livez`, `/readyz`: named checks, one by one with `?verbose` or by path.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use apimachinery::StatusError;
use axum::body::Body;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Response, StatusCode, Uri};

use crate::request_info::{asked, queries};
use crate::{State, answer};

/// What a check found; the text is for the log, and for those who may ask the check alone.
pub type Outcome = Result<(), String>;

/// A check that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// A named check.
pub struct Check {
    pub name: &'static str,
    /// Whether a failure means that the process must be restarted: `/livez` asks these only.
    pub liveness: bool,
    pub run: Arc<dyn Fn() -> BoxFuture<'static, Outcome> + Send + Sync>,
}

impl Check {
    /// A check that answers at once.
    pub fn new(
        name: &'static str,
        liveness: bool,
        run: impl Fn() -> Outcome + Send + Sync + 'static,
    ) -> Self {
        let run = Arc::new(move || std::future::ready(run()).boxed());
        Self {
            name,
            liveness,
            run,
        }
    }

    /// The same check under another name.
    #[must_use]
    pub fn named(&self, name: &'static str) -> Self {
        Self {
            name,
            liveness: self.liveness,
            run: self.run.clone(),
        }
    }

    /// A check that fails until something has been done once, as upstream's
    /// `poststarthook/rbac/bootstrap-roles` and `informer-sync`.
    #[must_use]
    pub fn until_done(name: &'static str) -> (Self, Done) {
        let done = Done::default();
        let seen = done.clone();
        let check = Self::new(name, name.starts_with("poststarthook/"), move || {
            if seen.0.load(Ordering::Acquire) {
                Ok(())
            } else {
                Err("not finished".to_owned())
            }
        });
        (check, done)
    }
}

/// Says that the thing a check waits for is done.
#[derive(Clone, Debug, Default)]
pub struct Done(Arc<AtomicBool>);

impl Done {
    pub fn done(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// The root's checks, in the order they are shown. The server adds `ping`, `log` and `shutdown`.
#[derive(Default)]
pub struct Checks(pub Vec<Check>);

impl Checks {
    /// With the checks that every server has.
    pub(crate) fn with_own(mut self, shutdown: &base::Shutdown) -> Self {
        self.0.insert(0, Check::new("ping", true, || Ok(())));
        self.0
            .insert(1, Check::new("log", true, base::logging::check));
        let shutdown = shutdown.clone();
        self.0.push(Check::new("shutdown", false, move || {
            if shutdown.is_stopping() {
                Err("process is shutting down".to_owned())
            } else {
                Ok(())
            }
        }));
        self
    }
}

const ENDPOINTS: [&str; 3] = ["healthz", "livez", "readyz"];

/// The paths of all endpoints and of their checks.
pub(crate) fn paths(state: &State) -> impl Iterator<Item = String> {
    ENDPOINTS.into_iter().flat_map(|endpoint| {
        let checks = state.checks.0.iter();
        let asked = checks.filter(move |check| is_asked(check, endpoint));
        let single = asked.map(move |check| format!("/{endpoint}/{}", check.name));
        single.chain([format!("/{endpoint}")])
    })
}

/// `/readyz/<name>` as endpoint and name; the name is empty for all checks.
pub(crate) fn endpoint(path: &str) -> Option<(&'static str, &str)> {
    let path = path.trim_matches('/');
    let (first, name) = path.split_once('/').unwrap_or((path, ""));
    let endpoint = ENDPOINTS.into_iter().find(|known| *known == first)?;
    Some((endpoint, name))
}

/// Answers for all checks of `endpoint`, or for the one of this name.
///
/// # Errors
/// NotFound for a check that there is not.
pub(crate) async fn answer(
    state: &State,
    endpoint: &str,
    name: &str,
    uri: &Uri,
) -> Result<Response<Body>, StatusError> {
    let checks = state.checks.0.iter();
    let relevant: Vec<&Check> = checks.filter(|check| is_asked(check, endpoint)).collect();
    if name.is_empty() {
        return Ok(all(state, endpoint, &relevant, uri).await);
    }
    let check = relevant.into_iter().find(|check| check.name == name);
    let check = check.ok_or_else(StatusError::no_such_resource)?;
    Ok(match run(state, endpoint, check).await {
        Ok(()) => answer::text(StatusCode::OK, "ok"),
        Err(why) => {
            let text = format!("internal server error: {why}\n");
            answer::text(StatusCode::INTERNAL_SERVER_ERROR, text)
        }
    })
}

/// What a check finds in time.
pub(crate) async fn outcome(state: &State, check: &Check) -> Outcome {
    let outcome = state.parts.clock.timeout(PATIENCE, (check.run)()).await;
    outcome.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

/// `/healthz` is older than the other two and leaves out what only readiness means.
fn is_asked(check: &Check, endpoint: &str) -> bool {
    endpoint == "readyz" || check.liveness
}

async fn run(state: &State, endpoint: &str, check: &Check) -> Outcome {
    let outcome = outcome(state, check).await;
    let metrics = &state.metrics.health;
    metrics.checked(check.name, endpoint, outcome.is_ok());
    if let Err(why) = &outcome {
        tracing::warn!(endpoint, check = check.name, why, "health check failed");
    }
    outcome
}

async fn all(state: &State, endpoint: &str, checks: &[&Check], uri: &Uri) -> Response<Body> {
    let mut excluded: BTreeSet<String> = queries(uri, "exclude").collect();
    let (mut report, mut failed) = (String::new(), false);
    for check in checks {
        let name = check.name;
        let line = if excluded.remove(name) {
            format!("[+]{name} excluded: ok")
        } else if run(state, endpoint, check).await.is_ok() {
            format!("[+]{name} ok")
        } else {
            failed = true;
            // Everybody may ask: the reason is for the log.
            format!("[-]{name} failed: reason withheld")
        };
        writeln!(report, "{line}").expect("writing to a string cannot fail");
    }
    if !excluded.is_empty() {
        let names: Vec<String> = excluded.iter().map(|name| format!("{name:?}")).collect();
        let names = names.join(",");
        let warning = "warn: some health checks cannot be excluded: no matches for";
        writeln!(report, "{warning} {names}").expect("writing to a string cannot fail");
    }
    match (failed, asked(uri, "verbose")) {
        (true, _) => {
            let text = format!("{report}{endpoint} check failed\n");
            answer::line(StatusCode::INTERNAL_SERVER_ERROR, text)
        }
        (false, true) => answer::line(StatusCode::OK, format!("{report}{endpoint} check passed\n")),
        (false, false) => answer::line(StatusCode::OK, "ok"),
    }
}
