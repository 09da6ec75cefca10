//! The bootstrap policy becomes stored objects, and the stored objects decide.

use std::sync::Arc;
use std::time::Duration;

use apimachinery::admission::AlwaysAdmit;
use apimachinery::{Object, StatusError};
use apiserver::Done;
use auth::StoredRules;
use auth::bootstrap::{RbacStore, reconcile};
use base::{Backoff, Clock, Shutdown};
use futures::future::BoxFuture;
use informer::Informers;
use registry::{DeleteOptions, Preconditions, Registry, Target, WriteOptions};
use resources::Resource;
use tracing::{info, warn};

/// How long stored rules may take to come through the informers.
const PATIENCE: Duration = Duration::from_secs(10);

/// The registry below authorization and admission: at the first start nobody may write roles.
struct Below(Registry);

/// What it takes to put the policy into force.
pub struct Cx {
    pub registry: Registry,
    pub rules: Arc<StoredRules>,
    /// Not authorized: the rules that they bring decide about all others.
    pub informers: Informers,
    /// Told when the policy is stored, for `/readyz`.
    pub stored: Done,
    pub clock: Clock,
    pub shutdown: Shutdown,
}

/// The stored rules are known.
pub struct Known(Cx);

/// Reads the stored rules and follows them from now on. Before they are read nobody but
/// system:masters has a right, so that requests had better wait; but if they cannot be read, that
/// is who can mend it.
pub async fn read(cx: Cx) -> Known {
    let following = cx.rules.follow(&cx.informers);
    // Which list fails, and why, the informers say.
    if cx.clock.timeout(PATIENCE, following).await.is_err() {
        warn!("the stored RBAC rules cannot be read: they give nobody rights until they can");
    }
    Known(cx)
}

/// Writes what is missing, then lets the stored objects decide alone. Tries again until it is
/// done or the server ends: until then the embedded policy answers for what is missing.
pub async fn establish(known: Known) {
    let Cx {
        registry,
        rules,
        stored,
        clock,
        shutdown,
        ..
    } = known.0;
    let below = Below(registry);
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
    loop {
        match reconcile(&below).await {
            Ok(written) => {
                info!(written, "the bootstrap policy is stored");
                stored.done();
                break;
            }
            Err(error) => {
                let delay = backoff.next_delay();
                warn!(%error, ?delay, "the bootstrap policy could not be stored; trying again");
                tokio::select! {
                    () = shutdown.stopping() => return,
                    () = clock.sleep(delay) => {}
                }
            }
        }
    }
    tokio::select! {
        () = shutdown.stopping() => {}
        () = rules.take_over(&clock, PATIENCE) => {}
    }
}

fn row(object: &Object) -> Result<&'static Resource, StatusError> {
    let kind = object.gvk().map(|gvk| gvk.kind).unwrap_or_default();
    let row = resources::by_kind("rbac.authorization.k8s.io", &kind);
    row.ok_or_else(StatusError::no_such_resource)
}

fn target(object: &Object) -> Target<'_> {
    Target {
        namespace: object.namespace(),
        name: object.name(),
    }
}

impl RbacStore for Below {
    fn get<'a>(&'a self, like: &'a Object) -> BoxFuture<'a, Result<Option<Object>, StatusError>> {
        Box::pin(async move {
            let found = self.0.find(row(like)?, target(like)).await?;
            let found = found.map(|found| found.to_object()).transpose();
            found.map_err(StatusError::internal)
        })
    }

    fn create<'a>(&'a self, object: Object) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let (cx, options) = (crate::bootstrap::cx(), WriteOptions::default());
            let writer = self.0.writer(row(&object)?, &cx, &AlwaysAdmit);
            let namespace = object.namespace().to_owned();
            writer.create(&namespace, object, &options).await.map(drop)
        })
    }

    fn update<'a>(&'a self, object: Object) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let (cx, options) = (crate::bootstrap::cx(), WriteOptions::default());
            let row = row(&object)?;
            let writer = self.0.writer(row, &cx, &AlwaysAdmit);
            let change = |old: &Object| {
                if old.resource_version() == object.resource_version() {
                    Ok(object.clone())
                } else {
                    Err(StatusError::modified(&row.group_resource(), object.name()))
                }
            };
            let updated = writer.update(target(&object), &change, &options).await;
            updated.map(drop)
        })
    }

    fn delete<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let cx = crate::bootstrap::cx();
            let options = DeleteOptions {
                preconditions: Preconditions {
                    uid: Some(object.uid().to_owned()),
                    ..Preconditions::default()
                },
                ..DeleteOptions::default()
            };
            let writer = self.0.writer(row(object)?, &cx, &AlwaysAdmit);
            writer.delete(target(object), &options).await.map(drop)
        })
    }
}

#[cfg(test)]
mod tests {
    use auth::{Authorizer, AuthzAttributes, Rbac};
    use registry::{Allocation, ListOptions};

    use super::*;

