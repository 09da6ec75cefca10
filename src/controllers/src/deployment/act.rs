//! Carries a plan out. Decides nothing but what a refused creation means.

use api::{Deployment, Kind, ReplicaSet};
use apimachinery::Object;
use client::{Client, ClientError, DeleteOptions, Deletion, WriteOptions};
use informer::{EventType, Key, ReconcileError, Recorder};
use jiff::Timestamp;

use super::budget;
use super::plan::{self, Plan, Step};
use crate::owed::Owed;
use crate::view::Viewed;
use crate::writes;

pub(super) struct Acting<'a> {
    pub(super) client: Client,
    pub(super) owed_sets: &'a Owed,
    pub(super) owed: &'a Owed,
    pub(super) events: &'a Recorder,
    pub(super) deployment: &'a Viewed<Deployment>,
    pub(super) key: &'a Key,
    pub(super) now: Timestamp,
}

impl Acting<'_> {
    /// Says that the deployment was seen, and changes nothing else.
    pub(super) async fn observe(&self) -> Result<(), ReconcileError> {
        let mut after = self.deployment.typed.clone();
        let generation = after.metadata.generation;
        after.status.get_or_insert_default().observed_generation = generation;
        self.set_status(&after).await
    }

    pub(super) async fn claim(
        &self,
        adopt: &[ReplicaSet],
        release: &[ReplicaSet],
    ) -> Result<(), ReconcileError> {
        let (owed, owner) = (self.owed_sets, &self.deployment.typed);
        writes::claim(&self.client, owed, self.key, owner, adopt, release).await
    }

    /// Takes the steps, then brings the deployment's status up to date.
    ///
    /// # Errors
    /// The first refusal; what is left is planned again.
    pub(super) async fn run(&self, plan: &Plan) -> Result<(), ReconcileError> {
        for step in &plan.steps {
            match step {
                Step::Create { object, replicas } => {
                    if !self.create(object, *replicas).await? {
                        return Ok(());
                    }
                }
                Step::Update { before, after } => self.update(before, after).await?,
                Step::Delete(set) => self.delete(set).await?,
            }
        }
        self.set_status(&plan.after).await
    }

    async fn set_status(&self, after: &Deployment) -> Result<(), ReconcileError> {
        writes::status(&self.client, self.owed, self.key, self.deployment, after).await
    }

    /// Creates the new set. False when the status already says what came of it.
    async fn create(&self, object: &Object, replicas: i32) -> Result<bool, ReconcileError> {
        let sets = self.client.typed::<ReplicaSet>();
        let sets = sets.in_namespace(self.deployment.namespace());
        let created = sets.api().create(object, &WriteOptions::default()).await;
        let error = match created {
            Ok(created) => {
                self.owed_sets.wrote(self.key, created.revision());
                self.scaled(object.name(), 0, replicas);
                return Ok(true);
            }
            Err(error) => error,
        };
        self.owed_sets.failed(self.key, &error);
        if error.is_already_exists() {
            self.resolve_collision(object).await?;
            return Ok(false);
        }
        if !writes::namespace_ends(&error) {
            self.say_create_failed(object.name(), &error).await?;
        }
        Err(error.into())
    }

    /// The name is taken. By a set of ours with this template: the cache is behind, and the set's
    /// event brings the key back. By another: the hash must change.
    async fn resolve_collision(&self, object: &Object) -> Result<(), ReconcileError> {
        let sets = self.client.typed::<ReplicaSet>();
        let sets = sets.in_namespace(self.deployment.namespace());
        let found = sets.api().get(object.name()).await?;
        let found = found.to_object().map_err(writes::unreadable)?;
        let ours = found
            .controller()
            .is_some_and(|owner| owner.uid == self.deployment.uid());
        if ours && plan::same_template(&found, object) {
            let why = format!("replica set {:?} is not in the cache yet", object.name());
            return Err(ReconcileError::Other(why));
        }
        self.set_status(&plan::collided(self.deployment)).await
    }

    async fn say_create_failed(
        &self,
        set: &str,
        error: &ClientError,
    ) -> Result<(), ReconcileError> {
        let error = error.to_string();
        let (after, message) = plan::create_failed(self.deployment, set, &error, self.now);
        let (kind, reason) = (EventType::Warning, "ReplicaSetCreateError");
        self.events
            .event(&self.deployment.typed, kind, reason, &message);
        self.set_status(&after).await
    }

    async fn update(
        &self,
        before: &Viewed<ReplicaSet>,
        after: &ReplicaSet,
    ) -> Result<(), ReconcileError> {
        writes::update(&self.client, self.owed_sets, self.key, before, after).await?;
        let [from, to] = [&before.typed, after].map(budget::set_replicas);
        self.scaled(before.name(), from, to);
        Ok(())
    }

    fn scaled(&self, set: &str, from: i32, to: i32) {
        let direction = match from.cmp(&to) {
            std::cmp::Ordering::Less => "up",
            std::cmp::Ordering::Equal => return,
            std::cmp::Ordering::Greater => "down",
        };
        let message = format!("Scaled {direction} replica set {set} from {from} to {to}");
        let (kind, reason) = (EventType::Normal, "ScalingReplicaSet");
        self.events
            .event(&self.deployment.typed, kind, reason, &message);
    }

    async fn delete(&self, set: &ReplicaSet) -> Result<(), ReconcileError> {
        let sets = self.client.typed::<ReplicaSet>();
        let sets = sets.in_namespace(set.namespace());
        let version = set.metadata.resource_version.as_deref();
        let options = DeleteOptions::of_version(set.uid(), version);
        match sets.delete(set.name(), &options).await {
            Ok(Deletion::Terminating(set)) => self.owed_sets.wrote(self.key, set.revision()),
            Ok(Deletion::Gone) => self.removed(set),
            Err(error) if error.is_not_found() => self.removed(set),
            Err(error) => {
                self.owed_sets.failed(self.key, &error);
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn removed(&self, set: &ReplicaSet) {
        let object = Key::new(set.namespace(), set.name());
        self.owed_sets.removed(self.key, object, set.uid());
    }
}
