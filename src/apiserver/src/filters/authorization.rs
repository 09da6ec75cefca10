//! What is allowed: the authorizers decide on what the request is about.

use apimachinery::{FieldSelector, StatusError, UserInfo};
use auth::{AuthzAttributes, Decision};
use http::Uri;

use crate::State;
use crate::request_info::{RequestInfo, query};

/// Lets an allowed request go on.
///
/// # Errors
/// Forbidden, in upstream's words.
pub(crate) fn authorize(
    state: &State,
    info: &RequestInfo,
    uri: &Uri,
    user: &UserInfo,
) -> Result<(), StatusError> {
    let field_selector = query(uri, "fieldSelector");
    let Some(path) = &info.resource else {
        return decide(state, &AuthzAttributes::path(user, &info.verb, &info.path));
    };
    let selected = selected_name(info, &field_selector);
    let attributes = AuthzAttributes {
        subresource: &path.subresource,
        namespace: &path.namespace,
        name: selected.as_deref().unwrap_or(&path.name),
        field_selector: &field_selector,
        ..AuthzAttributes::resource(user, &info.verb, &path.group, &path.resource)
    };
    decide(state, &attributes)
}

/// Asks the authorizers; handlers do so for what a request turns out to do besides its verb.
///
/// # Errors
/// Forbidden, in upstream's words.
pub(crate) fn decide(state: &State, attributes: &AuthzAttributes<'_>) -> Result<(), StatusError> {
    let clock = &state.parts.clock;
    let started = clock.monotonic();
    let decision = state.parts.authorizer.authorize(attributes);
    let took = clock.monotonic().saturating_sub(started);
    state.metrics.identity.authorized(&decision, took);
    match decision {
        Decision::Allow(_) => Ok(()),
        Decision::Deny(why) | Decision::NoOpinion(why) => Err(auth::forbidden(attributes, &why)),
    }
}

/// A list or watch of the one object that `metadata.name=x` selects is about that object.
fn selected_name(info: &RequestInfo, field_selector: &str) -> Option<String> {
    let reads = matches!(info.verb.as_ref(), "list" | "watch");
    // The older way to watch names the object in its path or not at all.
    let by_path = info.resource.as_ref().is_some_and(|path| path.watch);
    if !reads || by_path || field_selector.is_empty() {
        return None;
    }
    // A selector that cannot be read selects nothing here, and is refused by the verb.
    let selector = FieldSelector::parse(field_selector).ok()?;
    let name = selector.exact("metadata.name")?;
    let is_name = resources::meta::path_segment(name).is_ok();
    is_name.then(|| name.to_owned())
}
