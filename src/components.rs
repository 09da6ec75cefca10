//! The metrics of components that have no port of their own: the API server shows them beside its
//! own, each in a registry, so that a name is one component's alone.

use base::metrics::Registry;

#[derive(Default)]
pub struct Components {
    pub admission: Registry,
    pub authentication: Registry,
    pub controllers: Registry,
    pub scheduler: Registry,
}

impl Components {
    pub fn all(&self) -> Vec<Registry> {
        let Self {
            admission,
            authentication,
            controllers,
            scheduler,
        } = self;
        let all = [admission, authentication, controllers, scheduler];
        all.map(Clone::clone).into()
    }
}
