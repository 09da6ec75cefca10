//! Brings the stored RBAC objects up to the bootstrap policy, as upstream does at every start.
//! It only ever adds: what an administrator has taken from a role comes back unless the object
//! says `rbac.authorization.kubernetes.io/autoupdate: "false"`, what was added stays.

use apimachinery::{Object, StatusError};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::objects;
use crate::cover::missing_of_policy;
use crate::rule::Rule;

const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";
/// How many objects are under way at once: the store commits what comes together together.
const AT_ONCE: usize = 64;
/// An object that others change or remove meanwhile is tried again this often.
const ATTEMPTS: usize = 4;

/// Where the objects are, below authorization. Kind, namespace and name are in each object.
pub trait RbacStore: Send + Sync {
    /// The stored object of the same kind, namespace and name.
    ///
    /// # Errors
    /// When it cannot be read.
    fn get<'a>(&'a self, like: &'a Object) -> BoxFuture<'a, Result<Option<Object>, StatusError>>;

    /// # Errors
    /// AlreadyExists, and others.
    fn create<'a>(&'a self, object: Object) -> BoxFuture<'a, Result<(), StatusError>>;

    /// At the resourceVersion that it carries.
    ///
    /// # Errors
    /// Conflict, NotFound, and others.
    fn update<'a>(&'a self, object: Object) -> BoxFuture<'a, Result<(), StatusError>>;

    /// The object with this uid.
    ///
    /// # Errors
    /// Conflict, NotFound, and others.
    fn delete<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<(), StatusError>>;
}

/// Makes what is missing, adds to what is less than it should be. How many objects were written.
///
/// # Errors
/// The first that could not be; all others have been tried as well.
pub async fn reconcile(store: &dyn RbacStore) -> Result<usize, StatusError> {
    let each = objects().into_iter().map(|expected| one(store, expected));
    let mut outcomes = stream::iter(each).buffer_unordered(AT_ONCE);
    let (mut written, mut failure) = (0, None);
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Ok(wrote) => written += usize::from(wrote),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    failure.map_or(Ok(written), Err)
}

/// Whether it was written.
async fn one(store: &dyn RbacStore, expected: Object) -> Result<bool, StatusError> {
    let mut attempts = 1;
    loop {
        let existing = store.get(&expected).await?;
        let outcome = match plan(existing.as_ref(), &expected) {
            Step::Nothing => return Ok(false),
            Step::Create => store.create(expected.clone()).await,
            Step::Update(object) => store.update(object).await,
            // The roleRef cannot be changed.
            Step::Recreate(existing) => match store.delete(&existing).await {
                Ok(()) => store.create(expected.clone()).await,
                Err(error) => Err(error),
            },
        };
        match outcome {
            Ok(()) => return Ok(true),
            Err(error) if attempts < ATTEMPTS && is_race(&error) => attempts += 1,
            Err(error) => return Err(error),
        }
    }
}

fn is_race(error: &StatusError) -> bool {
    error.is_conflict() || error.is_not_found() || error.is_already_exists()
}

/// What one object needs.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Nothing,
    Create,
    Update(Object),
    /// Remove this one and create the expected.
    Recreate(Object),
}

fn plan(existing: Option<&Object>, expected: &Object) -> Step {
    let Some(existing) = existing else {
        return Step::Create;
    };
    if existing.annotation(AUTOUPDATE) == Some("false") {
        return Step::Nothing;
    }
    let is_binding = expected.contains_key("roleRef");
    if is_binding && !same_role(existing, expected) {
        return Step::Recreate(existing.clone());
    }
    let mut object = existing.clone();
    for field in ["annotations", "labels"] {
        add_metadata(&mut object, expected, field);
    }
    if is_binding {
        add_subjects(&mut object, expected);
    } else {
        add_rules(&mut object, expected);
        add_selectors(&mut object, expected);
    }
    if object == *existing {
        Step::Nothing
    } else {
        Step::Update(object)
    }
}

fn same_role(existing: &Object, expected: &Object) -> bool {
    ["/roleRef/apiGroup", "/roleRef/kind", "/roleRef/name"]
        .iter()
        .all(|pointer| existing.at(pointer) == expected.at(pointer))
}

/// Values that are there stay as they are.
fn add_metadata(object: &mut Object, expected: &Object, field: &str) {
    let wanted = expected.metadata().and_then(|m| m.get(field)?.as_object());
    for (key, value) in wanted.into_iter().flatten() {
        let map = object.metadata_mut().entry(field).or_insert(json!({}));
        if let Some(map) = map.as_object_mut() {
            map.entry(key).or_insert_with(|| value.clone());
        }
    }
}

fn add_subjects(object: &mut Object, expected: &Object) {
    let identity = |subject: &Value| {
        let part = |field: &str| subject[field].as_str().unwrap_or_default().to_owned();
        ["apiGroup", "kind", "namespace", "name"].map(part)
    };
    let there: Vec<_> = items(object, "subjects").iter().map(identity).collect();
    let wanted = items(expected, "subjects").into_iter();
    append(
        object,
        "subjects",
        wanted.filter(|s| !there.contains(&identity(s))),
    );
}

fn add_rules(object: &mut Object, expected: &Object) {
    // Those of an aggregated role are its controller's.
    if expected.contains_key("aggregationRule") {
        return;
    }
    let missing = missing_of_policy(&rules(object), &rules(expected));
    let missing = missing.expect("a role of the policy gives less than a thousand permissions");
    append(object, "rules", missing.iter().map(|rule| json!(rule)));
}

fn add_selectors(object: &mut Object, expected: &Object) {
    let Some(wanted) = expected.get("aggregationRule") else {
        object.remove("aggregationRule");
        return;
    };
    let selectors = |rule: Option<&Value>| -> Vec<Value> {
        let list = rule.and_then(|rule| rule["clusterRoleSelectors"].as_array());
        list.cloned().unwrap_or_default()
    };
    let mut there = selectors(object.get("aggregationRule"));
    let before = there.len();
    for selector in selectors(Some(wanted)) {
        if !there.contains(&selector) {
            there.push(selector);
        }
    }
    if there.len() > before {
        object.insert(
            "aggregationRule".into(),
            json!({"clusterRoleSelectors": there}),
        );
    }
}

fn rules(object: &Object) -> Vec<Rule> {
    let rules = items(object, "rules");
    // What cannot be read gives nothing, and so is missing.
    let rules = rules.iter().filter_map(|rule| Rule::deserialize(rule).ok());
    rules.collect()
}

fn items(object: &Object, field: &str) -> Vec<Value> {
    let list = object.get(field).and_then(Value::as_array);
    list.cloned().unwrap_or_default()
}

fn append(object: &mut Object, field: &str, more: impl Iterator<Item = Value>) {
    let mut list = items(object, field);
    let before = list.len();
    list.extend(more);
    if list.len() > before {
        object.insert(field.to_owned(), list.into());
    }
}

#[cfg(test)]
mod tests;
