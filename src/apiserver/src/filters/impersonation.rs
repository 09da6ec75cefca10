//! `Impersonate-User`, `-Group`, `-Uid`, `-Extra-*`: acting as somebody else, for who may.

use std::collections::BTreeMap;

use apimachinery::{StatusError, UserInfo};
use auth::AuthzAttributes;
use http::{HeaderMap, HeaderName};

use super::authorization::decide;
use crate::State;
use crate::request_info::decode;

const USER: &str = "impersonate-user";
const GROUP: &str = "impersonate-group";
const UID: &str = "impersonate-uid";
const EXTRA: &str = "impersonate-extra-";
const AUTHENTICATION: &str = "authentication.k8s.io";
const UNAUTHENTICATED: &str = "system:unauthenticated";

/// Why a request cannot go on as somebody else.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The headers do not go together; upstream answers this as plain text.
    Headers(String),
    Forbidden(StatusError),
}

/// One identity that the client wants to have.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    ServiceAccount { namespace: String, name: String },
    User(String),
    Group(String),
    Extra { key: String, value: String },
    Uid(String),
}

/// The user that the headers name, or `None` without such headers.
///
/// # Errors
/// When the headers do not go together, or `requestor` may not impersonate one of them.
pub(crate) fn impersonated(
    state: &State,
    requestor: &UserInfo,
    headers: &HeaderMap,
) -> Result<Option<UserInfo>, Refusal> {
    let wishes = wishes(headers).map_err(Refusal::Headers)?;
    if wishes.is_empty() {
        return Ok(None);
    }
    for wish in &wishes {
        decide(state, &attributes(requestor, wish)).map_err(Refusal::Forbidden)?;
    }
    Ok(Some(user(wishes)))
}

/// Takes the headers away: what comes after sees the new user only.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let names: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_impersonation(name.as_str()))
        .cloned()
        .collect();
    for name in names {
        headers.remove(name);
    }
}

fn is_impersonation(name: &str) -> bool {
    matches!(name, USER | GROUP | UID) || name.starts_with(EXTRA)
}

fn wishes(headers: &HeaderMap) -> Result<Vec<Wish>, String> {
    // No request in a thousand has these headers: one pass, nothing allocated.
    if !headers.keys().any(|name| is_impersonation(name.as_str())) {
        return Ok(Vec::new());
    }
    let all = |name: &str| -> Vec<String> {
        let values = headers.get_all(name).iter();
        let text = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        text.collect()
    };
    let first = |name: &str| all(name).into_iter().next().filter(|text| !text.is_empty());
    let user = first(USER).map(|name| match service_account(&name) {
        Some((namespace, name)) => Wish::ServiceAccount { namespace, name },
        None => Wish::User(name),
    });
    let named = user.is_some();
    let mut wishes: Vec<Wish> = user.into_iter().collect();
    wishes.extend(all(GROUP).into_iter().map(Wish::Group));
    for header in headers.keys() {
        let Some(key) = header.as_str().strip_prefix(EXTRA) else {
            continue;
        };
        // A key that is not escaped well stands for itself, as upstream.
        let key = decode(key).unwrap_or_else(|| key.to_owned());
        wishes.extend(all(header.as_str()).into_iter().map(|value| Wish::Extra {
            key: key.clone(),
            value,
        }));
    }
    wishes.extend(first(UID).map(Wish::Uid));
    if named || wishes.is_empty() {
        return Ok(wishes);
    }
    let shown: Vec<String> = wishes.iter().map(Wish::shown).collect();
    Err(format!(
        "requested [{}] without impersonating a user",
        shown.join(" ")
    ))
}

/// `system:serviceaccount:<namespace>:<name>`, where both are good names.
fn service_account(user: &str) -> Option<(String, String)> {
    let (namespace, name) = user
        .strip_prefix("system:serviceaccount:")?
        .split_once(':')?;
    let good = resources::meta::dns_label(namespace).is_ok()
        && resources::meta::dns_subdomain(name).is_ok();
    good.then(|| (namespace.to_owned(), name.to_owned()))
}

impl Wish {
    /// As Go prints the ObjectReference that upstream makes of it.
    fn shown(&self) -> String {
        let authentication = format!("{AUTHENTICATION}/v1");
        let (kind, namespace, name, version, field) = match self {
            Self::ServiceAccount { namespace, name } => {
                ("ServiceAccount", namespace.as_str(), name, "", "")
            }
            Self::User(name) => ("User", "", name, "", ""),
            Self::Group(name) => ("Group", "", name, "", ""),
            Self::Extra { key, value } => (
                "UserExtra",
                "",
                value,
                authentication.as_str(),
                key.as_str(),
            ),
            Self::Uid(uid) => ("UID", "", uid, authentication.as_str(), ""),
        };
        format!("{{{kind} {namespace} {name}  {version}  {field}}}")
    }
}

