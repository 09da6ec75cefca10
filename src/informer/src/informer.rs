//! The shared cache of one resource, and how components read it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use api::Kind;
use apimachinery::{Encoded, GroupVersionResource};
use base::{Clock, Shutdown};
use client::{ListWatchSource, Listed};
use futures::FutureExt;
use tokio::sync::watch;

use crate::cache::Cache;
use crate::index::IndexFn;
use crate::key::Key;
use crate::lister::Lister;
use crate::reflector;

/// One informer per resource, for the whole process; made when first asked for.
#[derive(Clone)]
pub struct Informers {
    source: Arc<dyn ListWatchSource>,
    clock: Clock,
    shutdown: Shutdown,
    made: Arc<Mutex<HashMap<GroupVersionResource, Informer>>>,
}

impl Informers {
    #[must_use]
    pub fn new(source: Arc<dyn ListWatchSource>, clock: Clock, shutdown: Shutdown) -> Self {
        Self {
            source,
            clock,
            shutdown,
            made: Arc::default(),
        }
    }

    /// The informer of a resource; the first call starts it.
    #[must_use]
    pub fn of(&self, resource: &GroupVersionResource) -> Informer {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(informer) = made.get(resource) {
            return informer.clone();
        }
        let informer = Informer(Arc::new(Inner {
            resource: resource.clone(),
            cache: RwLock::default(),
            handlers: Mutex::default(),
            progress: watch::Sender::new(Progress::default()),
        }));
        let list_watch = self.source.list_watch(resource);
        let running = reflector::run(
            informer.clone(),
            list_watch,
            self.clock.clone(),
            self.shutdown.clone(),
        );
        base::tasks::spawn("reflector", running);
        made.insert(resource.clone(), informer.clone());
        informer
    }

    /// A typed reader of a kind's informer.
    #[must_use]
    pub fn lister<K: Kind>(&self) -> Lister<K> {
        Lister::new(self.of(&K::GVR))
    }
}

/// One change of a cache, after it has happened.
#[derive(Clone, Debug)]
pub enum Change<'a> {
    Added(&'a Encoded),
    Modified {
        old: &'a Encoded,
        new: &'a Encoded,
    },
    /// The last state.
    Deleted(&'a Encoded),
}

impl Change<'_> {
    /// The object's newest known state.
    #[must_use]
    pub fn object(&self) -> &Encoded {
        match self {
            Self::Added(object) | Self::Deleted(object) | Self::Modified { new: object, .. } => {
                object
            }
        }
    }
}

type Handler = Box<dyn Fn(&Change<'_>) + Send + Sync>;

/// How far a cache has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub synced: bool,
    pub revision: u64,
}

struct Inner {
    resource: GroupVersionResource,
    cache: RwLock<Cache>,
    /// Held while a change is handed out: handlers see changes one by one, in order.
    handlers: Mutex<Vec<Handler>>,
    progress: watch::Sender<Progress>,
}

/// A handle on the shared cache of one resource.
#[derive(Clone)]
pub struct Informer(Arc<Inner>);

impl Informer {
    #[must_use]
    pub fn resource(&self) -> &GroupVersionResource {
        &self.0.resource
    }

    /// Makes objects findable by [`Informer::by_index`].
    #[must_use]
    pub fn with_index(self, name: &'static str, values: IndexFn) -> Self {
        self.write(|cache| cache.add_index(name, values));
        self
    }

    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Encoded> {
        self.read(|cache| cache.get(key))
    }

    /// All objects, in key order.
    #[must_use]
    pub fn list(&self) -> Vec<Encoded> {
        self.read(Cache::all)
    }

    #[must_use]
    pub fn list_in(&self, namespace: &str) -> Vec<Encoded> {
        self.read(|cache| cache.in_namespace(namespace))
    }

    #[must_use]
    pub fn by_index(&self, index: &str, value: &str) -> Vec<Encoded> {
        self.read(|cache| cache.by_index(index, value))
    }

