//! Events, kept for the test to read.

use std::sync::{Mutex, PoisonError};

use api::core::Pod;
use informer::EventType;

use crate::shared::Events;

/// Lines as `Normal Pulled app: …`; the container is left out of events about the pod.
#[derive(Debug, Default)]
pub struct Said(Mutex<Vec<String>>);

impl Said {
    pub fn all(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Forgets what has been said, and gives it.
    pub fn take(&self) -> String {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = said.join("\n");
        said.clear();
        text.push('\n');
        text
    }

    pub fn count(&self, part: &str) -> usize {
        self.all().iter().filter(|line| line.contains(part)).count()
    }
}

impl Events for Said {
    fn event(&self, _: &Pod, container: Option<&str>, kind: EventType, reason: &str, text: &str) {
        let about = container.map_or(String::new(), |name| format!(" {name}"));
        let line = format!("{kind:?} {reason}{about}: {text}");
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.push(line);
    }
}
