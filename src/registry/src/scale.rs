//! `/scale`: autoscaling/v1 Scale as a view of any row that says where its replicas are.

use apimachinery::{FieldError, FieldErrors, LabelSelector, Object, Path, StatusError};
use resources::{Resource, Subresource};
use serde_json::{Map, Value, json};

/// The Scale of an object, at the object's own revision.
///
/// # Errors
/// NotFound for a row without this subresource.
pub fn read(row: &Resource, object: &Object) -> Result<Object, StatusError> {
    let Some(Subresource::Scale {
        spec_replicas,
        status_replicas,
        selector,
    }) = row.subresource("scale")
    else {
        return Err(StatusError::no_such_resource());
    };
    let number = |pointer| object.at(pointer).and_then(Value::as_i64).unwrap_or(0);
    let selector = LabelSelector::from_value(object.at(selector))
        .map_err(StatusError::internal)?
        .to_string();
    let metadata: Map<String, Value> = [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ]
    .into_iter()
    .filter_map(|field| Some((field.to_owned(), object.metadata()?.get(field)?.clone())))
    .collect();
    let scale = json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata,
        "spec": {"replicas": number(spec_replicas)},
        "status": {"replicas": number(status_replicas), "selector": selector},
    });
    Ok(Object::from_value(scale).expect("a JSON object literal"))
}

/// The object with the replicas that a Scale asks for; its versions become preconditions.
///
/// # Errors
/// Invalid when the replicas are negative or no number.
pub fn write(row: &Resource, object: &Object, scale: &Object) -> Result<Object, StatusError> {
    let Some(Subresource::Scale { spec_replicas, .. }) = row.subresource("scale") else {
        return Err(StatusError::no_such_resource());
    };
    let wanted = scale
        .at("/spec/replicas")
        .cloned()
        .unwrap_or_else(|| 0.into());
    let Some(replicas) = wanted
        .as_i64()
        .filter(|n| (0..=i64::from(i32::MAX)).contains(n))
    else {
        let path = Path::new("spec").child("replicas");
        let text = "must be greater than or equal to 0";
        let errors = FieldErrors(vec![FieldError::invalid(&path, wanted, text)]);
        let kind = apimachinery::GroupVersionKind::new("autoscaling", "v1", "Scale");
        return Err(StatusError::invalid(&kind, object.name(), &errors));
    };
    let mut changed = object.clone();
    let (parent, field) = spec_replicas
        .rsplit_once('/')
        .expect("a pointer below the object");
    changed
        .map_mut(parent.trim_start_matches('/'))
        .insert(field.to_owned(), replicas.into());
    for field in ["resourceVersion", "uid"] {
        if !scale.meta(field).is_empty() {
            changed.set_meta(field, scale.meta(field));
        }
    }
    Ok(changed)
}
