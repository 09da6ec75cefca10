//! One pass over a namespace's content: delete all, count what is left.

use apimachinery::Object;
use client::{Api, ApiResource, Client, ClientError, DeleteOptions, ListOptions, Propagation};

use super::plan::{Pass, Remains};

pub(super) struct Content<'a> {
    pub(super) client: &'a Client,
    pub(super) namespace: &'a str,
    pub(super) resources: &'a [ApiResource],
}

/// Whether these are pods, which go before all else: they may still need what they use.
pub(super) fn is_pods(resource: &ApiResource) -> bool {
    resource.group.is_empty() && resource.plural == "pods"
}

impl Content<'_> {
    /// Deletes pods, and once none is left everything else.
    pub(super) async fn delete(&self) -> Pass {
        let mut pass = Pass::default();
        for resource in self.resources {
            let group_resource = resource.gvr().group_resource();
            match self.delete_all(resource).await {
                Ok(remains) => pass.found(&group_resource, remains),
                // The resource is served no more: its objects are not this loop's to delete.
                Err(error) if error.is_not_found() => {}
                Err(error) => pass.failed(format!("{group_resource}: {error}")),
            }
            if is_pods(resource) && !pass.is_clean() {
                break;
            }
        }
        pass
    }

    async fn delete_all(&self, resource: &ApiResource) -> Result<Remains, ClientError> {
        let api = self.client.api(resource).in_namespace(self.namespace);
        let there = list(&api).await?;
        if there.is_empty() {
            return Ok(Remains::default());
        }
        let options = DeleteOptions {
            propagation_policy: Some(Propagation::Background),
            ..DeleteOptions::default()
        };
        match api
            .delete_collection(&options, &ListOptions::default())
            .await
        {
            Ok(()) => {}
            Err(error) if is_not_allowed(&error) => delete_each(&api, &there, &options).await?,
            Err(error) => return Err(error),
        }
        Ok(Remains::of(&list(&api).await?))
    }
}

/// The resource has no deletecollection.
fn is_not_allowed(error: &ClientError) -> bool {
    error.status().is_some_and(|status| status.code() == 405)
}

async fn delete_each(
    api: &Api,
    objects: &[Object],
    options: &DeleteOptions,
) -> Result<(), ClientError> {
    for object in objects {
        client::if_present(api.delete(object.name(), options).await)?;
    }
    Ok(())
}

async fn list(api: &Api) -> Result<Vec<Object>, ClientError> {
    let mut objects = Vec::new();
    api.for_each(|object| objects.push(object)).await?;
    Ok(objects)
}
