//! A network whose set-up waits at a gate, for tests of what happens meanwhile.

use std::sync::Arc;

use futures::future::BoxFuture;
use network::{FakeNetwork, PodAttachment, PodNetwork, PodRequest, Result};
use tokio::sync::watch;

/// Passes everything on, set-ups only while the gate is open.
pub struct Gated {
    pub network: Arc<FakeNetwork>,
    pub open: watch::Receiver<bool>,
}

impl PodNetwork for Gated {
    fn setup(&self, pod: PodRequest) -> BoxFuture<'_, Result<PodAttachment>> {
        let mut open = self.open.clone();
        let network = self.network.clone();
        // As the real one: a call whose future is dropped still runs to its end.
        let running = base::tasks::spawn("set-up", async move {
            open.wait_for(|open| *open)
                .await
                .expect("the test holds the gate");
            network.setup(pod).await
        });
        Box::pin(async move { running.await.expect("not aborted").expect("no panic") })
    }

    fn teardown<'a>(&'a self, uid: &'a str) -> BoxFuture<'a, Result<()>> {
        self.network.teardown(uid)
    }

    fn check<'a>(&'a self, uid: &'a str) -> BoxFuture<'a, Result<PodAttachment>> {
        self.network.check(uid)
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<PodAttachment>>> {
        self.network.list()
    }
}
