//! A service account's token as a file of a projected volume.

use api::core::{Pod, ServiceAccountTokenProjection};

use super::VolumeCx;
use super::atomic::{Payload, Payloads};
use super::keys::check_path;

/// How long a token lives when its volume does not say.
const DEFAULT_SECONDS: i64 = 3600;

/// The token's file. Where one user or group shall read it, nobody else may.
///
/// # Errors
/// What the FailedMount event says: the API's refusal, a path that leads out.
pub async fn payloads(
    source: &ServiceAccountTokenProjection,
    default_mode: i32,
    cx: &VolumeCx<'_>,
) -> Result<Payloads, String> {
    check_path(&source.path)?;
    let pod = cx.facts.pod;
    let seconds = source.expiration_seconds.unwrap_or(DEFAULT_SECONDS);
    let audience = source.audience.as_deref().unwrap_or_default();
    let token = cx.tokens.get(pod, audience, seconds).await;
    let token = token.map_err(|error| format!("failed to fetch token: {error}"))?;
    let owner = only_user(pod);
    let mode = if owner.is_some() || cx.group().is_some() {
        0o600
    } else {
        default_mode.unsigned_abs() & 0o777
    };
    let payload = Payload {
        data: token.into_bytes(),
        mode,
        owner,
    };
    Ok([(source.path.clone(), payload)].into())
}

/// The user that all containers run as, when they say so.
fn only_user(pod: &Pod) -> Option<u32> {
    let spec = pod.spec.as_ref()?;
    let of_pod = spec.security_context.as_ref().and_then(|c| c.run_as_user);
    let init = spec.init_containers.iter().flatten();
    let mut users = init.chain(&spec.containers).map(|container| {
        let own = container.security_context.as_ref();
        own.and_then(|context| context.run_as_user).or(of_pod)
    });
    let first = users.next()??;
    let same = users.all(|user| user == Some(first));
    u32::try_from(first).ok().filter(|_| same)
}
