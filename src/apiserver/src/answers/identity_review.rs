//! TokenReview and SelfSubjectReview: who somebody is.

use apimachinery::{Object, StatusError, UserInfo};
use auth::Credentials;
use serde_json::{Map, Value, json};

use super::{text, texts};
use crate::dispatch::Call;

/// Whose token it is.
pub(super) async fn token(call: &Call<'_>, review: &Object) -> Result<Value, StatusError> {
    let spec = review.get("spec").unwrap_or(&Value::Null);
    let (token, audiences) = (text(spec, "token"), texts(spec, "audiences"));
    if token.is_empty() {
        let text = "token is required for TokenReview in authentication";
        return Err(StatusError::bad_request(text));
    }
    let credentials = Credentials {
        peer_certificates: &[],
        bearer: Some(token),
        audiences: &audiences,
    };
    let outcome = call.state.parts.authenticator.authenticate(credentials);
    Ok(match outcome.await {
        Ok(Some(known)) => {
            if let Some(warning) = known.warning {
                call.cx.warn(warning);
            }
            let mut status = json!({"authenticated": true, "user": user(&known.user)});
            if !known.audiences.is_empty() {
                status["audiences"] = known.audiences.into();
            }
            status
        }
        Ok(None) => json!({"user": {}}),
        Err(error) => json!({"user": {}, "error": error.review()}),
    })
}

/// Who asks.
pub(super) fn own(call: &Call<'_>) -> Value {
    json!({"userInfo": user(&call.cx.user)})
}

/// As `authentication.k8s.io/v1` writes a user: what is empty is left out.
fn user(user: &UserInfo) -> Value {
    let mut map = Map::new();
    for (field, text) in [("username", &user.name), ("uid", &user.uid)] {
        if !text.is_empty() {
            map.insert(field.to_owned(), text.as_str().into());
        }
    }
    if !user.groups.is_empty() {
        map.insert("groups".to_owned(), user.groups.clone().into());
    }
    if !user.extra.is_empty() {
        map.insert("extra".to_owned(), json!(user.extra));
    }
    map.into()
}
