//! The reflector against a server that answers from a script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use apimachinery::{Encoded, GroupVersionResource, Object, StatusError};
use base::{Clock, Shutdown, TraceId};
use client::{EventStream, ListWatch, ListWatchSource, Listed, WatchEvent};
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use serde_json::json;
use tokio::sync::Notify;

use super::while_time_passes;
use crate::{Change, Informers, Key};

type Event = Result<WatchEvent, StatusError>;

enum Step {
    List(Result<Listed, StatusError>),
    /// From which revision the watch must start, and what it says before it ends.
    Watch(u64, Vec<Event>),
    /// The watch cannot even start.
    Refuse(u64, StatusError),
}

/// Plays its steps in order, then stays silent.
#[derive(Default)]
struct Script {
    steps: Mutex<VecDeque<Step>>,
    over: Notify,
}

impl Script {
    fn next(&self) -> Option<Step> {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let next = steps.pop_front();
        if next.is_none() {
            self.over.notify_one();
        }
        next
    }
}

struct Player(Arc<Script>);

impl ListWatchSource for Player {
    fn list_watch(&self, _resource: &GroupVersionResource) -> Arc<dyn ListWatch> {
        Arc::new(Player(self.0.clone()))
    }
}

impl ListWatch for Player {
    fn list(&self) -> BoxFuture<'_, Result<Listed, StatusError>> {
        match self.0.next() {
            Some(Step::List(answer)) => Box::pin(std::future::ready(answer)),
            Some(_) => panic!("the script says watch, the reflector lists"),
            None => Box::pin(std::future::pending()),
        }
    }

    fn watch(&self, after: u64) -> BoxFuture<'_, Result<EventStream, StatusError>> {
        let answer = match self.0.next() {
            Some(Step::Watch(from, events)) => {
                assert_eq!(after, from, "the watch starts at the wrong revision");
                Ok(stream::iter(events).boxed())
            }
            Some(Step::Refuse(from, error)) => {
                assert_eq!(after, from, "the watch starts at the wrong revision");
                Err(error)
            }
            Some(Step::List(_)) => panic!("the script says list, the reflector watches"),
            None => Ok(stream::pending().boxed()),
        };
        Box::pin(std::future::ready(answer))
    }
}

fn object(name: &str, revision: u64) -> Encoded {
    let object = Object::from_value(json!({"metadata": {"name": name}})).expect("an object");
    Encoded::from_object(&object, revision, TraceId::NONE)
}

fn list(revision: u64, items: &[(&str, u64)]) -> Step {
    let items = items.iter().map(|(name, at)| object(name, *at)).collect();
    Step::List(Ok(Listed { items, revision }))
}

fn added(name: &str, at: u64) -> Event {
    Ok(WatchEvent::Added(object(name, at)))
}

fn modified(name: &str, at: u64) -> Event {
    Ok(WatchEvent::Modified(object(name, at)))
}

fn deleted(name: &str, at: u64) -> Event {
    Ok(WatchEvent::Deleted(object(name, at)))
}

fn bookmark(at: u64) -> Event {
    Ok(WatchEvent::Bookmark(at))
}

fn expired() -> StatusError {
    StatusError::expired("too old resource version")
}

fn unavailable() -> StatusError {
    StatusError::service_unavailable("restarting")
}

/// As the registry refuses a revision that it has not reached.
fn from_the_future() -> StatusError {
    let mut error = StatusError::timeout("Too large resource version: 9, current: 3");
    let cause = json!({"reason": "ResourceVersionTooLarge"});
    let cause = serde_json::from_value(cause).expect("a cause");
    error.0.details.get_or_insert_default().causes.push(cause);
    error
}

fn show(change: &Change<'_>) -> String {
    let at = |object: &Encoded| format!("{}@{}", name(object), object.revision());
    match change {
        Change::Added(object) => format!("+{}", at(object)),
        Change::Modified { old, new } => format!("{}->{}", at(old), new.revision()),
        Change::Deleted(object) => format!("-{}", at(object)),
    }
}

fn name(object: &Encoded) -> String {
    Key::of(object).expect("has metadata").to_string()
}

/// Plays a script; gives the changes in order, then the cache.
async fn play(steps: Vec<Step>) -> (String, String) {
    let script = Arc::new(Script {
        steps: Mutex::new(steps.into()),
        over: Notify::new(),
    });
    let (clock, hands) = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
    let shutdown = Shutdown::new();
    let source = Arc::new(Player(script.clone()));
    let informers = Informers::new(source, clock, shutdown.clone());
    let informer = informers.of(&GroupVersionResource::new("", "v1", "things"));
    let changes = Arc::new(Mutex::new(Vec::new()));
    let seen = changes.clone();
    informer.on_change(move |change| {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(show(change));
    });
    while_time_passes(&hands, script.over.notified()).await;
    shutdown.stop();
    let cache = informer.list();
    let cache = cache
        .iter()
        .map(|o| format!("{}@{}", name(o), o.revision()));
    let cache: Vec<_> = cache.collect();
    let changes = changes.lock().unwrap_or_else(PoisonError::into_inner);
    (changes.join(" "), cache.join(" "))
}

