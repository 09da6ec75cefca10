//! Carries a plan out. Decides nothing.

use api::{Kind, Pod, ReplicaSet, owner};
use client::{Client, ClientError, DeleteOptions, Deletion, WriteOptions};
use futures::future::join_all;
use informer::{EventType, Key, ReconcileError, Recorder};
use serde_json::Value;

use super::plan::{Plan, Work};
use crate::owed::Owed;
use crate::template;
use crate::view::Viewed;
use crate::writes;

pub(super) struct Acting<'a> {
    pub(super) client: Client,
    pub(super) owed: &'a Owed,
    pub(super) events: &'a Recorder,
    pub(super) set: &'a Viewed<ReplicaSet>,
    pub(super) key: &'a Key,
}

impl Acting<'_> {
    fn pods(&self) -> client::Api {
        let pods = self.client.typed::<Pod>();
        pods.in_namespace(self.set.namespace()).api().clone()
    }

    pub(super) async fn claim(&self, plan: &Plan) -> Result<(), ReconcileError> {
        let (owed, owner) = (self.owed, &self.set.typed);
        writes::claim(
            &self.client,
            owed,
            self.key,
            owner,
            &plan.adopt,
            &plan.release,
        )
        .await
    }

    /// Creates or deletes pods; gives the first failure.
    pub(super) async fn work(&self, work: &Work) -> Option<ClientError> {
        match work {
            Work::Nothing => None,
            Work::Create(count) => self.create(*count).await,
            Work::Delete(pods) => {
                let deletions = pods.iter().map(|pod| self.delete(pod));
                join_all(deletions).await.into_iter().find_map(Result::err)
            }
        }
    }

    /// Slow start: 1, 2, 4, … at a time, so that what cannot be created is tried once and not
    /// hundreds of times.
    async fn create(&self, count: usize) -> Option<ClientError> {
        let (mut left, mut batch) = (count, 1);
        while left > 0 {
            let size = batch.min(left);
            let creations = (0..size).map(|_| self.create_one());
            let failed = join_all(creations).await.into_iter().find_map(Result::err);
            match failed {
                None => {}
                // Every further creation would be refused too, and the set goes as well.
                Some(error) if writes::namespace_ends(&error) => return None,
                Some(error) => return Some(error),
            }
            left -= size;
            batch *= 2;
        }
        None
    }

    async fn create_one(&self) -> Result<(), ClientError> {
        let template = self.set.json.at("/spec/template");
        let template = template.unwrap_or(&Value::Null);
        let owner = owner::controller_reference(&self.set.typed);
        let pod = template::pod(template, self.set.namespace(), &owner);
        match self.pods().create(&pod, &WriteOptions::default()).await {
            Ok(created) => {
                self.owed.wrote(self.key, created.revision());
                if let Ok(head) = created.head() {
                    let text = format!("Created pod: {}", head.metadata.name);
                    self.say(EventType::Normal, "SuccessfulCreate", &text);
                }
                Ok(())
            }
            Err(error) => {
                self.owed.failed(self.key, &error);
                if !writes::namespace_ends(&error) {
                    let text = format!("Error creating: {error}");
                    self.say(EventType::Warning, "FailedCreate", &text);
                }
                Err(error)
            }
        }
    }

    async fn delete(&self, pod: &Pod) -> Result<(), ClientError> {
        let options = DeleteOptions::of_uid(pod.uid());
        match self.pods().delete(pod.name(), &options).await {
            Ok(Deletion::Terminating(pod)) => self.owed.wrote(self.key, pod.revision()),
            Ok(Deletion::Gone) => self.removed(pod),
            Err(error) if error.is_not_found() => {
                self.removed(pod);
                return Ok(());
            }
            Err(error) => {
                self.owed.failed(self.key, &error);
                let text = format!("Error deleting: {error}");
                self.say(EventType::Warning, "FailedDelete", &text);
                return Err(error);
            }
        }
        let text = format!("Deleted pod: {}", pod.name());
        self.say(EventType::Normal, "SuccessfulDelete", &text);
        Ok(())
    }

    fn say(&self, kind: EventType, reason: &str, text: &str) {
        self.events.event(&self.set.typed, kind, reason, text);
    }

    fn removed(&self, pod: &Pod) {
        let object = Key::new(pod.namespace(), pod.name());
        self.owed.removed(self.key, object, pod.uid());
    }
}
