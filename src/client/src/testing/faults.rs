//! What tests make go wrong.

use std::collections::VecDeque;

use apimachinery::StatusError;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

/// What a request meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is refused and does nothing.
    Refuse(StatusError),
    /// It is done, but its answer never comes.
    LoseAnswer,
    /// It never reaches the server.
    Unreachable,
}

/// Waiting faults.
#[derive(Debug, Default)]
pub(super) struct Faults {
    effects: VecDeque<(Verb, String, Effect)>,
    dropped: Vec<String>,
}

pub(super) enum Outcome {
    Pass,
    Refuse(StatusError),
    LoseAnswer,
    Unreachable,
}

impl Faults {
    pub(super) fn add(&mut self, verb: Verb, resource: &str, effect: Effect) {
        self.effects.push_back((verb, resource.to_owned(), effect));
    }

    pub(super) fn drop_event(&mut self, resource: &str) {
        self.dropped.push(resource.to_owned());
    }

    /// Takes the first fault that waits for such a request.
    pub(super) fn meet(&mut self, verb: Verb, resource: &str) -> Outcome {
        let waiting = |(v, r, _): &(Verb, String, Effect)| *v == verb && r == resource;
        let found = self.effects.iter().position(waiting);
        match found.and_then(|at| self.effects.remove(at)) {
            None => Outcome::Pass,
            Some((_, _, Effect::Refuse(error))) => Outcome::Refuse(error),
            Some((_, _, Effect::LoseAnswer)) => Outcome::LoseAnswer,
            Some((_, _, Effect::Unreachable)) => Outcome::Unreachable,
        }
    }

    /// Whether this resource's change shall go unheard.
    pub(super) fn drops(&mut self, resource: &str) -> bool {
        let found = self.dropped.iter().position(|dropped| dropped == resource);
        found.map(|at| self.dropped.remove(at)).is_some()
    }
}
