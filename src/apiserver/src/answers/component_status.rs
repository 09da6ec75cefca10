//! ComponentStatus: the health of the parts that upstream runs as processes of their own, as
//! objects.

use apimachinery::{Encoded, StatusError};
use axum::body::Body;
use base::TraceId;
use bytes::{BufMut, BytesMut};
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::answer;
use crate::dispatch::Call;
use crate::routes::health::{self, Check};
use crate::shape::Shape;

pub(super) async fn read(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let shape = Shape::of(&call)?;
    let parts = &call.state.parts.statuses;
    let mut body = BytesMut::new();
    if call.path.name.is_empty() {
        shape.open_list(&Value::Object(Map::new()), &mut body);
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                body.put_u8(b',');
            }
            shape.write_item(&status(&call, part).await, &mut body)?;
        }
        body.put_slice(b"]}\n");
    } else {
        let missing = || StatusError::not_found(&call.row.group_resource(), &call.path.name);
        let part = parts.iter().find(|part| part.name == call.path.name);
        let item = status(&call, part.ok_or_else(missing)?).await;
        shape.write_object(&item, &mut body)?;
    }
    Ok(answer::json_bytes(StatusCode::OK, body.freeze()))
}

async fn status(call: &Call<'_>, part: &Check) -> Encoded {
    let condition = match health::outcome(call.state, part).await {
        Ok(()) => json!({"type": "Healthy", "status": "True", "message": "ok"}),
        Err(why) => json!({"type": "Healthy", "status": "False", "message": why}),
    };
    let kind = call.served.gvk();
    let object = json!({
        "kind": kind.kind, "apiVersion": kind.group_version().to_string(),
        "metadata": {"name": part.name}, "conditions": [condition],
    });
    // Nothing of it is stored: it has no revision.
    Encoded::from_parts(object.to_string().into(), None, 0, TraceId::NONE)
}
