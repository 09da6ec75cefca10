//! What tokens say.

use std::time::Duration;

use apimachinery::Object;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::error::TokenError;

/// How far other machines' clocks may be off (upstream's token library's own).
pub(super) const LEEWAY: Duration = Duration::from_secs(60);

/// The claims of a bound token; seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    #[serde(default, deserialize_with = "one_or_many")]
    pub(super) aud: Vec<String>,
    pub(super) exp: i64,
    pub(super) iat: i64,
    pub(super) iss: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) jti: String,
    #[serde(rename = "kubernetes.io")]
    pub(super) bound: Bound,
    pub(super) nbf: i64,
    pub(super) sub: String,
}

/// The objects that a token stands and falls with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bound {
    pub(super) namespace: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) node: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pod: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<Reference>,
    pub(super) serviceaccount: Reference,
    /// When a client should have asked for the next one, for tokens that live longer than asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) warnafter: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reference {
    pub(super) name: String,
    /// Empty for a pod's Node that there is none of.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) uid: String,
}

impl Reference {
    pub(super) fn to(object: &Object) -> Self {
        Self {
            name: object.name().to_owned(),
            uid: object.uid().to_owned(),
        }
    }
}

impl Claims {
    /// Whether now is between the token's times.
    pub(super) fn check_times(&self, now: Timestamp) -> Result<(), TokenError> {
        let (now, leeway) = (now.as_second(), LEEWAY.as_secs().cast_signed());
        if now + leeway < self.nbf {
            return Err(TokenError::NotYetValid);
        }
        if now - leeway > self.exp {
            return Err(TokenError::Expired);
        }
        if now + leeway < self.iat {
            return Err(TokenError::IssuedInTheFuture);
        }
        Ok(())
    }
}

/// A claim that is a text or a list of texts (RFC 7519).
pub(super) fn one_or_many<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Form::deserialize(input)? {
        Form::One(text) => vec![text],
        Form::Many(list) => list,
    })
}
