//! An API server in memory, for the tests of everything that talks to one.
//!
//! It keeps objects of any resource with revisions, names, UIDs, generations, finalizers and
//! grace periods, and answers get, list, watch, create, update, merge patch, delete and
//! deletecollection, with `status`, `scale`, `binding` and `eviction`. It does not default,
//! validate or authorize. What it cannot do it refuses with the status a server would give.
//!
//! [`FakeServer`] is a [`Transport`] and a [`ListWatchSource`]; requests can be made to fail,
//! answers to be lost, events to be dropped, history to be forgotten.

mod faults;
mod route;
mod selection;
mod state;
mod verbs;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::Kind;
use apimachinery::{GroupVersionResource, Object, StatusError};
use base::{Clock, TraceId};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use http::{Request, Response};
use tokio::sync::watch as channel;

use crate::list_watch::{EventStream, ListWatch, ListWatchSource, Listed};
use crate::transport::{ByteStream, Transport, TransportError};
use crate::{Client, WatchOptions};

use faults::Outcome;
pub use faults::{Effect, Verb};
use route::Route;
use selection::Selection;
use state::{Key, State};

/// The server. Clones are the same server.
#[derive(Clone)]
pub struct FakeServer(Arc<Shared>);

struct Shared {
    clock: Clock,
    state: Mutex<State>,
    /// Moves with every commit and every break of watches.
    news: channel::Sender<News>,
}

/// What watches wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct News {
    revision: u64,
    /// A watch of an earlier epoch has been cut off.
    epoch: u64,
}

/// A request as the server saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub verb: Verb,
    /// Path and query.
    pub uri: String,
    pub body: Bytes,
    pub trace: TraceId,
}

/// Filling, reading and disturbing the server, past its API.
impl FakeServer {
    /// An empty server at revision 1, whose timestamps are the clock's.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Shared {
            clock,
            state: Mutex::new(State::new()),
            news: channel::Sender::new(News::default()),
        }))
    }

    /// A client of this server.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(Arc::new(self.clone()))
    }

    /// Creates or replaces an object whole, status included. What a server fills in (UID,
    /// creation time) is filled in when it is missing.
    pub fn put<K: Kind>(&self, object: &K) -> K {
        self.put_object(&K::GVR, object.encode(), TraceId::NONE);
        self.get(object.namespace(), object.name())
            .expect("just put")
    }

    /// As [`FakeServer::put`], for any resource, on a trace. Gives the revision.
    pub fn put_object(&self, gvr: &GroupVersionResource, object: Object, trace: TraceId) -> u64 {
        let key = Key::of(gvr, &object);
        let now = self.0.clock.wall();
        self.change(|state| {
            let mut object = object;
            verbs::fill_in(&mut object, state.get(&key), now);
            state.commit(key, Some(object), trace);
            state.revision
        })
    }

    /// Takes an object away at once, whatever its finalizers. Gives the revision.
    pub fn remove(&self, gvr: &GroupVersionResource, namespace: &str, name: &str) -> u64 {
        let key = Key::new(gvr, namespace, name);
        self.change(|state| {
            if state.get(&key).is_some() {
                state.commit(key, None, TraceId::NONE);
            }
            state.revision
        })
    }

    #[must_use]
    pub fn get<K: Kind>(&self, namespace: &str, name: &str) -> Option<K> {
        let state = self.state();
        let object = state.get(&Key::new(&K::GVR, namespace, name))?;
        Some(api::view(object).expect("what was put decodes"))
    }

    /// All objects of a kind, by namespace and name.
    #[must_use]
    pub fn list<K: Kind>(&self) -> Vec<K> {
        let state = self.state();
        let objects = state.all(K::GVR.group_resource(), "");
        objects
            .map(|object| api::view(object).expect("what was put decodes"))
            .collect()
    }

    /// The revision of the last change.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.state().revision
    }

    /// Moves the revision as a change of some other resource does.
    pub fn skip_revisions(&self, count: u64) -> u64 {
        self.change(|state| {
            state.revision += count;
            state.revision
        })
    }

    /// Forgets the history: a watch from an earlier revision gets Expired.
    pub fn compact(&self) {
        let mut state = self.state();
        state.oldest = state.revision;
        state.log.clear();
    }

    /// Cuts all watches off, as a restart of the server does.
    pub fn break_watches(&self) {
        self.0.news.send_modify(|news| news.epoch += 1);
    }

    /// The next request with this verb for this resource (`pods`, `pods/status`) meets `effect`.
    /// Several wait in order.
    pub fn disturb(&self, verb: Verb, resource: &str, effect: Effect) {
        self.state().faults.add(verb, resource, effect);
    }

    /// The next change of this resource is kept, but no watch hears of it: the defect that an
    /// oracle must notice.
    pub fn drop_next_event(&self, resource: &str) {
        self.state().faults.drop_event(resource);
    }

    /// The requests since the last call.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.state().requests)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a change and tells the watches.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let result = change(&mut state);
        let revision = state.revision;
        self.0.news.send_if_modified(|news| {
            let moved = news.revision != revision;
            news.revision = revision;
            moved
        });
        result
    }
}

