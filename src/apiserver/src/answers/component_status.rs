//! ComponentStatus: the health checks of the parts that upstream runs as processes of their own,
//! as objects.

use apimachinery::{Encoded, StatusError};
use axum::body::Body;
use base::TraceId;
use bytes::{BufMut, BytesMut};
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::answer;
use crate::dispatch::Call;
use crate::routes::health;
use crate::shape::Shape;

/// The check of each part, and the part's name here. A part without a check is not shown.
const PARTS: [(&str, &str); 3] = [
    ("controller-manager", "controller-manager"),
    ("etcd", "etcd-0"),
    ("scheduler", "scheduler"),
];

pub(super) async fn read(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let shape = Shape::of(&call)?;
    let mut body = BytesMut::new();
    if call.path.name.is_empty() {
        shape.open_list(&Value::Object(Map::new()), &mut body);
        let mut is_first = true;
        for (check, name) in PARTS {
            let Some(item) = status(&call, check, name).await else {
                continue;
            };
            if !std::mem::replace(&mut is_first, false) {
                body.put_u8(b',');
            }
            shape.write_item(&item, &mut body)?;
        }
        body.put_slice(b"]}\n");
    } else {
        let missing = || StatusError::not_found(&call.row.group_resource(), &call.path.name);
        let (check, name) = PARTS
            .into_iter()
            .find(|(_, name)| *name == call.path.name)
            .ok_or_else(missing)?;
        let item = status(&call, check, name).await.ok_or_else(missing)?;
        shape.write_object(&item, &mut body)?;
    }
    Ok(answer::json_bytes(StatusCode::OK, body.freeze()))
}

async fn status(call: &Call<'_>, check: &str, name: &str) -> Option<Encoded> {
    let outcome = health::ask(call.state, check).await?;
    let condition = match outcome {
        Ok(()) => json!({"type": "Healthy", "status": "True", "message": "ok"}),
        Err(why) => json!({"type": "Healthy", "status": "False", "message": why}),
    };
    let kind = call.served.gvk();
    let object = json!({
        "kind": kind.kind, "apiVersion": kind.group_version().to_string(),
        "metadata": {"name": name}, "conditions": [condition],
    });
    // Nothing of it is stored: it has no revision.
    let json = object.to_string().into();
    Some(Encoded::from_parts(json, None, 0, TraceId::NONE))
}
