//! What the fake server does with a request.

use apimachinery::{Details, Object, Status, StatusError, merge_patch, time};
use base::TraceId;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::faults::Verb;
use super::route::Route;
use super::selection::Selection;
use super::state::{Key, State};

pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) body: Value,
}

impl From<Object> for Answer {
    fn from(object: Object) -> Self {
        Self {
            code: 200,
            body: object.into_value(),
        }
    }
}

type Answered = Result<Answer, StatusError>;

/// A request in progress.
struct Call<'a> {
    state: &'a mut State,
    route: &'a Route,
    body: &'a Bytes,
    now: Timestamp,
}

pub(super) fn run(state: &mut State, route: &Route, body: &Bytes, now: Timestamp) -> Answered {
    let mut call = Call {
        state,
        route,
        body,
        now,
    };
    match (route.verb, route.sub.as_str()) {
        (Verb::Create, "") => call.create(),
        (Verb::Create, "binding") => call.bind(),
        (Verb::Create, "eviction") => call.evict(),
        (Verb::Create, "token") => call.token(),
        (Verb::Get, "scale") => call.old().map(|old| scale_of(&old).into()),
        (Verb::Get, _) => call.old().map(Into::into),
        (Verb::List, _) => call.list(),
        (Verb::Update, _) => {
            let body = call.object()?;
            call.replace(body)
        }
        (Verb::Patch, _) => call.patch(),
        (Verb::Delete, "") => call.delete(&call.key(), &call.options()?),
        (Verb::DeleteCollection, _) => call.delete_collection(),
        _ => Err(StatusError::method_not_allowed()),
    }
}

/// What a server fills in at creation, or keeps from the state before.
pub(super) fn fill_in(object: &mut Object, old: Option<&Object>, now: Timestamp) {
    let defaults = [
        ("uid", base::random::uuid()),
        ("creationTimestamp", time::format(now)),
    ];
    for (field, fresh) in defaults {
        if object.meta(field).is_empty() {
            let kept = old
                .map(|old| old.meta(field))
                .filter(|kept| !kept.is_empty());
            object.set_meta(field, kept.unwrap_or(&fresh));
        }
    }
    if object.generation() == 0 {
        let generation = old.map_or(1, Object::generation);
        object
            .metadata_mut()
            .insert("generation".into(), generation.into());
    }
}