#[tokio::test]
async fn a_cache_follows_its_server_whatever_happens_between_them() {
    let rows: Vec<(&str, Vec<Step>, &str, &str)> = vec![
        (
            "a list, then changes; the next watch goes on from the last of them",
            vec![
                list(5, &[("a", 2), ("b", 5)]),
                Step::Watch(5, vec![modified("a", 6), added("c", 7), deleted("b", 8)]),
                Step::Watch(8, vec![]),
            ],
            "+a@2 +b@5 a@2->6 +c@7 -b@8",
            "a@6 c@7",
        ),
        (
            "bookmarks move the place to go on from",
            vec![
                list(5, &[]),
                Step::Watch(5, vec![bookmark(9)]),
                Step::Watch(9, vec![]),
            ],
            "",
            "",
        ),
        (
            "an error after events does not lose them",
            vec![
                list(5, &[]),
                Step::Watch(5, vec![added("a", 6), Err(unavailable())]),
                Step::Refuse(6, unavailable()),
                Step::Watch(6, vec![]),
            ],
            "+a@6",
            "a@6",
        ),
        (
            "what happened in a gap is found by listing again",
            vec![
                list(5, &[("a", 2), ("b", 3), ("c", 4)]),
                Step::Watch(5, vec![Err(expired())]),
                list(9, &[("a", 2), ("c", 8), ("d", 7)]),
                Step::Watch(9, vec![]),
            ],
            "+a@2 +b@3 +c@4 -b@3 c@4->8 +d@7",
            "a@2 c@8 d@7",
        ),
        (
            "a watch that cannot start at a compacted revision lists again",
            vec![
                list(5, &[("a", 2)]),
                Step::Refuse(5, expired()),
                Step::List(Err(unavailable())),
                list(6, &[("a", 6)]),
            ],
            "+a@2 a@2->6",
            "a@6",
        ),
        (
            "repeats and news that are older than the cache change nothing",
            vec![
                list(5, &[("a", 5)]),
                Step::Watch(5, vec![added("a", 5), modified("a", 3), deleted("a", 4)]),
                Step::Watch(5, vec![deleted("x", 6), added("a", 7), added("a", 7)]),
            ],
            "+a@5 a@5->7",
            "a@7",
        ),
        (
            "a server that has started over is believed",
            vec![
                list(9, &[("a", 8), ("b", 9)]),
                Step::Refuse(9, from_the_future()),
                list(3, &[("a", 2)]),
                Step::Watch(3, vec![modified("a", 4)]),
            ],
            "+a@8 +b@9 -b@9 a@8->2 a@2->4",
            "a@4",
        ),
    ];
    for (what, steps, changes, cache) in rows {
        let found = play(steps).await;
        assert_eq!(found, (changes.to_owned(), cache.to_owned()), "{what}");
    }
}

/// Counts what it is asked; every watch ends at once.
#[derive(Clone, Default)]
struct Hopeless(Arc<Mutex<Vec<&'static str>>>);

impl ListWatch for Hopeless {
    fn list(&self) -> BoxFuture<'_, Result<Listed, StatusError>> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push("list");
        Box::pin(std::future::ready(Ok(Listed::default())))
    }

    fn watch(&self, _after: u64) -> BoxFuture<'_, Result<EventStream, StatusError>> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push("watch");
        // By turns an empty watch and one that is too old.
        let odd = asked.len() % 2 == 1;
        let answer = if odd {
            Ok(stream::empty().boxed())
        } else {
            Err(expired())
        };
        Box::pin(std::future::ready(answer))
    }
}

impl ListWatchSource for Hopeless {
    fn list_watch(&self, _resource: &GroupVersionResource) -> Arc<dyn ListWatch> {
        Arc::new(self.clone())
    }
}

#[tokio::test]
async fn a_server_that_ends_every_watch_is_not_hammered() {
    let server = Hopeless::default();
    let (clock, hands) = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
    let shutdown = Shutdown::new();
    let source = Arc::new(server.clone());
    let informers = Informers::new(source, clock.clone(), shutdown.clone());
    let informer = informers.of(&GroupVersionResource::new("", "v1", "things"));
    let minute = std::time::Duration::from_secs(60);
    while_time_passes(&hands, async {
        informer.synced().await;
        clock.sleep(minute).await;
    })
    .await;
    shutdown.stop();
    let asked = server.0.lock().unwrap_or_else(PoisonError::into_inner);
    // 0.1 s doubled up to 30 s leaves room for ten tries in a minute.
    let watches = asked.iter().filter(|what| **what == "watch").count();
    assert!((5..=11).contains(&watches), "{watches} watches in a minute");
}
