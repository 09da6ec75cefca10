//! Events as a server gets to see them.

use std::time::Duration;

use api::{Event, Kind, Node, Pod};
use apimachinery::StatusError;
use base::clock::Hands;
use base::{Clock, Shutdown};
use client::testing::{Effect, FakeServer, Verb};

use super::while_time_passes;
use crate::{EventType, Recorder, reference};

struct World {
    server: FakeServer,
    clock: Clock,
    hands: Hands,
    shutdown: Shutdown,
    recorder: Recorder,
}

impl World {
    fn new() -> Self {
        let (clock, hands) = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
        let server = FakeServer::new(clock.clone());
        let shutdown = Shutdown::new();
        let client = server.client();
        let recorder = Recorder::new(client, "kubelet", "w", clock.clone(), shutdown.clone());
        Self {
            server,
            clock,
            hands,
            shutdown,
            recorder,
        }
    }

    /// Lets time pass until the writer has nothing left to do; gives its events.
    async fn events(&self, seconds: u64) -> Vec<String> {
        let rest = self.clock.sleep(Duration::from_secs(seconds));
        while_time_passes(&self.hands, rest).await;
        let events = self.server.list::<Event>();
        let shown = events.iter().map(|event| {
            let about = event.involved_object.name.as_deref().unwrap_or_default();
            let message = event.message.as_deref().unwrap_or_default();
            let count = event.count.unwrap_or_default();
            format!("{}/{about} x{count}: {message}", event.namespace())
        });
        shown.collect()
    }
}

fn pod() -> Pod {
    let mut pod = Pod::default();
    pod.metadata.name = Some("a".to_owned());
    pod.metadata.namespace = Some("n".to_owned());
    pod.metadata.uid = Some("u".to_owned());
    pod
}

#[tokio::test]
async fn an_event_says_who_what_and_when() {
    let world = World::new();
    world
        .recorder
        .event(&pod(), EventType::Normal, "Pulled", "done");
    let mut node = Node::default();
    node.metadata.name = Some("Bad:Name".to_owned());
    world
        .recorder
        .event(&node, EventType::Warning, "Rebooted", "oh");
    assert_eq!(
        world.events(1).await,
        ["default/Bad:Name x1: oh", "n/a x1: done"]
    );
    world.shutdown.stop();
    let events = world.server.list::<Event>();
    let [about_node, event] = events.as_slice() else {
        panic!("two events");
    };
    assert_eq!(
        about_node.name().len(),
        "00000000-0000-0000-0000-000000000000".len()
    );
    assert!(event.name().starts_with("a."), "{}", event.name());
    let source = event.source.clone().expect("a source");
    let found = (
        source.component.as_deref(),
        source.host.as_deref(),
        event.reporting_component.as_deref(),
        event.reporting_instance.as_deref(),
        event.type_.as_deref(),
        event.reason.as_deref(),
        event.first_timestamp == event.last_timestamp,
        event.event_time.is_none(),
    );
    let (kubelet, w) = (Some("kubelet"), Some("w"));
    assert_eq!(
        found,
        (
            kubelet,
            w,
            kubelet,
            w,
            Some("Normal"),
            Some("Pulled"),
            true,
            true
        )
    );
    assert_eq!(event.involved_object, reference(&pod()));
}

#[tokio::test]
async fn repeats_count_and_an_event_past_its_time_is_made_anew() {
    let world = World::new();
    let say = || {
        world
            .recorder
            .event(&pod(), EventType::Warning, "BackOff", "again")
    };
    say();
    say();
    assert_eq!(world.events(1).await, ["n/a x2: again"]);
    say();
    assert_eq!(world.events(1).await, ["n/a x3: again"]);
    let first = world.server.list::<Event>().remove(0);
    assert!(first.first_timestamp < first.last_timestamp);
    world.server.remove(&Event::GVR, "n", first.name());
    say();
    assert_eq!(world.events(1).await, ["n/a x1: again"]);
    world.shutdown.stop();
}

#[tokio::test]
async fn many_messages_share_an_event_and_spam_stops() {
    let world = World::new();
    for number in 0..14 {
        let message = number.to_string();
        world
            .recorder
            .event(&pod(), EventType::Warning, "Unhealthy", &message);
    }
    let events = world.events(1).await;
    assert_eq!(events.len(), 11);
    assert!(
        events.contains(&"n/a x4: (combined from similar events): 13".to_owned()),
        "{events:?}"
    );
    for _ in 0..30 {
        world
            .recorder
            .event(&pod(), EventType::Warning, "Killing", "spam");
    }
    let events = world.events(1).await;
    assert!(
        events.contains(&"n/a x11: spam".to_owned()),
        "25 in all: {events:?}"
    );
    world.shutdown.stop();
}

#[tokio::test]
async fn a_server_that_is_away_gets_the_event_later_and_a_refusal_is_final() {
    let world = World::new();
    let refusal = StatusError::bad_request("as planned");
    world
        .server
        .disturb(Verb::Create, "events", Effect::Unreachable);
    world
        .server
        .disturb(Verb::Create, "events", Effect::LoseAnswer);
    world
        .recorder
        .event(&pod(), EventType::Normal, "Pulled", "late");
    assert_eq!(world.events(5).await, [""; 0]);
    assert_eq!(world.events(30).await, ["n/a x1: late"]);
    world
        .recorder
        .event(&pod(), EventType::Normal, "Pulled", "late");
    assert_eq!(world.events(1).await, ["n/a x2: late"]);
    world
        .server
        .disturb(Verb::Create, "events", Effect::Refuse(refusal));
    world
        .recorder
        .event(&pod(), EventType::Normal, "Started", "never");
    assert_eq!(world.events(60).await, ["n/a x2: late"]);
    world.shutdown.stop();
}
