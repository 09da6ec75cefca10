//! Clients list and watch while writers and compaction go on; afterwards each client's record must
//! be complete, or say where it is not: a client that was too slow is told, and lists anew.
//!
//! Controls: `a_lost_or_repeated_event_is_found` takes any one event out of a record, or puts it
//! in twice, and `a_gap_that_nobody_tells_is_found` forgets that a client listed anew; the same
//! check must refuse each.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use serde_json::{Value, json};
use store::Revision;
use tokio::sync::watch;

use crate::world::{Said, World};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
/// Its creation ends the writing.
const LAST: &str = "zz-last";
const WRITERS: u64 = 4;
const WRITES: u64 = 60;
const WRITES_BETWEEN_COMPACTIONS: u64 = 25;
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

/// What one client saw from a list until its watches could not go on.
#[derive(Clone, Debug, Default)]
struct Part {
    listed: State,
    revision: u64,
    events: Vec<Seen>,
}

/// All that one client saw.
type Record = Vec<Part>;

/// The state and the revision at a part's end, or what is wrong with it by itself.
fn replay(part: &Part) -> Result<(State, u64), String> {
    let (mut state, mut last) = (part.listed.clone(), part.revision);
    for event in &part.events {
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
    Ok((state, last))
}

/// What is wrong with a record, given the puts that were acknowledged to the writers (of what
/// this client selects) and the state at the end.
fn check(record: &Record, acknowledged: &[(String, u64)], end: &State) -> Result<(), String> {
    let mut before = 0;
    for (index, part) in record.iter().enumerate() {
        let (state, last) = replay(part)?;
        if part.revision < before {
            return Err(format!("a list at {} after {before}", part.revision));
        }
        before = last;
        // The last part goes to the end, the others as far as they came.
        let is_last = index + 1 == record.len();
        let until = if is_last { u64::MAX } else { last };
        for (name, revision) in acknowledged {
            let seen = |event: &Seen| event.revision == *revision && event.name == *name;
            let due = part.revision < *revision && *revision <= until;
            if due && !part.events.iter().any(seen) {
                return Err(format!("{name} at {revision} was never seen"));
            }
        }
        if is_last && &state != end {
            return Err(format!(
                "list and events make {state:?}, the end is {end:?}"
            ));
        }
    }
    Ok(())
}

/// Creates, changes and deletes a few names in turn; gives its acknowledged puts and their color.
/// Now and then it compacts what is not quite new.
async fn write(world: Arc<World>, writer: u64) -> Vec<(String, u64, bool)> {
    let mut acknowledged = Vec::new();
    for step in 0..WRITES {
        if step % WRITES_BETWEEN_COMPACTIONS == writer {
            compact(&world, 40).await;
        }
        // A store in memory never makes a writer wait: the clients get their turns here.
        tokio::task::yield_now().await;
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

/// How a client reads.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// It watches anew, from where it was, after so many events.
    Patience(usize),
    /// It reads so many events and none more before the writers have ended and all is compacted.
    Slow(usize),
}

/// Lists, then watches until the last object; a watch that cannot go on says so, and it begins
/// again with a list.
async fn follow(
    world: Arc<World>,
    selector: &'static str,
    manner: Manner,
    mut over: watch::Receiver<bool>,
) -> Record {
    let mut record = Vec::new();
    loop {
        let listed = world.get(&format!("{MAPS}?{selector}")).await;
        let mut part = Part {
            listed: state_of(&listed.json()),
            revision: listed.revision(),
            events: Vec::new(),
        };
        if part.listed.contains_key(LAST) {
            record.push(part);
            return record;
        }
        let mut after = part.revision;
        loop {
            let outcome = read(&world, selector, after, manner, &mut over, &mut part).await;
            match outcome {
                Read::Last => {
                    record.push(part);
                    return record;
                }
                Read::Expired => break,
                Read::More(revision) => after = revision,
            }
        }
        record.push(part);
    }
}

/// How one watch ended.
enum Read {
    Last,
    Expired,
    More(u64),
}

async fn read(
    world: &World,
    selector: &str,
    after: u64,
    manner: Manner,
    over: &mut watch::Receiver<bool>,
    part: &mut Part,
) -> Read {
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
    let mut after = after;
    for count in 0.. {
        match manner {
            Manner::Patience(limit) if count == limit => break,
            Manner::Slow(limit) if count == limit => {
                let ended = over.wait_for(|over| *over).await;
                ended.expect("the writers end");
            }
            _ => {}
        }
        let line = lines.next().await.expect("a watch goes on");
        let event: Value = serde_json::from_slice(&line).expect("a frame holds whole lines");
        if event["type"] == "ERROR" {
            let code = &event["object"]["code"];
            assert_eq!(
                (code, &event["object"]["reason"]),
                (&json!(410), &json!("Expired"))
            );
            return Read::Expired;
        }
        let event = seen(&event);
        after = event.revision;
        let last = event.name == LAST;
        part.events.push(event);
        if last {
            return Read::Last;
        }
    }
    Read::More(after)
}

/// Forgets all but the last `keep` revisions.
async fn compact(world: &World, keep: u64) {
    let at = world.store.revision().0.saturating_sub(keep);
    let compacted = world.store.compact(Revision(at));
    compacted.await.expect("the store compacts");
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
    let (tell, over) = watch::channel(false);
    let manners = [
        Manner::Patience(usize::MAX),
        Manner::Patience(7),
        Manner::Patience(1),
        Manner::Patience(50),
        Manner::Slow(3),
        Manner::Slow(40),
    ];
    let clients = manners
        .iter()
        .flat_map(|manner| [(0, *manner), (1, *manner)]);
    let clients: Vec<_> = clients
        .map(|(selects, manner)| {
            let following = follow(world.clone(), SELECTORS[selects], manner, over.clone());
            (selects, tokio::spawn(following))
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
    compact(&world, 0).await;
    tell.send_replace(true);

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
    let (mut changes, mut expired) = (0, 0);
    for (client, (record, acknowledged, end)) in run().await.iter().enumerate() {
        let checked = check(record, acknowledged, end);
        assert_eq!(checked, Ok(()), "client {client}: {record:#?}");
        changes += record.iter().map(|part| part.events.len()).sum::<usize>();
        expired += record.len() - 1;
    }
    assert!(changes > 500, "the clients were there while writers wrote");
    assert!(expired > 0, "the slow were told that they were too slow");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lost_or_repeated_event_is_found() {
    for (record, acknowledged, end) in run().await {
        for (index, part) in record.iter().enumerate() {
            for (at, event) in part.events.iter().enumerate() {
                let mut lossy = record.clone();
                lossy[index].events.remove(at);
                let checked = check(&lossy, &acknowledged, &end);
                // Before a new list the last event may be missing, and so may a deletion: only
                // what is acknowledged with its revision is known to have been there.
                let told = index + 1 < record.len()
                    && (at + 1 == part.events.len() || event.what == What::Deleted);
                assert!(checked.is_err() || told, "nobody missed {event:?}");

                let mut repeated = record.clone();
                repeated[index].events.insert(at, event.clone());
                let checked = check(&repeated, &acknowledged, &end);
                assert!(checked.is_err(), "nobody saw {event:?} twice");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_gap_that_nobody_tells_is_found() {
    let mut gaps = 0;
    for (record, acknowledged, end) in run().await {
        let later = record.iter().skip(1).flat_map(|part| part.events.clone());
        let mut silent = vec![record[0].clone()];
        silent[0].events.extend(later);
        let missed = |(name, revision): &&(String, u64)| {
            let seen = |event: &Seen| event.name == *name && event.revision == *revision;
            *revision > silent[0].revision && !silent[0].events.iter().any(seen)
        };
        if acknowledged.iter().any(|put| missed(&put)) {
            gaps += 1;
            assert!(check(&silent, &acknowledged, &end).is_err());
        }
    }
    assert!(gaps > 0, "a slow client has a gap");
}
