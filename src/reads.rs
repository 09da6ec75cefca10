//! The informers' reads, authorized: they come from the registry without a request, so what a
//! request's filter would ask is asked here, each time a list or a watch begins.

use std::sync::Arc;

use apimachinery::{GroupVersionResource, StatusError, UserInfo};
use auth::{Authorizer, AuthzAttributes, Decision};
use client::{EventStream, ListWatch, ListWatchSource, Listed};
use futures::future::BoxFuture;

/// A source that is read as one user.
pub struct Authorized {
    pub source: Arc<dyn ListWatchSource>,
    pub authorizer: Arc<dyn Authorizer>,
    pub user: UserInfo,
}

/// What one resource's lists and watches share.
struct Asked {
    source: Arc<dyn ListWatch>,
    resource: GroupVersionResource,
    authorizer: Arc<dyn Authorizer>,
    user: UserInfo,
}

impl ListWatchSource for Authorized {
    fn list_watch(&self, resource: &GroupVersionResource) -> Arc<dyn ListWatch> {
        Arc::new(Asked {
            source: self.source.list_watch(resource),
            resource: resource.clone(),
            authorizer: self.authorizer.clone(),
            user: self.user.clone(),
        })
    }
}

impl Asked {
    fn ask(&self, verb: &str) -> Result<(), StatusError> {
        let (group, resource) = (&self.resource.group, &self.resource.resource);
        let attributes = AuthzAttributes::resource(&self.user, verb, group, resource);
        match self.authorizer.authorize(&attributes) {
            Decision::Allow(_) => Ok(()),
            Decision::Deny(why) | Decision::NoOpinion(why) => {
                Err(auth::forbidden(&attributes, &why))
            }
        }
    }
}

impl ListWatch for Asked {
    fn list(&self) -> BoxFuture<'_, Result<Listed, StatusError>> {
        Box::pin(async {
            self.ask("list")?;
            self.source.list().await
        })
    }

    fn watch(&self, after: u64) -> BoxFuture<'_, Result<EventStream, StatusError>> {
        Box::pin(async move {
            self.ask("watch")?;
            self.source.watch(after).await
        })
    }
}

#[cfg(test)]
mod tests {
    use auth::{BootstrapPolicy, Rbac};
    use base::Clock;
    use client::testing::FakeServer;

    use super::*;

    fn reads(user: UserInfo) -> Arc<dyn ListWatch> {
        let authorized = Authorized {
            source: Arc::new(FakeServer::new(Clock::system())),
            authorizer: Arc::new(Rbac::new(Arc::new(BootstrapPolicy::load()))),
            user,
        };
        authorized.list_watch(&GroupVersionResource::new("", "v1", "secrets"))
    }

    #[tokio::test]
    async fn informers_read_what_their_identity_may() {
        let allowed = reads(auth::identity::controller_manager());
        assert!(allowed.list().await.is_ok());
        assert!(allowed.watch(1).await.is_ok());

        let refused = reads(auth::identity::scheduler());
        let error = refused.list().await.expect_err("not its own");
        assert_eq!(error.code(), 403, "{error}");
        let error = refused.watch(1).await.err().expect("not its own");
        assert!(
            error
                .to_string()
                .contains("cannot watch resource \"secrets\""),
            "{error}"
        );
    }
}