fn attributes<'a>(requestor: &'a UserInfo, wish: &'a Wish) -> AuthzAttributes<'a> {
    let about = |group, resource, name| AuthzAttributes {
        name,
        ..AuthzAttributes::resource(requestor, "impersonate", group, resource)
    };
    match wish {
        Wish::ServiceAccount { namespace, name } => AuthzAttributes {
            namespace,
            ..about("", "serviceaccounts", name)
        },
        Wish::User(name) => about("", "users", name),
        Wish::Group(name) => about("", "groups", name),
        Wish::Uid(uid) => about(AUTHENTICATION, "uids", uid),
        Wish::Extra { key, value } => AuthzAttributes {
            subresource: key,
            ..about(AUTHENTICATION, "userextras", value)
        },
    }
}

/// The user of the wishes. Groups that are named are the authority; only what every identity has
/// is added.
fn user(wishes: Vec<Wish>) -> UserInfo {
    let mut user = UserInfo::default();
    let named = wishes.iter().any(|wish| matches!(wish, Wish::Group(_)));
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for wish in wishes {
        match wish {
            Wish::ServiceAccount { namespace, name } => {
                user.name = format!("system:serviceaccount:{namespace}:{name}");
                if !named {
                    let own = format!("system:serviceaccounts:{namespace}");
                    user.groups = vec!["system:serviceaccounts".into(), own];
                }
            }
            Wish::User(name) => user.name = name,
            Wish::Group(name) => user.groups.push(name),
            Wish::Uid(uid) => user.uid = uid,
            Wish::Extra { key, value } => extra.entry(key).or_default().push(value),
        }
    }
    user.extra = extra;
    let anonymous = user.name == UserInfo::anonymous().name;
    let implied = if anonymous {
        UNAUTHENTICATED
    } else {
        UserInfo::AUTHENTICATED
    };
    let has = |group: &str| user.groups.iter().any(|g| g == group);
    if !has(UNAUTHENTICATED) && !has(implied) {
        user.groups.push(implied.to_owned());
    }
    user
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&'static str, &'static str)]) -> Result<UserInfo, String> {
        let pairs = pairs.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, http::HeaderValue::from_static(value))
        });
        wishes(&pairs.collect()).map(user)
    }

    /// Headers, and the groups that follow.
    type Row = (
        &'static [(&'static str, &'static str)],
        &'static [&'static str],
    );

    #[test]
    fn groups_are_implied_unless_they_are_named() {
        let rows: [Row; 6] = [
            (&[(USER, "jane")], &["system:authenticated"]),
            (
                &[(USER, "jane"), (GROUP, "devs"), (GROUP, "ops")],
                &["devs", "ops", "system:authenticated"],
            ),
            (
                &[(USER, "jane"), (GROUP, "system:unauthenticated")],
                &["system:unauthenticated"],
            ),
            (&[(USER, "system:anonymous")], &["system:unauthenticated"]),
            (
                &[(USER, "system:serviceaccount:ns:sa")],
                &[
                    "system:serviceaccounts",
                    "system:serviceaccounts:ns",
                    "system:authenticated",
                ],
            ),
            (
                &[(USER, "system:serviceaccount:ns:sa"), (GROUP, "a")],
                &["a", "system:authenticated"],
            ),
        ];
        for (headers, groups) in rows {
            assert_eq!(read(headers).expect("a user").groups, groups, "{headers:?}");
        }
    }

    #[test]
    fn extra_keys_are_unescaped_and_a_user_is_needed() {
        let known = read(&[
            (USER, "jane"),
            (UID, "7"),
            ("impersonate-extra-acme.com%2fscope", "a"),
            ("impersonate-extra-acme.com%2fscope", "b"),
        ]);
        let known = known.expect("a user");
        assert_eq!(
            (known.uid.as_str(), &known.extra["acme.com/scope"][..]),
            ("7", &["a".to_owned(), "b".to_owned()][..])
        );
        let refused = read(&[(GROUP, "devs"), (UID, "7")]);
        let expected = "requested [{Group  devs    } {UID  7  authentication.k8s.io/v1  }] \
                        without impersonating a user";
        assert_eq!(refused, Err(expected.to_owned()));
    }
}
