//! A namespace that is being deleted is Terminating until its contents are gone.

use apimachinery::Object;

/// Shows in the status what the deletion timestamp says.
pub fn mark(namespace: Option<&mut Object>) {
    if let Some(namespace) = namespace
        && namespace.deletion_timestamp().is_some()
    {
        namespace
            .map_mut("status")
            .insert("phase".into(), "Terminating".into());
    }
}
