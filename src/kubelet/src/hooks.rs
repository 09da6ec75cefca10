//! Lifecycle hooks: what a container asked to be done after its start and before its end.

use std::sync::Arc;
use std::time::Duration;

use api::core::{Container, ExecAction, HTTPGetAction, LifecycleHandler, Pod};

use crate::http_get::{self, Target};
use crate::pod::config::identity;
use crate::shared::Shared;

/// Whose hook.
pub struct Subject<'a> {
    pub shared: &'a Arc<Shared>,
    pub pod: &'a Pod,
    pub container: &'a Container,
    /// The run's id.
    pub id: &'a str,
    pub pod_ip: &'a str,
}

/// Runs a hook to its end; the caller limits the time.
///
/// # Errors
/// What the status says of a failed postStart, in upstream's words.
pub async fn run(subject: &Subject<'_>, handler: &LifecycleHandler) -> Result<(), String> {
    if let Some(action) = &handler.exec {
        return exec(subject, action).await;
    }
    if let Some(action) = &handler.http_get {
        return http(subject, action).await;
    }
    if let Some(action) = &handler.sleep {
        let seconds = action.seconds.max(0).unsigned_abs();
        subject
            .shared
            .clock
            .sleep(Duration::from_secs(seconds))
            .await;
        return Ok(());
    }
    Err(format!(
        "invalid handler: the hook of container {} names no action that can be run",
        subject.container.name
    ))
}

async fn exec(subject: &Subject<'_>, action: &ExecAction) -> Result<(), String> {
    let command = action.command.clone().unwrap_or_default();
    let runtime = &subject.shared.runtime;
    let ran = runtime.exec_sync(subject.id, command.clone(), None).await;
    let (why, output) = match ran {
        Ok(result) if result.exit_code == 0 => return Ok(()),
        Ok(result) => {
            let stderr = String::from_utf8_lossy(&result.stderr);
            let line = command.join(" ");
            let why = format!(
                "command '{line}' exited with {}: {stderr}",
                result.exit_code
            );
            (why, [result.stdout, result.stderr.clone()].concat())
        }
        Err(error) => (error.to_string(), Vec::new()),
    };
    let hook = format!("Exec lifecycle hook ([{}])", command.join(" "));
    Err(failure(
        subject,
        &hook,
        &why,
        &String::from_utf8_lossy(&output),
    ))
}

/// Any answer is a success; only no answer is none.
async fn http(subject: &Subject<'_>, action: &HTTPGetAction) -> Result<(), String> {
    let asked = match Target::of(action, subject.container, subject.pod_ip) {
        Ok(target) => http_get::get(&subject.shared.clock, &target, Duration::MAX).await,
        Err(why) => Err(why),
    };
    let path = action.path.as_deref().unwrap_or_default();
    let hook = format!("HTTP lifecycle hook ({path})");
    asked
        .map(|_| ())
        .map_err(|why| failure(subject, &hook, &why, ""))
}

fn failure(subject: &Subject<'_>, hook: &str, why: &str, output: &str) -> String {
    let (namespace, name, uid) = identity(subject.pod);
    format!(
        "{hook} for Container {:?} in Pod \"{name}_{namespace}({uid})\" failed - error: {why}, \
         message: {output:?}",
        subject.container.name
    )
}