    /// Everything that decides and is decided about, over a store in memory.
    struct World {
        registry: Registry,
        clock: Clock,
        shutdown: Shutdown,
    }

    impl World {
        async fn new() -> Self {
            let clock = Clock::system();
            let store = Arc::new(store::MemStore::new(store::Options::new(clock.clone())));
            let registry = Registry::new(store, clock.clone(), Allocation::default());
            crate::bootstrap::objects(&registry, [10, 43, 0, 1].into(), 6443)
                .await
                .expect("the namespaces");
            Self {
                registry,
                clock,
                shutdown: Shutdown::new(),
            }
        }

        /// As at a start of the server, up to the first step.
        fn cx(&self, stored: Done) -> Cx {
            let source = Arc::new(self.registry.clone());
            Cx {
                registry: self.registry.clone(),
                rules: Arc::new(StoredRules::default()),
                informers: Informers::new(source, self.clock.clone(), self.shutdown.clone()),
                stored,
                clock: self.clock.clone(),
                shutdown: self.shutdown.clone(),
            }
        }

        /// As at a start of the server.
        async fn start(&self) -> Rbac {
            let (check, stored) = apiserver::Check::until_done("policy");
            let cx = self.cx(stored);
            let rules = cx.rules.clone();
            establish(read(cx).await).await;
            assert_eq!((check.run)().await, Ok(()));
            Rbac::new(rules)
        }

        async fn count(&self, kind: &str) -> usize {
            let row = resources::by_kind("rbac.authorization.k8s.io", kind).expect("a row");
            let list = self.registry.list(row, None, &ListOptions::default()).await;
            list.expect("listed").items.len()
        }
    }

    #[tokio::test]
    async fn stored_objects_take_over_from_the_policy() {
        let world = World::new().await;
        let may_bind = |rbac: &Rbac| {
            let scheduler = auth::identity::scheduler();
            let asked = AuthzAttributes {
                subresource: "binding",
                namespace: "default",
                ..AuthzAttributes::resource(&scheduler, "create", "", "pods")
            };
            rbac.authorize(&asked).is_allowed()
        };
        let rbac = world.start().await;
        assert!(may_bind(&rbac));
        let expected = auth::bootstrap::objects();
        let mut stored = 0;
        for kind in ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"] {
            stored += world.count(kind).await;
        }
        assert_eq!(stored, expected.len());

        // What is stored decides alone: without its binding the scheduler has no rights, until
        // the next start brings it back.
        let is_binding = |object: &&Object| {
            object.contains_key("roleRef") && object.name() == "system:kube-scheduler"
        };
        let binding = expected.iter().find(is_binding).expect("in the policy");
        let below = Below(world.registry.clone());
        let found = below.get(binding).await.expect("read").expect("stored");
        below.delete(&found).await.expect("deleted");
        let gone = async {
            while may_bind(&rbac) {
                tokio::task::yield_now().await;
            }
        };
        world.clock.timeout(PATIENCE, gone).await.expect("noticed");
        assert!(may_bind(&world.start().await));
        assert_eq!(world.count("ClusterRoleBinding").await, 52);
        world.shutdown.stop();
    }

    /// The binding of this name in the policy.
    fn binding(name: &str) -> Object {
        let mut objects = auth::bootstrap::objects().into_iter();
        let is_it = |object: &Object| object.contains_key("roleRef") && object.name() == name;
        objects.find(is_it).expect("in the policy")
    }

    #[tokio::test]
    async fn what_was_taken_for_good_is_not_given_back_while_the_server_starts() {
        let world = World::new().await;
        world.start().await;
        let below = Below(world.registry.clone());
        let scheduler = binding("system:kube-scheduler");
        let mut taken = below.get(&scheduler).await.expect("read").expect("stored");
        taken.insert("subjects".into(), serde_json::json!([]));
        let annotations =
            serde_json::json!({"rbac.authorization.kubernetes.io/autoupdate": "false"});
        taken
            .metadata_mut()
            .insert("annotations".into(), annotations);
        below.update(taken).await.expect("updated");
        let manager = binding("system:kube-controller-manager");
        let missing = below.get(&manager).await.expect("read").expect("stored");
        below.delete(&missing).await.expect("deleted");

        let (_, stored) = apiserver::Check::until_done("policy");
        let cx = world.cx(stored);
        let rbac = Rbac::new(cx.rules.clone());
        let may_list = || {
            [
                auth::identity::scheduler(),
                auth::identity::controller_manager(),
            ]
            .map(|user| {
                let asked = AuthzAttributes::resource(&user, "list", "", "pods");
                rbac.authorize(&asked).is_allowed()
            })
        };
        assert_eq!(may_list(), [false, false], "before the rules are read");
        let known = read(cx).await;
        assert_eq!(
            may_list(),
            [false, true],
            "before what is missing is written"
        );
        establish(known).await;
        assert_eq!(may_list(), [false, true], "from then on");
        world.shutdown.stop();
    }
}