impl Transport for FakeServer {
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> BoxFuture<'_, Result<Response<ByteStream>, TransportError>> {
        Box::pin(std::future::ready(self.answer(&request)))
    }
}

impl FakeServer {
    fn answer(&self, request: &Request<Bytes>) -> Result<Response<ByteStream>, TransportError> {
        let route = match Route::of(request) {
            Ok(route) => route,
            Err(error) => return Ok(refusal(&error)),
        };
        let outcome = {
            let mut state = self.state();
            state.requests.push(route.record(request));
            state.faults.meet(route.verb, &route.resource_and_sub())
        };
        let answered = match outcome {
            Outcome::Unreachable => return Err(TransportError::unreachable("as planned")),
            Outcome::Refuse(error) => return Ok(refusal(&error)),
            Outcome::Pass | Outcome::LoseAnswer => self.run(&route, request.body()),
        };
        if matches!(outcome, Outcome::LoseAnswer) {
            return Err(TransportError::unanswered("as planned"));
        }
        Ok(answered.unwrap_or_else(|error| refusal(&error)))
    }

    fn run(&self, route: &Route, body: &Bytes) -> Result<Response<ByteStream>, StatusError> {
        if route.verb == Verb::Watch {
            let options = route.watch_options()?;
            let events = self.events(&route.gvr, &route.namespace, &options)?;
            let frames = events.map(|event| Ok(watch::frame(event)));
            return Ok(Response::new(frames.boxed()));
        }
        let now = self.0.clock.wall();
        let answer = self.change(|state| verbs::run(state, route, body, now))?;
        let text = Bytes::from(answer.body.to_string());
        Ok(response(answer.code, text))
    }

    fn events(
        &self,
        gvr: &GroupVersionResource,
        namespace: &str,
        options: &WatchOptions,
    ) -> Result<EventStream, StatusError> {
        let selection = Selection::parse(&options.labels, &options.fields)?;
        let resource = gvr.group_resource();
        let watch = watch::Watch::new(self.clone(), resource, namespace, selection, options);
        Ok(watch?.events())
    }
}

fn refusal(error: &StatusError) -> Response<ByteStream> {
    let body = serde_json::to_vec(&error.0).expect("a status always prints");
    response(error.code(), body.into())
}

fn response(code: u16, body: Bytes) -> Response<ByteStream> {
    let mut response = Response::new(stream::iter([Ok(body)]).boxed());
    *response.status_mut() = http::StatusCode::from_u16(code).expect("a known status code");
    response
}

impl ListWatchSource for FakeServer {
    /// Straight from the state: events keep their traces. For lists and watches by requests
    /// take [`FakeServer::client`] as the source.
    fn list_watch(&self, resource: &GroupVersionResource) -> Arc<dyn ListWatch> {
        Arc::new(FakeListWatch {
            server: self.clone(),
            gvr: resource.clone(),
        })
    }
}

struct FakeListWatch {
    server: FakeServer,
    gvr: GroupVersionResource,
}

impl FakeListWatch {
    fn meet(&self, verb: Verb) -> Result<(), StatusError> {
        match self.server.state().faults.meet(verb, &self.gvr.resource) {
            Outcome::Refuse(error) => Err(error),
            Outcome::Pass => Ok(()),
            Outcome::LoseAnswer | Outcome::Unreachable => {
                Err(StatusError::service_unavailable("as planned"))
            }
        }
    }
}

impl ListWatch for FakeListWatch {
    fn list(&self) -> BoxFuture<'_, Result<Listed, StatusError>> {
        Box::pin(async {
            self.meet(Verb::List)?;
            let state = self.server.state();
            let objects = state.all(self.gvr.group_resource(), "");
            Ok(Listed {
                items: objects.map(watch::encoded).collect(),
                revision: state.revision,
            })
        })
    }

    fn watch(&self, after: u64) -> BoxFuture<'_, Result<EventStream, StatusError>> {
        Box::pin(async move {
            self.meet(Verb::Watch)?;
            let options = WatchOptions {
                resource_version: Some(after),
                bookmarks: true,
                ..WatchOptions::default()
            };
            self.server.events(&self.gvr, "", &options)
        })
    }
}

#[cfg(test)]
mod tests;
