//! `metadata.managedFields`: who set which field, as writes other than apply record it.
//!
//! Entry point: [`record`]. A set of fields is the JSON that is stored (`FieldsV1`): `f:name` for
//! a field or key, `k:{"name":"a"}` for an item of a list by its keys, `v:"a"` for one by its
//! value; an empty set below a key is a field of its own, `.` says that a node is one as well.

mod sets;

use apimachinery::Object;
use serde_json::{Map, Value, json};

use crate::facts::TypeRef;
use sets::{difference, set, union};

/// The `FieldsV1` of a set of fields.
pub type Fields = Map<String, Value>;

/// More managers that only update share one entry of this name.
const ANCIENT: &str = "ancient-changes";
const MAX_MANAGERS: usize = 10;

/// What a write says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Write<'w> {
    /// The `fieldManager` parameter, or what [`manager`] makes of the user agent.
    pub manager: &'w str,
    /// `apps/v1`: the version the client wrote.
    pub api_version: &'w str,
    /// RFC 3339, whole seconds.
    pub time: &'w str,
    /// `status`; empty for the object itself.
    pub subresource: &'w str,
}

/// The manager that a client without `fieldManager` is: the first part of its user agent, of at
/// most 128 printable characters.
#[must_use]
pub fn manager(user_agent: &str) -> String {
    let first = user_agent.split('/').next().unwrap_or_default();
    let printable = first.chars().filter(|c| !c.is_control());
    printable.take(128).collect()
}

/// All fields of an object that somebody may manage.
#[must_use]
pub fn field_set(object: &Object, ty: TypeRef<'_>) -> Fields {
    changed(None, object, ty)
}

/// The entries after a write of `new` over `old` (`None` for one that is made). `old`'s own
/// entries are those before; an object that has none stays without, as upstream has it.
#[must_use]
pub fn record(old: Option<&Object>, new: &Object, ty: TypeRef<'_>, write: Write<'_>) -> Vec<Value> {
    let entries = old.and_then(|old| old.metadata()?.get("managedFields")?.as_array());
    let mut entries = match (entries, old) {
        (Some(entries), _) if !entries.is_empty() => entries.clone(),
        (_, Some(_)) => return Vec::new(),
        (_, None) => Vec::new(),
    };
    let set = changed(old, new, ty);
    let gone = old.map(|old| difference(&field_set(old, ty), &field_set(new, ty)));
    let gone = gone.unwrap_or_default();
    if set.is_empty() && gone.is_empty() {
        return entries;
    }
    let own = entries.iter().position(|entry| write.owns(entry));
    let own = own.map(|at| entries.remove(at));
    for entry in &mut entries {
        let left = difference(&difference(&fields(entry), &set), &gone);
        entry["fieldsV1"] = left.into();
    }
    let before = own.as_ref().map(fields).unwrap_or_default();
    let mine = difference(&union(before, &set), &gone);
    entries.push(write.entry(mine));
    entries.retain(|entry| !fields(entry).is_empty());
    bound(&mut entries);
    entries
}

impl Write<'_> {
    fn owns(&self, entry: &Value) -> bool {
        let is = |key: &str, value: &str| entry[key].as_str().unwrap_or_default() == value;
        is("operation", "Update")
            && is("manager", self.manager)
            && is("apiVersion", self.api_version)
            && is("subresource", self.subresource)
    }

    fn entry(&self, fields: Fields) -> Value {
        let mut entry = json!({
            "manager": self.manager, "operation": "Update", "apiVersion": self.api_version,
            "time": self.time, "fieldsType": "FieldsV1", "fieldsV1": fields,
        });
        if !self.subresource.is_empty() {
            entry["subresource"] = self.subresource.into();
        }
        entry
    }
}

fn fields(entry: &Value) -> Fields {
    entry["fieldsV1"].as_object().cloned().unwrap_or_default()
}

/// What is added or differs. The identity of an object, its kind and what the server counts are
/// nobody's.
fn changed(old: Option<&Object>, new: &Object, ty: TypeRef<'_>) -> Fields {
    const NOBODYS: [&str; 8] = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    let mut out = Fields::new();
    for (key, value) in new
        .0
        .iter()
        .filter(|(key, _)| !["apiVersion", "kind"].contains(&key.as_str()))
    {
        let before = old.and_then(|old| old.0.get(key));
        let Some(mut set) = set(before, value, ty.child(key), false) else {
            continue;
        };
        if key == "metadata" {
            set.remove(".");
            set.retain(|field, _| !NOBODYS.contains(&field.trim_start_matches("f:")));
            if set.is_empty() {
                continue;
            }
        }
        out.insert(format!("f:{key}"), set.into());
    }
    out
}

/// Merges the oldest updates of one version until there are few enough.
fn bound(entries: &mut Vec<Value>) {
    let is_update = |entry: &&Value| entry["operation"] == "Update";
    while entries.iter().filter(is_update).count() > MAX_MANAGERS {
        let oldest = |entries: &[Value], like: Option<&Value>| {
            let fits = |entry: &&Value| {
                is_update(entry)
                    && like.is_none_or(|like| entry["apiVersion"] == like["apiVersion"])
            };
            let times = entries.iter().enumerate().filter(|(_, entry)| fits(entry));
            times
                .min_by_key(|(_, entry)| entry["time"].as_str().unwrap_or_default().to_owned())
                .map(|(at, _)| at)
        };
        let Some(first) = oldest(entries, None).map(|at| entries.remove(at)) else {
            return;
        };
        let Some(at) = oldest(entries, Some(&first)) else {
            entries.push(first);
            return;
        };
        let both = union(fields(&first), &fields(&entries[at]));
        entries[at]["manager"] = ANCIENT.into();
        entries[at]["fieldsV1"] = both.into();
    }
}

#[cfg(test)]
mod tests;
