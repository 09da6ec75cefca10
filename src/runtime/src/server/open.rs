//! Finding again what an earlier server, or an earlier boot, left in the state directory.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use cri::{Error, Result};

use super::blocking;
use super::container::Container;
use super::internal;
use super::record::{ContainerRecord, SandboxRecord};
use super::retire::lives_on;
use super::runtime::{Core, Runtime, RuntimeOptions};
use super::sandbox::{self, Sandbox};
use crate::plan::{self, FileError};
use crate::shim::protocol::{Call, Event};
use crate::shim::{CONTAINERS, STATE};

impl Runtime {
    /// Opens a state directory: sandboxes with a living shim go on as they were, and what is
    /// left of the others is cleared up.
    ///
    /// # Errors
    /// `Internal` when the directory, this host or the shim's program is unusable.
    pub async fn open(options: RuntimeOptions) -> Result<Arc<Self>> {
        let core = blocking(move || {
            fs::create_dir_all(&options.state_dir)
                .map_err(internal("making the state directory"))?;
            Core::new(options).map(Arc::new)
        })
        .await?;
        for id in list(&core.state_dir)? {
            if let Err(error) = core.recover(&id).await {
                // The others must not suffer for it; nothing of it is removed.
                tracing::error!(sandbox = id, %error, "a sandbox cannot be taken over");
            }
        }
        Ok(Arc::new(Self { core }))
    }
}

/// A shim that is there but does not answer keeps its containers: they are not ours to end.
async fn refuse_the_living(sandbox: &Sandbox) -> Result<()> {
    if lives_on(&sandbox.directory).await {
        let text = "its shim lives but does not answer; the containers go on without us";
        return Err(Error::Internal(text.to_owned()));
    }
    Ok(())
}

/// The names in a directory; none when it is not there.
fn list(directory: &Path) -> Result<Vec<String>> {
    let doing = || format!("listing {}", directory.display());
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(internal(doing()))?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect::<io::Result<_>>().map_err(internal(doing()))
}

impl Core {
    async fn recover(self: &Arc<Self>, id: &str) -> Result<()> {
        let directory = self.sandbox_directory(id);
        let record = match SandboxRecord::read(&directory) {
            Ok(record) => record,
            // It was being made, or removed: nothing is in it that anybody was told of.
            Err(FileError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return blocking(move || sandbox::remove(&directory)).await;
            }
            Err(error) => return Err(Error::Internal(error.to_string())),
        };
        let sandbox = Arc::new(Sandbox::new(record, directory));
        let halves = self.load_containers(&sandbox)?;
        self.insert(Arc::clone(&sandbox));
        match sandbox.client.subscribe().await {
            Ok(mut subscription) => {
                let first = subscription.next().await;
                let Ok(Event::Snapshot(states)) = first else {
                    refuse_the_living(&sandbox).await?;
                    return self.shim_lost(&sandbox).await;
                };
                self.adopt(&sandbox, halves, &states).await?;
                for state in states {
                    self.apply(&sandbox, state);
                }
                self.watch(Arc::clone(&sandbox), subscription);
                if !sandbox.is_ready() {
                    // Stopping it, or making it, was cut short.
                    return Arc::clone(self).stop_sandbox(sandbox).await;
                }
            }
            Err(_) => {
                refuse_the_living(&sandbox).await?;
                self.adopt(&sandbox, halves, &[]).await?;
                self.shim_lost(&sandbox).await?;
                let directory = sandbox.directory.clone();
                blocking(move || sandbox::unmake(&directory)).await?;
            }
        }
        Ok(())
    }

    /// Puts the containers on disk into the index; gives those whose shim has not written a
    /// state, which may be half made.
    fn load_containers(&self, sandbox: &Sandbox) -> Result<Vec<Arc<Container>>> {
        let mut halves = Vec::new();
        let containers = sandbox.directory.join(CONTAINERS);
        for id in list(&containers)? {
            let directory = containers.join(&id);
            let record = match ContainerRecord::read(&directory) {
                Ok(record) => record,
                Err(error) => {
                    tracing::warn!(id, %error, "a container without a record is ignored");
                    continue;
                }
            };
            let state = plan::read(&directory.join(STATE)).ok();
            let half = state.is_none();
            let container = Arc::new(Container::new(record, directory, state));
            sandbox.insert(Arc::clone(&container));
            if half {
                halves.push(container);
            }
        }
        Ok(halves)
    }

    /// Clears the half-made containers that the shim does not know.
    async fn adopt(
        self: &Arc<Self>,
        sandbox: &Sandbox,
        halves: Vec<Arc<Container>>,
        known: &[crate::plan::ContainerState],
    ) -> Result<()> {
        for container in halves {
            let id = container.record.id.clone();
            if known.iter().any(|state| state.id == id) {
                continue;
            }
            // The shim may be at it this moment; it is told after that.
            let call = Call::Remove { id: id.clone() };
            // Without a shim there is nobody to tell.
            let _gone = sandbox.client.call(call, &[]).await;
            self.end_group(&container.record.cgroup).await;
            sandbox.forget(&id);
            self.clear_container(container).await?;
        }
        Ok(())
    }
}
