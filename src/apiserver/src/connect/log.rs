//! `GET pods/<name>/log`: relayed from the kubelet of the pod's node.

use apimachinery::{Object, StatusError};
use axum::body::Body;
use base::Clock;
use futures::StreamExt;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use crate::dispatch::Call;
use crate::filters::deadline::DEADLINE;
use crate::options;
use crate::request_info::query;

const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

pub(super) async fn handle(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let options = options::log(call.uri, &call.path.name)?;
    let registry = &call.state.parts.registry;
    let pod = registry.get(call.row, call.target()).await?;
    let pod = pod.to_object().map_err(StatusError::internal)?;
    let container = container(&pod, &query(call.uri, "container"))?;
    let node_name = pod
        .at("/spec/nodeName")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if node_name.is_empty() {
        return Err(StatusError::bad_request(format!(
            "pod {} does not have a host assigned",
            pod.name()
        )));
    }
    let kubelets = &call.state.parts.kubelets;
    let node = kubelets.endpoint(node_name).await?;
    let mut path = format!(
        "/containerLogs/{}/{}/{container}",
        pod.namespace(),
        pod.name()
    );
    if !options.is_empty() {
        path = format!("{path}?{options}");
    }
    let answer = kubelets.get(node, path).await.map_err(|error| {
        StatusError::internal(format!(
            "cannot reach the kubelet of node {node_name}: {error}"
        ))
    })?;
    relay(answer, &call.state.parts.clock).await
}

/// The container asked for, else the pod's only or default one.
fn container(pod: &Object, asked: &str) -> Result<String, StatusError> {
    let names = |field: &str| -> Vec<String> {
        let list = pod.at(&format!("/spec/{field}")).and_then(Value::as_array);
        let name = |c: &Value| c.get("name").and_then(Value::as_str).map(Into::into);
        list.into_iter().flatten().filter_map(name).collect()
    };
    let containers = names("containers");
    let others = [names("initContainers"), names("ephemeralContainers")].concat();
    if asked.is_empty() {
        if let [only] = containers.as_slice() {
            return Ok(only.clone());
        }
        let default = pod.annotation(DEFAULT_CONTAINER).unwrap_or_default();
        if containers.iter().any(|name| name == default) {
            return Ok(default.to_owned());
        }
        let init = match names("initContainers") {
            init if init.is_empty() => String::new(),
            init => format!(" or one of the init containers: [{}]", init.join(" ")),
        };
        return Err(StatusError::bad_request(format!(
            "a container name must be specified for pod {}, choose one of: [{}]{init}",
            pod.name(),
            containers.join(" ")
        )));
    }
    if containers.iter().chain(&others).any(|name| name == asked) {
        return Ok(asked.to_owned());
    }
    Err(StatusError::bad_request(format!(
        "container {asked} is not valid for pod {}",
        pod.name()
    )))
}

/// The kubelet's answer; its plain-text refusals become a Status.
async fn relay(
    answer: Response<client::ByteStream>,
    clock: &Clock,
) -> Result<Response<Body>, StatusError> {
    let (head, mut stream) = answer.into_parts();
    if head.status == StatusCode::OK {
        let mut response = Response::new(Body::from_stream(stream));
        let plain = HeaderValue::from_static("text/plain");
        response.headers_mut().insert(header::CONTENT_TYPE, plain);
        return Ok(response);
    }
    let mut text = Vec::new();
    let reading = async {
        while let Some(Ok(chunk)) = stream.next().await {
            text.extend_from_slice(&chunk);
            if text.len() > 4096 {
                break;
            }
        }
    };
    // What has come by then says enough.
    let _ = clock.timeout(DEADLINE, reading).await;
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    Err(
        if head.status == StatusCode::BAD_REQUEST || head.status == StatusCode::NOT_FOUND {
            StatusError::bad_request(text)
        } else {
            StatusError::internal(text)
        },
    )
}
