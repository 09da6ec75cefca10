//! Clients list and watch while writers go on; afterwards each client's record must be complete.
//!
//! Control: `a_lost_or_repeated_event_is_found` takes any one event out of a record, or puts it
//! in twice, and the same check must refuse it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use serde_json::{Value, json};

use crate::world::{Said, World};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
/// Its creation ends the writing.
const LAST: &str = "zz-last";
const WRITERS: u64 = 4;
const WRITES: u64 = 60;
const NAMES: u64 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Added,
    Modified,
    Deleted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    what: What,
    name: String,
    revision: u64,
}

/// Name and revision of every object.
type State = BTreeMap<String, u64>;

/// What one client saw.
#[derive(Clone, Debug, Default)]
struct Record {
    listed: State,
    revision: u64,
    events: Vec<Seen>,
}

/// What is wrong with a record, given the puts that were acknowledged to the writers (of what
/// this client selects) and the state at the end.
fn check(record: &Record, acknowledged: &[(String, u64)], end: &State) -> Result<(), String> {
    let mut state = record.listed.clone();
    let mut last = record.revision;
    for event in &record.events {
        if event.revision <= last {
            return Err(format!("{event:?} after revision {last}"));
        }
        last = event.revision;
        let known = state.contains_key(&event.name);
        if known == (event.what == What::Added) {
            return Err(format!("{event:?} of what was there: {known}"));
        }
        match event.what {
            What::Deleted => state.remove(&event.name),
            What::Added | What::Modified => state.insert(event.name.clone(), event.revision),
        };
    }
    if &state != end {
        return Err(format!(
            "list and events make {state:?}, the end is {end:?}"
        ));
    }
    for (name, revision) in acknowledged {
        let seen = record
            .events
            .iter()
            .any(|event| event.revision == *revision && event.name == *name);
        if *revision > record.revision && !seen {
            return Err(format!("{name} at {revision} was never seen"));
        }
    }
    Ok(())
}

/// Creates, changes and deletes a few names in turn; gives its acknowledged puts and their color.
async fn write(world: Arc<World>, writer: u64) -> Vec<(String, u64, bool)> {
    let mut acknowledged = Vec::new();
    for step in 0..WRITES {
        let name = format!("w{writer}-{}", step % NAMES);
        let uri = format!("{MAPS}/{name}");
        // Every name is made, changed twice (leaving `red` or entering it) and deleted.
        let red = (step / NAMES) % 3 != 1;
        let color = if red { "red" } else { "blue" };
        let object = json!({
            "metadata": {"name": name, "labels": {"color": color}},
            "data": {"step": step.to_string()},
        });
        let answer = match (step / NAMES) % 4 {
            0 => world.create(MAPS, &object).await,
            1 => world.expect(200, "PUT", &uri, &Said::json(&object)).await,
            2 => world.merge(&uri, &object).await,
            _ => {
                world.expect(200, "DELETE", &uri, &Said::nothing()).await;
                continue;
            }
        };
        acknowledged.push((name, answer.revision(), red));
    }
    acknowledged
}

/// Lists, then watches until the last object; `patience` events in, it watches anew from where it
/// was.
async fn follow(world: Arc<World>, selector: &'static str, patience: usize) -> Record {
    let listed = world.get(&format!("{MAPS}?{selector}")).await;
    let mut record = Record {
        listed: state_of(&listed.json()),
        revision: listed.revision(),
        events: Vec::new(),
    };
    let mut after = record.revision;
    loop {
        let uri = format!("{MAPS}?{selector}&watch=true&resourceVersion={after}");
        let body = world.send("GET", &uri, &Said::nothing()).await.into_body();
        let mut lines = Box::pin(body.flat_map(|chunk| {
            let chunk = chunk.expect("a chunk");
            let lines: Vec<Vec<u8>> = chunk
                .split_inclusive(|b| *b == b'\n')
                .map(Into::into)
                .collect();
            futures::stream::iter(lines)
        }));
        for _ in 0..patience {
            let line = lines.next().await.expect("a watch goes on");
            let event = seen(&serde_json::from_slice(&line).expect("a frame holds whole lines"));
            after = event.revision;
            let last = event.name == LAST;
            record.events.push(event);
            if last {
                return record;
            }
        }
    }
}

fn seen(event: &Value) -> Seen {
    let metadata = &event["object"]["metadata"];
    let text = |field: &str| metadata[field].as_str().expect("a text").to_owned();
    Seen {
        what: match event["type"].as_str() {
            Some("ADDED") => What::Added,
            Some("MODIFIED") => What::Modified,
            Some("DELETED") => What::Deleted,
            other => panic!("{other:?}: {event}"),
        },
        name: text("name"),
        revision: text("resourceVersion").parse().expect("a number"),
    }
}

fn state_of(list: &Value) -> State {
    let items = list["items"].as_array().expect("items").iter();
    items
        .map(|item| {
            let text = |field: &str| item["metadata"][field].as_str().expect("a text");
            let revision = text("resourceVersion").parse().expect("a number");
            (text("name").to_owned(), revision)
        })
        .collect()
}

/// Records of clients that follow everything and of clients that follow `red`, each with the
/// acknowledged puts it must have seen and the state at the end.
async fn run() -> Vec<(Record, Vec<(String, u64)>, State)> {
    const SELECTORS: [&str; 2] = ["", "labelSelector=color%3Dred"];
    let world = Arc::new(World::new().await);
    let clients: Vec<_> = (0..8)
        .map(|client| {
            let patience = [usize::MAX, 7, 1, 50][client % 4];
            let selector = SELECTORS[client / 4];
            let following = follow(world.clone(), selector, patience);
            (client / 4, tokio::spawn(following))
        })
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(world.clone(), writer)))
        .collect();
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.expect("a writer ends well"));
    }
    let last = json!({"metadata": {"name": LAST, "labels": {"color": "red"}}});
    let revision = world.create(MAPS, &last).await.revision();
    acknowledged.push((LAST.to_owned(), revision, true));

    let mut ends = Vec::new();
    for selector in SELECTORS {
        let list = world.get(&format!("{MAPS}?{selector}")).await;
        ends.push(state_of(&list.json()));
    }
    let mut records = Vec::new();
    for (selects, client) in clients {
        let mut selected: Vec<_> = acknowledged.clone();
        selected.retain(|(.., red)| selects == 0 || *red);
        let selected = selected.into_iter().map(|(name, at, _)| (name, at));
        let record = client.await.expect("a client ends well");
        records.push((record, selected.collect(), ends[selects].clone()));
    }
    records
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_client_misses_or_repeats_a_change() {
    let mut changes = 0;
    for (client, (record, acknowledged, end)) in run().await.iter().enumerate() {
        let checked = check(record, acknowledged, end);
        assert_eq!(checked, Ok(()), "client {client}: {record:#?}");
        changes += record.events.len();
    }
    assert!(changes > 500, "the clients were there while writers wrote");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lost_or_repeated_event_is_found() {
    for (record, acknowledged, end) in run().await {
        for at in 0..record.events.len() {
            let mut lossy = record.clone();
            let lost = lossy.events.remove(at);
            let checked = check(&lossy, &acknowledged, &end);
            assert!(checked.is_err(), "nobody missed {lost:?}");

            let mut repeated = record.clone();
            repeated.events.insert(at, repeated.events[at].clone());
            let checked = check(&repeated, &acknowledged, &end);
            assert!(checked.is_err(), "nobody saw {lost:?} twice");
        }
    }
}
