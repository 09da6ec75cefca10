//! TokenRequest: `POST …/serviceaccounts/{name}/token`.

use std::time::Duration;

use apimachinery::{
    FieldError, FieldErrors, GroupResource, GroupVersion, GroupVersionKind, Object, Path,
    StatusError, UserInfo, time,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::ServiceAccountTokens;
use super::claims::{Bound, Claims, Reference};
use super::objects::TokenObject;

const KIND: GroupVersionKind = GroupVersionKind::new("authentication.k8s.io", "v1", "TokenRequest");
/// What a request without `expirationSeconds` gets (upstream's default).
const DEFAULT_SECONDS: i64 = 3600;
const MIN_SECONDS: i64 = 600;
const MAX_SECONDS: i64 = 1 << 32;
/// The lifetime that the ServiceAccount admission plugin asks for, and by which it is told apart:
/// such a token lives for a year, because old client libraries read theirs only once.
const PROJECTED_SECONDS: i64 = 3607;
const EXTENDED_SECONDS: i64 = 365 * 24 * 3600;

/// The objects a new token will be bound to, beside the account.
#[derive(Default)]
struct Objects {
    node: Option<Reference>,
    pod: Option<Reference>,
    secret: Option<Reference>,
}

impl ServiceAccountTokens {
    /// Answers a TokenRequest for the service account: the request with its status filled in.
    /// Whether the caller may have it is for others to say, before.
    ///
    /// # Errors
    /// The refusal, as the client shall see it.
    pub async fn issue(
        &self,
        namespace: &str,
        name: &str,
        mut request: Object,
    ) -> Result<Object, StatusError> {
        check_names(&request, namespace, name)?;
        let kind = TokenObject::ServiceAccount;
        let account = self.existing(kind, namespace, name).await?;
        let now = self.clock.wall();
        self.fill_in(&mut request, &account, now);
        let seconds = expiration(&request);
        validate(seconds)?;
        let objects = self.objects_of(&request, namespace, name).await?;
        let audiences = audiences(&request);

        let is_projected = objects.pod.is_some()
            && seconds == PROJECTED_SECONDS
            && audiences.iter().all(|one| self.audiences.contains(one));
        let life = if is_projected {
            EXTENDED_SECONDS
        } else {
            seconds
        };
        let issued = now.as_second();
        let token = self.keys.sign(&Claims {
            aud: audiences,
            exp: issued + life,
            iat: issued,
            iss: self.issuer.clone(),
            jti: base::random::uuid(),
            bound: Bound {
                namespace: namespace.to_owned(),
                node: objects.node,
                pod: objects.pod,
                secret: objects.secret,
                serviceaccount: Reference::to(&account),
                warnafter: is_projected.then_some(issued + seconds),
            },
            nbf: issued,
            sub: UserInfo::service_account(namespace, name).name,
        });
        let token = token
            .map_err(|error| StatusError::internal(format!("failed to generate token: {error}")))?;
        let asked = Duration::from_secs(seconds.unsigned_abs());
        let end = now.saturating_add(asked).unwrap_or(Timestamp::MAX);
        let status = json!({"token": token, "expirationTimestamp": time::format(end)});
        request.insert("status".into(), status);
        Ok(request)
    }

    /// Names, time and defaults, as upstream's storage sets them.
    fn fill_in(&self, request: &mut Object, account: &Object, now: Timestamp) {
        request.set_gvk(&KIND);
        request.set_meta("name", account.name());
        request.set_meta("namespace", account.namespace());
        request.set_meta("creationTimestamp", &time::format(now));
        let spec = request.map_mut("spec");
        if spec
            .get("audiences")
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty)
        {
            spec.insert("audiences".into(), json!(self.audiences));
        }
        let seconds = spec.entry("expirationSeconds").or_insert(Value::Null);
        if seconds.is_null() {
            *seconds = DEFAULT_SECONDS.into();
        }
        spec.entry("boundObjectRef").or_insert(Value::Null);
    }

    async fn objects_of(
        &self,
        request: &Object,
        namespace: &str,
        account: &str,
    ) -> Result<Objects, StatusError> {
        let Some(reference) = request.at("/spec/boundObjectRef").filter(|r| r.is_object()) else {
            return Ok(Objects::default());
        };
        let text = |field: &str| reference[field].as_str().unwrap_or_default();
        let version = GroupVersion::parse(text("apiVersion"));
        let group = version.as_ref().map_or("", |version| &version.group);
        let kind = match (group, text("kind")) {
            ("", "Pod") => TokenObject::Pod,
            ("", "Secret") => TokenObject::Secret,
            ("", "Node") => TokenObject::Node,
            (_, kind) => {
                let of = match &version {
                    Some(version) => format!("{version}, Kind={kind}"),
                    None => format!("/, Kind={kind}"),
                };
                let text = format!("cannot bind token to object of type {of}");
                return Err(StatusError::bad_request(text));
            }
        };
        let scope = if kind == TokenObject::Node {
            ""
        } else {
            namespace
        };
        let found = self.existing(kind, scope, text("name")).await?;
        let bound = Some(Reference::to(&found));
        let objects = match kind {
            TokenObject::Pod => Objects {
                node: self.node_of(&found, account).await?,
                pod: bound,
                secret: None,
            },
            TokenObject::Node => Objects {
                node: bound,
                ..Objects::default()
            },
            TokenObject::Secret | TokenObject::ServiceAccount => Objects {
                secret: bound,
                ..Objects::default()
            },
        };
        check_uid(kind, &found, text("uid"))?;
        Ok(objects)
    }

    /// The pod's Node, which is only told; a Node that does not exist is told without uid.
    async fn node_of(&self, pod: &Object, account: &str) -> Result<Option<Reference>, StatusError> {
        let text = |pointer| pod.at(pointer).and_then(Value::as_str).unwrap_or_default();
        if text("/spec/serviceAccountName") != account {
            return Err(StatusError::bad_request(format!(
                "cannot bind token for serviceaccount {account:?} to pod running with different \
                 serviceaccount name."
            )));
        }
        let node = text("/spec/nodeName");
        if node.is_empty() {
            return Ok(None);
        }
        let found = self.objects.get(TokenObject::Node, "", node).await?;
        Ok(Some(found.as_ref().map_or_else(
            || Reference {
                name: node.to_owned(),
                uid: String::new(),
            },
            Reference::to,
        )))
    }

    async fn existing(
        &self,
        kind: TokenObject,
        namespace: &str,
        name: &str,
    ) -> Result<Object, StatusError> {
        let found = self.objects.get(kind, namespace, name).await?;
        found.ok_or_else(|| StatusError::not_found(&kind.resource(), name))
    }
}

