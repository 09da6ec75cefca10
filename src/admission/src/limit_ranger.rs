//! Containers, pods and claims stay within what the namespace's LimitRanges allow; containers
//! that say nothing get their defaults.

mod bounds;
mod defaults;

use std::sync::Arc;

use apimachinery::admission::{Attributes, Operation, Pass, Plugin};
use apimachinery::{Object, StatusError, aggregate};
use futures::future::BoxFuture;

use crate::request::{decoded, forbidden, is_about};
use crate::sources::ObjectSource;

/// See the module.
pub struct LimitRanger(Arc<dyn ObjectSource>);

impl LimitRanger {
    #[must_use]
    pub fn new(objects: Arc<dyn ObjectSource>) -> Self {
        Self(objects)
    }

    async fn ranges(&self, attributes: &Attributes<'_>) -> Result<Vec<Object>, StatusError> {
        let ranges = self.0.list("", "LimitRange", attributes.namespace).await?;
        ranges.iter().map(decoded).collect()
    }
}

impl Plugin for LimitRanger {
    fn name(&self) -> &'static str {
        "LimitRanger"
    }

    fn handles(&self, _pass: Pass, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    fn mutate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        object: &'a mut Object,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            if limited(attributes) == Some(Limited::Pod) {
                for range in self.ranges(attributes).await? {
                    defaults::fill(&range, object);
                }
            }
            Ok(())
        })
    }

    fn validate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        object: Option<&'a Object>,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let (Some(limited), Some(object)) = (limited(attributes), object) else {
                return Ok(());
            };
            for range in self.ranges(attributes).await? {
                let faults = match limited {
                    Limited::Pod => bounds::pod_faults(&range, object),
                    Limited::Claim => bounds::claim_faults(&range, object),
                };
                if let Some(why) = aggregate(faults) {
                    return Err(forbidden(attributes, &why));
                }
            }
            Ok(())
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limited {
    Pod,
    Claim,
}

/// What the request sizes, if anything: a pod at its creation or resize, a claim at any write.
fn limited(attributes: &Attributes<'_>) -> Option<Limited> {
    if attributes
        .old
        .is_some_and(|old| old.deletion_timestamp().is_some())
    {
        return None;
    }
    let resize = attributes.subresource == "resize" && attributes.resource.resource == "pods";
    match attributes.operation {
        Operation::Update if resize => Some(Limited::Pod),
        Operation::Create if is_about(attributes, "", "pods") => Some(Limited::Pod),
        _ if is_about(attributes, "", "persistentvolumeclaims") => Some(Limited::Claim),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