impl Call<'_> {
    fn key(&self) -> Key {
        Key::new(&self.route.gvr, &self.route.namespace, &self.route.name)
    }

    fn trace(&self) -> TraceId {
        self.route.trace
    }

    fn dry_run(&self) -> bool {
        self.route.parameter("dryRun") == "All"
    }

    fn json(&self) -> Result<Value, StatusError> {
        serde_json::from_slice(self.body).map_err(|e| StatusError::bad_request(e.to_string()))
    }

    fn object(&self) -> Result<Object, StatusError> {
        let object = Object::from_value(self.json()?);
        object.ok_or_else(|| StatusError::bad_request("the body is not an object"))
    }

    fn options(&self) -> Result<Object, StatusError> {
        if self.body.is_empty() {
            Ok(Object::default())
        } else {
            self.object()
        }
    }

    fn old(&self) -> Result<Object, StatusError> {
        let found = self.state.get(&self.key()).cloned();
        let resource = self.route.gvr.group_resource();
        found.ok_or_else(|| StatusError::not_found(&resource, &self.route.name))
    }

    fn commit(&mut self, key: Key, object: Object) -> Object {
        if self.dry_run() {
            return object;
        }
        self.state.commit(key, Some(object), self.route.trace)
    }

    fn create(&mut self) -> Answered {
        let mut object = self.object()?;
        object.set_meta("namespace", &self.route.namespace);
        if object.name().is_empty() {
            let prefix = object.meta("generateName").to_owned();
            if prefix.is_empty() {
                return Err(StatusError::bad_request("name or generateName is required"));
            }
            object.set_meta("name", &format!("{prefix}{}", base::random::name_suffix(5)));
        }
        let key = Key::of(&self.route.gvr, &object);
        if self.state.get(&key).is_some() {
            return Err(StatusError::already_exists(&key.resource, &key.name));
        }
        for field in [
            "uid",
            "creationTimestamp",
            "resourceVersion",
            "deletionTimestamp",
        ] {
            object.set_meta(field, "");
        }
        object.metadata_mut().remove("generation");
        fill_in(&mut object, None, self.now);
        let mut answer = Answer::from(self.commit(key, object));
        answer.code = 201;
        Ok(answer)
    }

    /// A token that says whose it is and when it was made.
    fn token(&mut self) -> Answered {
        let (mut request, account) = (self.json()?, &self.route.name);
        let seconds = request["spec"]["expirationSeconds"].as_i64();
        let expires = self
            .now
            .saturating_add(SignedDuration::from_secs(seconds.unwrap_or(3600)));
        let expires = expires.map_err(|error| StatusError::bad_request(error.to_string()))?;
        let namespace = &self.route.namespace;
        request["status"] = json!({
            "token": format!("{namespace}/{account}@{}", time::format(self.now)),
            "expirationTimestamp": time::format(expires),
        });
        let code = 201;
        Ok(Answer {
            code,
            body: request,
        })
    }

    fn list(&mut self) -> Answered {
        let route = self.route;
        let fields = route.parameter("fieldSelector");
        let selection = Selection::parse(route.parameter("labelSelector"), fields)?;
        let resource = route.gvr.group_resource();
        let all = self.state.all(resource, &route.namespace);
        let selected: Vec<_> = all.filter(|object| selection.matches(object)).collect();
        let start = route.parameter("continue").parse().unwrap_or(0);
        let limit = route.parameter("limit").parse().unwrap_or(usize::MAX);
        let items: Vec<_> = selected.iter().skip(start).take(limit).collect();
        let mut metadata = json!({"resourceVersion": self.state.revision.to_string()});
        let end = start + items.len();
        if end < selected.len() {
            metadata["continue"] = end.to_string().into();
            metadata["remainingItemCount"] = (selected.len() - end).into();
        }
        let body =
            json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items});
        Ok(Answer { code: 200, body })
    }

    fn patch(&mut self) -> Answered {
        if self.route.media_type != "application/merge-patch+json" {
            let accepted = ["application/merge-patch+json"];
            return Err(StatusError::unsupported_media_type(&accepted));
        }
        let patch = self.json()?;
        let old = self.old()?;
        let mut value = match self.route.sub.as_str() {
            "scale" => scale_of(&old).into_value(),
            _ => old.into_value(),
        };
        merge_patch(&mut value, &patch);
        if patch.pointer("/metadata/resourceVersion").is_none()
            && let Some(metadata) = value["metadata"].as_object_mut()
        {
            metadata.remove("resourceVersion");
        }
        let new = Object::from_value(value);
        self.replace(new.ok_or_else(|| StatusError::bad_request("the patch is not an object"))?)
    }

    /// Update of the object, its status or its scale.
    fn replace(&mut self, body: Object) -> Answered {
        let old = self.old()?;
        let resource = self.route.gvr.group_resource();
        let names = |field| !body.meta(field).is_empty() && body.meta(field) != old.meta(field);
        if names("resourceVersion") {
            return Err(StatusError::modified(&resource, &self.route.name));
        }
        if names("uid") {
            let why = "Precondition failed: UID in precondition does not match";
            return Err(StatusError::conflict(&resource, &self.route.name, why));
        }
        let mut new = match self.route.sub.as_str() {
            "status" => {
                let mut new = old.clone();
                copy(&mut new, &body, "status");
                new
            }
            "scale" => {
                let mut new = old.clone();
                let replicas = body.at("/spec/replicas").cloned().unwrap_or(0.into());
                new.map_mut("spec").insert("replicas".into(), replicas);
                new
            }
            _ => {
                let mut new = body;
                copy(&mut new, &old, "status");
                new
            }
        };
        for field in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "namespace",
            "resourceVersion",
        ] {
            new.set_meta(field, old.meta(field));
        }
        let changed = new.get("spec") != old.get("spec");
        let generation = old.generation() + i64::from(changed);
        new.metadata_mut()
            .insert("generation".into(), generation.into());
        let stored = if new == old { old } else { self.store(new) };
        Ok(match self.route.sub.as_str() {
            "scale" => scale_of(&stored).into(),
            _ => stored.into(),
        })
    }

    /// Commits an update; a deleted object goes with its last finalizer.
    fn store(&mut self, new: Object) -> Object {
        let waits = new
            .at("/metadata/deletionGracePeriodSeconds")
            .and_then(Value::as_i64);
        let over = !new.meta("deletionTimestamp").is_empty()
            && new.finalizers().next().is_none()
            && waits.unwrap_or(0) == 0;
        let key = self.key();
        if over && !self.dry_run() {
            return self.state.commit(key, None, self.trace());
        }
        self.commit(key, new)
    }

    fn bind(&mut self) -> Answered {
        let mut pod = self.old()?;
        let target = self.object()?;
        let node = target
            .at("/target/name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let bound = pod
            .at("/spec/nodeName")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !bound.is_empty() {
            let why = format!("pod {} is already assigned to node {bound:?}", pod.name());
            let resource = self.route.gvr.group_resource();
            return Err(StatusError::conflict(&resource, pod.name(), &why));
        }
        pod.map_mut("spec").insert("nodeName".into(), node.into());
        let scheduled = json!([{
            "type": "PodScheduled", "status": "True", "lastTransitionTime": time::format(self.now),
        }]);
        pod.map_mut("status").insert("conditions".into(), scheduled);
        self.commit(self.key(), pod);
        Ok(success(201))
    }

    fn evict(&mut self) -> Answered {
        let body = self.object()?;
        let options = body
            .get("deleteOptions")
            .cloned()
            .and_then(Object::from_value);
        self.delete(&self.key(), &options.unwrap_or_default())?;
        Ok(success(201))
    }

    fn delete_collection(&mut self) -> Answered {
        let route = self.route;
        let fields = route.parameter("fieldSelector");
        let selection = Selection::parse(route.parameter("labelSelector"), fields)?;
        let resource = route.gvr.group_resource();
        let all = self.state.all(resource, &route.namespace);
        let selected = all.filter(|object| selection.matches(object));
        let keys: Vec<_> = selected.map(|object| Key::of(&route.gvr, object)).collect();
        let options = self.options()?;
        for key in keys {
            self.delete(&key, &options)?;
        }
        Ok(success(200))
    }

    fn delete(&mut self, key: &Key, options: &Object) -> Answered {
        let found = self.state.get(key).cloned();
        let old = found.ok_or_else(|| StatusError::not_found(&key.resource, &key.name))?;
        for (field, what) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
            let wanted = options.at(&format!("/preconditions/{field}"));
            if wanted.is_some_and(|wanted| *wanted != old.meta(field)) {
                let why = format!("Precondition failed: {what} in precondition does not match");
                return Err(StatusError::conflict(&key.resource, &key.name, &why));
            }
        }
        let mut new = old.clone();
        add_propagation_finalizer(&mut new, options);
        let grace = grace(&old, options);
        if grace == 0 && new.finalizers().next().is_none() {
            if !self.dry_run() {
                self.state.commit(key.clone(), None, self.trace());
            }
            return Ok(success(200));
        }
        let until = self.now.saturating_add(SignedDuration::from_secs(grace));
        if new.meta("deletionTimestamp").is_empty() {
            new.set_meta(
                "deletionTimestamp",
                &time::format(until.unwrap_or(self.now)),
            );
        }
        new.metadata_mut()
            .insert("deletionGracePeriodSeconds".into(), grace.into());
        let stored = if new == old {
            old
        } else {
            self.commit(key.clone(), new)
        };
        Ok(stored.into())
    }
}