fn check_names(request: &Object, namespace: &str, name: &str) -> Result<(), StatusError> {
    let metadata = Path::new("metadata");
    let rows = [
        ("name", request.name(), name),
        ("namespace", request.namespace(), namespace),
    ];
    for (field, given, expected) in rows {
        if !given.is_empty() && given != expected {
            let text = format!("must match the service account {field} if specified");
            let error = FieldError::invalid(&metadata.child(field), given, text);
            return Err(StatusError::invalid(&KIND, name, &FieldErrors(vec![error])));
        }
    }
    Ok(())
}

fn expiration(request: &Object) -> i64 {
    let seconds = request.at("/spec/expirationSeconds");
    // The schema has refused what is no integer.
    seconds.and_then(Value::as_i64).unwrap_or_default()
}

fn audiences(request: &Object) -> Vec<String> {
    let list = request.at("/spec/audiences").and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(Into::into).collect()
}

fn validate(seconds: i64) -> Result<(), StatusError> {
    let text = if seconds < MIN_SECONDS {
        "may not specify a duration less than 10 minutes"
    } else if seconds > MAX_SECONDS {
        "may not specify a duration larger than 2^32 seconds"
    } else {
        return Ok(());
    };
    let path = Path::new("spec").child("expirationSeconds");
    let error = FieldError::invalid(&path, seconds, text);
    Err(StatusError::invalid(&KIND, "", &FieldErrors(vec![error])))
}

fn check_uid(kind: TokenObject, found: &Object, uid: &str) -> Result<(), StatusError> {
    if uid.is_empty() || uid == found.uid() {
        return Ok(());
    }
    // Upstream puts the kind where a resource belongs.
    let resource = GroupResource {
        group: "".into(),
        resource: kind.kind().into(),
    };
    let text = format!(
        "the UID in the bound object reference ({uid}) does not match the UID in record. The \
         object might have been deleted and then recreated"
    );
    Err(StatusError::conflict(&resource, found.name(), &text))
}
