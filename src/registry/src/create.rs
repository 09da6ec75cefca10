//! Create: the one path by which an object comes into being.

use apimachinery::admission::Operation;
use apimachinery::{Encoded, Object, StatusError};
use resources::{Resource, meta};
use store::Expect;

use crate::commit::Committed;
use crate::error::from_store;
use crate::metadata::drop_repeated_owners;
use crate::options::WriteOptions;
use crate::writer::Admitted;
use crate::{Target, Writer, codec, hooks, key, managed_fields, metadata, versions};

/// How often a generated name, or an allocation lost to another writer, is tried anew.
const ATTEMPTS: usize = 8;

impl Writer<'_> {
    /// Creates an object of the request's version, which the caller has decoded and matched
    /// against its path. Answers it as it is stored.
    ///
    /// # Errors
    /// AlreadyExists, Invalid, an admission plugin's refusal, or what the store says.
    pub async fn create(
        &self,
        namespace: &str,
        object: Object,
        options: &WriteOptions,
    ) -> Result<Encoded, StatusError> {
        if !object.resource_version().is_empty() {
            let text = "resourceVersion should not be set on objects to be created";
            return Err(StatusError::bad_request(text));
        }
        let mut object = object;
        versions::to_stored(self.served, &mut object);
        let mut attempts = 1;
        loop {
            match self.create_once(namespace, object.clone(), options).await {
                Err(Refusal::Lost(_)) if attempts < ATTEMPTS => attempts += 1,
                Err(Refusal::Lost(error) | Refusal::Final(error)) => return Err(error),
                Ok(created) => return Ok(created),
            }
        }
    }

    async fn create_once(
        &self,
        namespace: &str,
        mut object: Object,
        options: &WriteOptions,
    ) -> Result<Encoded, Refusal> {
        let (row, strategy, cx) = (
            self.row,
            self.strategy(),
            self.strategy_cx(Operation::Create, options.subresource),
        );
        let generated = name_object(&mut object);
        metadata::fill_new(row, &mut object, namespace, cx.now);
        if row.has_status() && !strategy.keeps_status_on_create() {
            object.remove("status");
        }
        drop_repeated_owners(self.cx, &mut object);
        strategy.default(&cx, &mut object);

        let (names, name) = (self.names(), object.name().to_owned());
        let attributes = self.attributes(
            &names,
            &Admitted {
                operation: Operation::Create,
                subresource: options.subresource,
                target: Target {
                    namespace,
                    name: &name,
                },
                old: None,
                dry_run: options.dry_run,
            },
        );
        self.admission.mutate(&attributes, &mut object).await?;
        drop_repeated_owners(self.cx, &mut object);
        managed_fields::settle(&mut object, None);
        strategy.prepare_for_create(&cx, &mut object);

        let mut errors = meta::validate_object_meta(row, &object);
        errors.extend(strategy.validate(&cx, &object));
        if !errors.is_empty() {
            return Err(StatusError::invalid(&row.gvk(), object.name(), &errors).into());
        }
        self.admission.validate(&attributes, Some(&object)).await?;
        for text in strategy.warnings(&cx, &object) {
            self.cx.warn(text);
        }
        self.insert(object, options, generated).await
    }

    async fn insert(
        &self,
        mut object: Object,
        options: &WriteOptions,
        generated: bool,
    ) -> Result<Encoded, Refusal> {
        let (row, mut side) = (self.row, Vec::new());
        hooks::before_commit(self.registry, row, None, Some(&mut object), &mut side).await?;
        if !hooks::namespace::guard(self.registry, object.namespace(), &mut side).await? {
            return Err(Refusal::Lost(self.lost(&object)));
        }
        let charge = self.charge(options.subresource, None, &object, &mut side);
        let _turn = charge.await?;
        let target = Target {
            namespace: object.namespace(),
            name: object.name(),
        };
        let key = key::of(row, target);
        let taken = |object: &Object| {
            if generated {
                return Refusal::Lost(name_not_unique(row, object));
            }
            StatusError::already_exists(&row.group_resource(), object.name()).into()
        };
        let encoded = codec::canonical(row, &mut object, 0, self.cx.trace);
        if options.dry_run {
            let there = self.registry.store.get(&key, None);
            return match there.await.map_err(from_store)? {
                Some(_) => Err(taken(&object)),
                None => Ok(codec::unstored(&encoded)),
            };
        }
        match self.commit(&key, &encoded, Expect::Absent, side).await? {
            Committed::Done(created) => Ok(created),
            Committed::Outrun => Err(taken(&object)),
            Committed::SideLost => Err(Refusal::Lost(self.lost(&object))),
        }
    }

    /// What a client is told when every attempt met other writers.
    fn lost(&self, object: &Object) -> StatusError {
        StatusError::modified(&self.row.group_resource(), object.name())
    }
}

/// Whether another attempt may succeed.
enum Refusal {
    /// Another writer took the generated name or the allocation first, or changed the namespace.
    Lost(StatusError),
    Final(StatusError),
}

impl From<StatusError> for Refusal {
    fn from(error: StatusError) -> Self {
        Self::Final(error)
    }
}

/// Makes a name from `generateName`; says whether it did.
fn name_object(object: &mut Object) -> bool {
    let prefix = object.meta("generateName").to_owned();
    if !object.name().is_empty() || prefix.is_empty() {
        return false;
    }
    // 63 minus the suffix of 5 (`names.SimpleNameGenerator`).
    let prefix: String = prefix.chars().take(58).collect();
    let name = format!("{prefix}{}", base::random::name_suffix(5));
    object.set_meta("name", &name);
    true
}

fn name_not_unique(row: &Resource, object: &Object) -> StatusError {
    let mut error = StatusError::already_exists(&row.group_resource(), object.name());
    error
        .0
        .message
        .push_str(", the server was not able to generate a unique name for the object");
    error
}
