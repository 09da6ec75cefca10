//! POST to a subresource whose body is another kind: a write hook carries it out.

use apimachinery::admission::{Attributes, Operation};
use apimachinery::{GroupVersionKind, Object, StatusError};
use axum::body::Body;
use http::{Response, StatusCode};
use resources::Hook;

use super::body;
use crate::dispatch::Call;
use crate::{answer, options};

pub(crate) async fn create(
    call: Call<'_>,
    kind: &GroupVersionKind,
    hook: Hook,
) -> Result<Response<Body>, StatusError> {
    let (options, validation) = options::write(call.uri, "CreateOptions", call.subresource())?;
    let object = body::decode(&call, kind, validation)?;
    if hook == Hook::Token {
        return token(call, kind, object, options.dry_run).await;
    }
    registry::check_target(kind, &object, call.target())?;
    match hook {
        Hook::Binding => {
            call.writer().bind(call.target(), &object, &options).await?;
        }
        Hook::Eviction => {
            let deletion = object
                .at("/deleteOptions")
                .cloned()
                .and_then(Object::from_value);
            let mut deletion = options::delete_of(&deletion.unwrap_or_default())?;
            deletion.dry_run |= options.dry_run;
            call.writer().evict(call.target(), &deletion).await?;
        }
        other => {
            return Err(StatusError::internal(format!(
                "{other:?} is no subresource's hook"
            )));
        }
    }
    Ok(answer::created())
}

/// A token for the object of the path, if admission lets it. Nothing is stored, so that a dry run
/// is no different.
async fn token(
    call: Call<'_>,
    kind: &GroupVersionKind,
    mut request: Object,
    dry_run: bool,
) -> Result<Response<Body>, StatusError> {
    let target = call.target();
    let attributes = Attributes {
        operation: Operation::Create,
        kind,
        resource: &call.served.gvr(),
        subresource: call.subresource(),
        namespace: target.namespace,
        name: target.name,
        cx: call.cx,
        old: None,
        dry_run,
    };
    let admission = &*call.state.parts.admission;
    admission.mutate(&attributes, &mut request).await?;
    admission.validate(&attributes, Some(&request)).await?;
    let tokens = &call.state.parts.tokens;
    let issued = tokens.issue(target.namespace, target.name, request).await?;
    Ok(answer::json(StatusCode::CREATED, &issued.into_value()))
}
