//! The one word that says what a pod is doing, as kubectl has always derived it.

use std::collections::HashMap;

use apimachinery::{Object, time};
use jiff::Timestamp;

use crate::cells::{human_duration, spec, status};
use crate::json::{self, Json};

/// What the columns Ready, Status and Restarts are made of.
pub(super) struct State {
    pub(super) reason: String,
    pub(super) ready: usize,
    pub(super) total: usize,
    restarts: i64,
    last_restart: Option<Timestamp>,
}

/// Restart counts of one sort of container.
#[derive(Clone, Copy, Default)]
struct Restarts {
    count: i64,
    last: Option<Timestamp>,
}

impl Restarts {
    fn add(&mut self, container: &Json) {
        self.count += json::int(container, "restartCount").unwrap_or(0);
        let finished = part(container, "lastState", "terminated")
            .and_then(|terminated| time::parse(json::text(terminated, "finishedAt")));
        self.last = self.last.max(finished);
    }
}

impl State {
    pub(super) fn of(pod: &Object) -> Self {
        let (spec, status) = (spec(pod), status(pod));
        let sidecars = json::maps(spec, "initContainers").filter(|c| is_restartable(c));
        let mut state = Self {
            reason: first_reason(status),
            ready: 0,
            total: json::list(spec, "containers").len() + sidecars.count(),
            restarts: 0,
            last_restart: None,
        };
        let initializing = state.walk_init_containers(spec, status);
        if !initializing || has_condition(status, "Initialized") {
            state.walk_containers(status);
        }
        state.consider_deletion(pod, status);
        state
    }

    /// Answers whether an init container still has to finish, and which says so in the reason.
    /// Counts the restarts of all of them while initializing, else of sidecars alone.
    fn walk_init_containers(&mut self, spec: &Json, status: &Json) -> bool {
        let (mut all, mut sidecars) = (Restarts::default(), Restarts::default());
        let total = json::list(spec, "initContainers").len();
        let mut restartable = HashMap::new();
        for declared in json::maps(spec, "initContainers") {
            let first = restartable.entry(declared.get("name"));
            first.or_insert(is_restartable(declared));
        }
        let mut waits_for = None;
        for (index, container) in json::maps(status, "initContainerStatuses").enumerate() {
            all.add(container);
            let restartable = restartable.get(&container.get("name"));
            let restartable = restartable.copied().unwrap_or(false);
            if restartable {
                sidecars.add(container);
            }
            if succeeded(container) {
                continue;
            }
            if restartable && json::flag(container, "started") {
                self.ready += usize::from(json::flag(container, "ready"));
                continue;
            }
            waits_for = Some(init_reason(container, index, total));
            break;
        }
        let counted = if waits_for.is_some() && !has_condition(status, "Initialized") {
            all
        } else {
            sidecars
        };
        (self.restarts, self.last_restart) = (counted.count, counted.last);
        let initializing = waits_for.is_some();
        if let Some(reason) = waits_for {
            self.reason = reason;
        }
        initializing
    }

    /// From last to first, so that the first container has the last word.
    fn walk_containers(&mut self, status: &Json) {
        let mut restarts = Restarts {
            count: self.restarts,
            last: self.last_restart,
        };
        let (mut running, mut failure) = (false, None);
        for container in json::maps(status, "containerStatuses").rev() {
            restarts.add(container);
            let waiting =
                part(container, "state", "waiting").map_or("", |w| json::text(w, "reason"));
            if !waiting.is_empty() {
                waiting.clone_into(&mut self.reason);
            } else if let Some(terminated) = part(container, "state", "terminated") {
                self.reason = end_reason(terminated);
                if json::int(terminated, "exitCode").unwrap_or(0) != 0 {
                    failure = Some(self.reason.clone());
                }
            } else if json::flag(container, "ready")
                && part(container, "state", "running").is_some()
            {
                running = true;
                self.ready += 1;
            }
        }
        (self.restarts, self.last_restart) = (restarts.count, restarts.last);
        if self.reason == "Completed" {
            if running && has_condition(status, "Ready") {
                self.reason = "Running".to_owned();
            } else if let Some(failure) = failure {
                self.reason = failure;
            } else if running {
                self.reason = "NotReady".to_owned();
            }
        }
    }

    fn consider_deletion(&mut self, pod: &Object, status: &Json) {
        if pod.meta("deletionTimestamp").is_empty() {
            return;
        }
        let is_finished = matches!(json::text(status, "phase"), "Succeeded" | "Failed");
        if json::text(status, "reason") == "NodeLost" {
            self.reason = "Unknown".to_owned();
        } else if !is_finished {
            self.reason = "Terminating".to_owned();
        }
    }

    pub(super) fn restarts_text(&self, now: Timestamp) -> String {
        match self.last_restart {
            Some(last) if self.restarts != 0 => {
                let age = human_duration(now.duration_since(last).as_millis());
                format!("{} ({age} ago)", self.restarts)
            }
            _ => self.restarts.to_string(),
        }
    }
}

/// Before any container is looked at.
fn first_reason(status: &Json) -> String {
    let is_gated = json::maps(status, "conditions").any(|condition| {
        json::text(condition, "type") == "PodScheduled"
            && json::text(condition, "reason") == "SchedulingGated"
    });
    match (is_gated, json::text(status, "reason")) {
        (true, _) => "SchedulingGated".to_owned(),
        (false, "") => json::text(status, "phase").to_owned(),
        (false, reason) => reason.to_owned(),
    }
}

fn init_reason(container: &Json, index: usize, total: usize) -> String {
    let waiting = part(container, "state", "waiting").map_or("", |w| json::text(w, "reason"));
    if let Some(terminated) = part(container, "state", "terminated") {
        format!("Init:{}", end_reason(terminated))
    } else if !waiting.is_empty() && waiting != "PodInitializing" {
        format!("Init:{waiting}")
    } else {
        format!("Init:{index}/{total}")
    }
}

/// The reason, or else the signal or exit code.
fn end_reason(terminated: &Json) -> String {
    let signal = json::int(terminated, "signal").unwrap_or(0);
    match json::text(terminated, "reason") {
        "" if signal != 0 => format!("Signal:{signal}"),
        "" => format!(
            "ExitCode:{}",
            json::int(terminated, "exitCode").unwrap_or(0)
        ),
        reason => reason.to_owned(),
    }
}

fn succeeded(container: &Json) -> bool {
    part(container, "state", "terminated")
        .is_some_and(|terminated| json::int(terminated, "exitCode").unwrap_or(0) == 0)
}

/// `state.waiting`, `lastState.terminated` and the like.
fn part<'a>(container: &'a Json, state: &str, name: &str) -> Option<&'a Json> {
    json::map(json::map(container, state)?, name)
}

fn is_restartable(container: &Json) -> bool {
    json::text(container, "restartPolicy") == "Always"
}

fn has_condition(status: &Json, kind: &str) -> bool {
    json::maps(status, "conditions").any(|condition| {
        json::text(condition, "type") == kind && json::text(condition, "status") == "True"
    })
}