    /// Calls `handler` for every object there is, as an addition, and for every change from now
    /// on, in order. It must be quick and must not block: it puts a key into a queue.
    pub fn on_change(&self, handler: impl Fn(&Change<'_>) + Send + Sync + 'static) {
        let mut handlers = self.handlers();
        let handler: [Handler; 1] = [Box::new(handler)];
        for object in self.list() {
            tell(&handler, &Change::Added(&object));
        }
        handlers.extend(handler);
    }

    /// Resolves once the cache has held a whole list.
    pub async fn synced(&self) {
        self.reached(|progress| progress.synced).await;
    }

    /// Resolves once every change of this resource up to `revision` is in the cache. Waits for
    /// ever for a revision that this resource never reaches: the caller sets a deadline.
    pub async fn caught_up(&self, revision: u64) {
        self.reached(|progress| progress.synced && progress.revision >= revision)
            .await;
    }

    async fn reached(&self, condition: impl FnMut(&Progress) -> bool) {
        let mut progress = self.0.progress.subscribe();
        // The sender lives in this very informer: the channel cannot close.
        let _closed = progress.wait_for(condition).await;
    }

    /// A watch's news. What is not newer than the cache is a repeat and changes nothing.
    pub(crate) fn put(&self, object: Encoded) {
        self.put_if(object, |old, new| new > old);
    }

    /// Takes over a whole list: what is not in it is gone, and what is in it counts even if it
    /// looks older, because then the server has started over.
    pub(crate) fn replace(&self, listed: Listed) {
        let there: HashSet<Key> = listed.items.iter().filter_map(Key::of).collect();
        for key in self.read(Cache::keys) {
            if !there.contains(&key) {
                self.remove(&key, None);
            }
        }
        for object in listed.items {
            self.put_if(object, |old, new| new != old);
        }
        self.0.progress.send_replace(Progress {
            synced: true,
            revision: listed.revision,
        });
    }

    fn put_if(&self, object: Encoded, counts: fn(old: u64, new: u64) -> bool) {
        let resource = &self.0.resource.resource;
        let Some(key) = Key::of(&object) else {
            tracing::error!(%resource, "an object without metadata was passed over");
            return;
        };
        let handlers = self.handlers();
        let old = self.read(|cache| cache.get(&key));
        if let Some(old) = &old
            && !counts(old.revision(), object.revision())
        {
            return;
        }
        self.write(|cache| cache.put(key, object.clone()));
        let change = match &old {
            Some(old) => Change::Modified { old, new: &object },
            None => Change::Added(&object),
        };
        tell(&handlers, &change);
    }

    /// Takes an object away, unless the cache holds a newer one of its name.
    pub(crate) fn remove(&self, key: &Key, last: Option<&Encoded>) {
        let handlers = self.handlers();
        let Some(old) = self.read(|cache| cache.get(key)) else {
            return;
        };
        if last.is_some_and(|last| last.revision() < old.revision()) {
            return;
        }
        self.write(|cache| cache.remove(key));
        tell(&handlers, &Change::Deleted(last.unwrap_or(&old)));
    }

    /// Notes that every change up to `revision` is in the cache.
    pub(crate) fn advance(&self, revision: u64) {
        self.0.progress.send_if_modified(|progress| {
            let moved = progress.revision < revision;
            progress.revision = progress.revision.max(revision);
            moved
        });
    }

    fn handlers(&self) -> MutexGuard<'_, Vec<Handler>> {
        self.0
            .handlers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, look: impl FnOnce(&Cache) -> T) -> T {
        look(&self.0.cache.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Cache) -> T) -> T {
        change(&mut self.0.cache.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Hands a change to every handler. A panic in one is logged and harms neither the others nor
/// the cache.
fn tell(handlers: &[Handler], change: &Change<'_>) {
    for handler in handlers {
        let told = base::tasks::catch("change handler", async { handler(change) });
        told.now_or_never();
    }
}
