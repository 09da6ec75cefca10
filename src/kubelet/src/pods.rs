//! All pods of this node: a worker each, fed by the informer and by the runtime's events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use api::Kind;
use api::core::Pod;
use base::Shutdown;
use cri::ContainerEvent;
use futures::StreamExt;
use informer::{Key, Lister, WorkQueue};
use tokio::sync::{Notify, mpsc, watch};
use tracing::{debug, warn};

use crate::orphans;
use crate::pod::worker::{End, Wanted, Worker};
use crate::shared::Shared;

/// Index of the pod informer by node name.
pub const BY_NODE: &str = "node";

/// Runs pod workers until shutdown. Pods go on without it.
pub struct Pods {
    shared: Arc<Shared>,
    pods: Lister<Pod>,
    queue: WorkQueue,
    /// By uid.
    workers: HashMap<String, Handle>,
    /// By sandbox id: whose it is. Filled when an event of the sandbox comes.
    sandboxes: HashMap<String, String>,
    /// Pods that are gone from the node, by uid, while the API still shows them: a finalizer, or
    /// an informer that lags.
    removed: HashMap<String, Key>,
    ended: (mpsc::Sender<Ended>, mpsc::Receiver<Ended>),
}

/// The uid of a worker's pod, and how the worker ended; `None` is a panic.
type Ended = (String, Option<End>);

struct Handle {
    key: Key,
    wanted: watch::Sender<Wanted>,
    wake: Arc<Notify>,
}

/// Ends of workers that wait to be noticed.
const ENDED: usize = 256;
/// A worker that has panicked is made anew after this long.
const AFTER_PANIC: Duration = Duration::from_secs(10);

impl Pods {
    pub fn new(shared: Arc<Shared>, pods: Lister<Pod>) -> Self {
        let queue = WorkQueue::new(shared.clock.clone());
        let (node, waiting) = (shared.options.node_name.clone(), queue.clone());
        pods.informer().on_change(move |change| {
            let object = change.object();
            let ours = informer::by_node(object).contains(&node);
            if let Some(key) = Key::of(object).filter(|_| ours) {
                waiting.add(key, object.trace);
            }
        });
        Self {
            shared,
            pods,
            queue,
            workers: HashMap::new(),
            sandboxes: HashMap::new(),
            removed: HashMap::new(),
            ended: mpsc::channel(ENDED),
        }
    }

    /// Brings the node in line with the API, and keeps it there.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut events = self.shared.runtime.events();
        tokio::select! {
            () = self.pods.informer().synced() => {}
            () = shutdown.stopping() => return,
        }
        let known: Vec<String> = self
            .own_pods()
            .iter()
            .map(|pod| pod.uid().to_owned())
            .collect();
        orphans::remove(&self.shared, &known).await;
        loop {
            tokio::select! {
                next = self.queue.next() => match next {
                    Some((key, _)) => {
                        self.update(&key);
                        self.queue.done(&key);
                    }
                    None => return,
                },
                event = events.next() => match event {
                    Some(event) => self.wake(&event).await,
                    // They end with the server, too.
                    None if shutdown.is_stopping() => return,
                    None => {
                        warn!("the runtime has ended its events");
                        return;
                    }
                },
                Some((uid, end)) = self.ended.1.recv() => self.forget(&uid, end),
                () = shutdown.stopping() => return,
            }
        }
    }

    fn own_pods(&self) -> Vec<Pod> {
        self.pods.by_index(BY_NODE, &self.shared.options.node_name)
    }

    /// Tells the worker of a pod what is wanted now; an unknown pod gets one.
    fn update(&mut self, key: &Key) {
        let node = &self.shared.options.node_name;
        let pod = self.pods.get(&key.namespace, &key.name);
        let pod = pod
            .filter(|pod| api::pod::node_name(pod) == node)
            .map(Arc::new);
        let uid = pod
            .as_ref()
            .map(|pod| pod.uid().to_owned())
            .unwrap_or_default();
        for (other, handle) in &self.workers {
            if handle.key == *key && *other != uid {
                // Deleted with force, and perhaps replaced by a namesake.
                handle
                    .wanted
                    .send_modify(|wanted| *wanted = Wanted::Gone(wanted.pod().clone()));
            }
        }
        self.removed.retain(|other, of| of != key || *other == uid);
        let Some(pod) = pod else { return };
        if self.removed.contains_key(&uid) {
            return;
        }
        match self.workers.get(&uid) {
            Some(handle) => {
                handle.wanted.send_replace(Wanted::Pod(pod));
            }
            None => self.start(key.clone(), uid, pod),
        }
    }

    fn start(&mut self, key: Key, uid: String, pod: Arc<Pod>) {
        let (wanted, receiver) = watch::channel(Wanted::Pod(pod));
        let wake = Arc::new(Notify::new());
        let worker = Worker::new(self.shared.clone(), receiver, wake.clone());
        let (ended, of) = (self.ended.0.clone(), uid.clone());
        base::tasks::spawn("pod worker", async move {
            let end = base::tasks::catch("pod worker", worker.run()).await;
            // A kubelet that has ended does not need to know.
            let _ = ended.send((of, end)).await;
        });
        self.workers.insert(uid, Handle { key, wanted, wake });
    }

    fn forget(&mut self, uid: &str, end: Option<End>) {
        let Some(handle) = self.workers.remove(uid) else {
            return;
        };
        debug!(pod = %handle.key, uid, ?end, "the pod's worker has ended");
        self.sandboxes.retain(|_, owner| owner != uid);
        match end {
            Some(End::Removed) => {
                self.removed.insert(uid.to_owned(), handle.key.clone());
                // The object may be gone by now: its name need not be kept.
                self.queue.add(handle.key, base::TraceId::NONE);
            }
            Some(End::Abandoned) => {}
            // What made it panic is likely still there.
            None => self.queue.add_after(handle.key, AFTER_PANIC),
        }
    }

    async fn wake(&mut self, event: &ContainerEvent) {
        let id = &event.pod_sandbox_id;
        if !self.sandboxes.contains_key(id)
            && let Ok(status) = self.shared.runtime.pod_sandbox_status(id).await
        {
            self.sandboxes.insert(id.clone(), status.metadata.uid);
        }
        if let Some(handle) = self.sandboxes.get(id).and_then(|uid| self.workers.get(uid)) {
            handle.wake.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
