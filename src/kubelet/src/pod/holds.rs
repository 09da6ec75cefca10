//! Containers that do not run: why, as their status says, and when they are tried again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::status::Waiting;

const CRASH_LOOP: &str = "CrashLoopBackOff";

/// By container name. Events come with tries, so nothing is tried before its time.
#[derive(Clone, Debug, Default)]
pub struct Holds {
    waiting: BTreeMap<String, Waiting>,
    /// In monotonic time.
    until: BTreeMap<String, Duration>,
}

impl Holds {
    /// What the containers' statuses show.
    pub fn waiting(&self) -> &BTreeMap<String, Waiting> {
        &self.waiting
    }

    /// A try has failed; the next is due in `retry_in`.
    pub fn hold(&mut self, name: &str, waiting: Waiting, now: Duration, retry_in: Duration) {
        let until = now.saturating_add(retry_in);
        self.until.insert(name.to_owned(), until);
        self.waiting.insert(name.to_owned(), waiting);
    }

    /// How long a container is not to be tried.
    pub fn left(&self, name: &str, now: Duration) -> Option<Duration> {
        let left = self.until.get(name)?.checked_sub(now)?;
        Some(left).filter(|left| !left.is_zero())
    }

    /// The container runs, or is tried now.
    pub fn release(&mut self, name: &str) {
        self.waiting.remove(name);
        self.until.remove(name);
    }

    /// Containers that wait for the end of their restart back-off, and the messages; gives those
    /// that did not before.
    pub fn set_crash_loops(&mut self, crash_loops: Vec<(String, String)>) -> Vec<String> {
        let before = std::mem::take(&mut self.waiting);
        let keeps = |(_, waiting): &(String, Waiting)| waiting.reason != CRASH_LOOP;
        self.waiting = before.clone().into_iter().filter(keeps).collect();
        let mut new = Vec::new();
        for (name, message) in crash_loops {
            let reason = CRASH_LOOP.to_owned();
            let waiting = Waiting { reason, message };
            if before.get(&name) != Some(&waiting) {
                new.push(name.clone());
            }
            self.waiting.insert(name, waiting);
        }
        new
    }

    /// Whether a container waits for its image.
    pub fn wait_for_image(&self) -> bool {
        self.waiting.values().any(is_about_image)
    }

    /// Containers that wait for their image may be tried at once.
    pub fn forget_images(&mut self) {
        let waiting = &self.waiting;
        self.until
            .retain(|name, _| !waiting.get(name).is_some_and(is_about_image));
    }

    /// All may be tried at once.
    pub fn clear(&mut self) {
        self.until.clear();
    }

    /// Nothing will be tried any more.
    pub fn end(&mut self) {
        *self = Self::default();
    }
}

fn is_about_image(waiting: &Waiting) -> bool {
    waiting.reason.contains("Image")
}