/// A bound pod that is not finished ends gracefully, everything else at once.
fn grace(object: &Object, options: &Object) -> i64 {
    let phase = object.at("/status/phase").and_then(Value::as_str);
    let bound = object.at("/spec/nodeName").is_some_and(|name| *name != "");
    let pod = object
        .gvk()
        .is_some_and(|gvk| gvk.kind == "Pod" && gvk.group.is_empty());
    if !pod || !bound || matches!(phase, Some("Succeeded" | "Failed")) {
        return 0;
    }
    let asked = options.get("gracePeriodSeconds").and_then(Value::as_i64);
    let own = object.at("/spec/terminationGracePeriodSeconds");
    asked.or_else(|| own.and_then(Value::as_i64)).unwrap_or(30)
}

fn add_propagation_finalizer(object: &mut Object, options: &Object) {
    let finalizer = match options.get("propagationPolicy").and_then(Value::as_str) {
        Some("Orphan") => "orphan",
        Some("Foreground") => "foregroundDeletion",
        _ => return,
    };
    if object.finalizers().any(|f| f == finalizer) {
        return;
    }
    let mut all: Vec<Value> = object.finalizers().map(Into::into).collect();
    all.push(finalizer.into());
    object
        .metadata_mut()
        .insert("finalizers".into(), all.into());
}

fn copy(to: &mut Object, from: &Object, field: &str) {
    match from.get(field) {
        None => to.remove(field),
        Some(value) => to.insert(field.to_owned(), value.clone()),
    };
}

fn scale_of(object: &Object) -> Object {
    let replicas = |at: &str| object.at(at).cloned().unwrap_or(0.into());
    let scale = json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale",
        "metadata": {
            "name": object.name(), "namespace": object.namespace(), "uid": object.uid(),
            "resourceVersion": object.resource_version(),
        },
        "spec": {"replicas": replicas("/spec/replicas")},
        "status": {"replicas": replicas("/status/replicas")},
    });
    Object::from_value(scale).expect("an object was written down")
}

fn success(code: u16) -> Answer {
    let status = Status::success(Details::default());
    Answer {
        code,
        body: serde_json::to_value(status).expect("a status always prints"),
    }
}
