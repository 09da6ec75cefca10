//! PUT of one object.

use apimachinery::{Object, StatusError};
use auth::AuthzAttributes;
use axum::body::Body;
use http::{Response, StatusCode};

use super::{answer_object, body};
use crate::dispatch::Call;
use crate::filters::authorization;
use crate::options;

pub(crate) async fn handle(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let (options, validation) = options::write(call.uri, "UpdateOptions", call.subresource())?;
    let kind = call.served.gvk();
    let object = body::decode(&call, &kind, validation)?;
    if object.name().is_empty() {
        return Err(StatusError::bad_request(format!(
            "the name of the object ({} based on URL) was undeterminable: name must be provided",
            call.path.name
        )));
    }
    let target = call.target();
    registry::check_target(&kind, &object, target)?;
    let writer = call.writer();
    let change = |_: &Object| Ok(object.clone());
    loop {
        let updated = writer.update(target, &change, &options);
        match updated.await {
            Err(error) if error.is_not_found() && may_create(&call, &object) => {}
            updated => return answer_object(&call, StatusCode::OK, &updated?),
        }
        authorize_create(&call)?;
        let namespace = target.namespace;
        let created = writer.create(namespace, object.clone(), &options);
        match created.await {
            // Another client has created it in between: there is something to update now.
            Err(error) if error.is_already_exists() => {}
            created => return answer_object(&call, StatusCode::CREATED, &created?),
        }
    }
}

/// Some kinds are created by a PUT, unless it names a version or a uid of an older object.
fn may_create(call: &Call<'_>, object: &Object) -> bool {
    call.row.create_on_update
        && call.path.subresource.is_empty()
        && object.resource_version().is_empty()
        && object.uid().is_empty()
}

/// A PUT that creates needs the right to create as well.
fn authorize_create(call: &Call<'_>) -> Result<(), StatusError> {
    let path = call.path;
    let attributes = AuthzAttributes {
        namespace: &path.namespace,
        name: &path.name,
        ..AuthzAttributes::resource(&call.cx.user, "create", &path.group, &path.resource)
    };
    authorization::decide(call.state, &attributes)
}
