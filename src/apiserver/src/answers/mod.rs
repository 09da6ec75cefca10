//! Kinds that are answered and never stored: the row says which, here is how. A POST is decoded
//! and checked like any create; what comes back is the object with its status.

mod access_review;
mod binding;
mod component_status;
mod identity_review;

use apimachinery::admission::Operation;
use apimachinery::{Object, StatusError, time};
use axum::body::Body;
use http::{Response, StatusCode};
use resources::{Answer, Cx};
use serde_json::Value;

use crate::dispatch::Call;
use crate::verbs::body;
use crate::{answer, options};

/// Answers a request about a kind that is not stored. The verb is one of the row's.
pub(crate) async fn handle(call: Call<'_>, kind: Answer) -> Result<Response<Body>, StatusError> {
    if kind == Answer::ComponentStatus {
        return component_status::read(call).await;
    }
    // What is not stored has no name to write to, and belongs to one namespace.
    let all_namespaces = call.row.namespaced() && call.path.namespace.is_empty();
    if !call.path.name.is_empty() || all_namespaces {
        return Err(StatusError::method_not_allowed());
    }
    match kind {
        Answer::Binding => binding::create(call).await,
        review => create(call, review).await,
    }
}

/// A review: nothing lasts, so that a dry run is no different.
async fn create(call: Call<'_>, review: Answer) -> Result<Response<Body>, StatusError> {
    let (mut object, _) = read(&call)?;
    let status = match review {
        Answer::TokenReview => identity_review::token(&call, &object).await?,
        Answer::SelfSubjectReview => identity_review::own(&call),
        Answer::SelfSubjectAccessReview => access_review::own(&call, &object),
        Answer::SubjectAccessReview | Answer::LocalSubjectAccessReview => {
            access_review::anyone(&call, &object)
        }
        Answer::SelfSubjectRulesReview => access_review::rules(&call, &object)?,
        Answer::Binding | Answer::ComponentStatus => return Err(StatusError::no_such_resource()),
    };
    if review == Answer::SelfSubjectReview {
        let now = time::format(call.state.parts.clock.wall());
        object.set_meta("creationTimestamp", &now);
    }
    object.metadata_mut();
    object.insert("status".to_owned(), status);
    Ok(answer::json(StatusCode::CREATED, &object.into_value()))
}

/// The body as the row's kind, checked by its strategy.
fn read(call: &Call<'_>) -> Result<(Object, registry::WriteOptions), StatusError> {
    let (options, validation) = options::write(call.uri, "CreateOptions", "")?;
    let kind = call.served.gvk();
    let mut object = body::decode(call, &kind, validation)?;
    let target = call.target();
    registry::check_target(&kind, &object, target)?;
    if call.row.namespaced() {
        object.set_meta("namespace", target.namespace);
    }
    // A client's status is not asked for.
    object.remove("status");
    let strategy = call.row.strategy;
    let cx = Cx {
        operation: Operation::Create,
        subresource: "",
        version: call.served.version.name,
        request: call.cx,
        now: call.state.parts.clock.wall(),
    };
    strategy.default(&cx, &mut object);
    let errors = strategy.validate(&cx, &object);
    if !errors.is_empty() {
        return Err(StatusError::invalid(&kind, object.name(), &errors));
    }
    Ok((object, options))
}

/// The texts of a list within a spec.
fn texts(spec: &Value, field: &str) -> Vec<String> {
    let list = spec.get(field).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(Into::into).collect()
}

fn text<'a>(spec: &'a Value, field: &str) -> &'a str {
    spec.get(field).and_then(Value::as_str).unwrap_or_default()
}
