//! The kubelet's paths.

use std::sync::Arc;

use bytes::Bytes;
use cri::{ContainerState, ContainerStatus, EventKind, RuntimeService};
use futures::StreamExt;
use http::{HeaderValue, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use tokio::sync::watch;

use super::{Body, query};
use crate::logs::{self, LogFile};
use crate::metrics::Metrics;
use crate::pod::view::{POD_NAME, POD_NAMESPACE, PodView};

/// Answers from the runtime and the counts.
pub struct Logs {
    pub runtime: Arc<dyn RuntimeService>,
    pub clock: base::Clock,
    pub metrics: Metrics,
}

/// The parts of the node that a path belongs to, for authorization: the right to any of them will
/// do (`KubeletFineGrainedAuthz`).
pub fn subresources(path: &str) -> &'static [&'static str] {
    match path
        .trim_start_matches('/')
        .split('/')
        .next()
        .unwrap_or_default()
    {
        "healthz" => &["healthz", "proxy"],
        "pods" | "runningpods" => &["pods", "proxy"],
        "configz" => &["configz", "proxy"],
        "metrics" => &["metrics"],
        "stats" => &["stats"],
        "logs" => &["log"],
        "checkpoint" => &["checkpoint"],
        "statusz" => &["statusz"],
        "flagz" => &["configz"],
        _ => &["proxy"],
    }
}

/// A plain-text answer.
pub fn text(code: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(body.into())
        .map_err(|never| match never {})
        .boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

impl Logs {
    /// Answers an authorized request.
    pub(super) async fn route(&self, uri: &Uri) -> Response<Body> {
        let segments: Vec<&str> = uri.path().split('/').filter(|s| !s.is_empty()).collect();
        match segments.as_slice() {
            ["healthz", ..] => text(StatusCode::OK, "ok"),
            ["metrics"] => self.metrics().await,
            ["containerLogs", namespace, pod, container] => {
                let (namespace, pod) = (namespace.to_string(), pod.to_string());
                match self.container_log(&namespace, &pod, container, uri).await {
                    Ok(response) => response,
                    Err((code, why)) => text(code, why),
                }
            }
            _ => text(StatusCode::NOT_FOUND, "404 page not found\n"),
        }
    }

    async fn metrics(&self) -> Response<Body> {
        match self.metrics.text(&*self.runtime).await {
            Ok(body) => {
                let mut response = text(StatusCode::OK, body);
                let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
                response
            }
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }

    async fn container_log(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        uri: &Uri,
    ) -> Result<Response<Body>, (StatusCode, String)> {
        let bad = |why: String| (StatusCode::BAD_REQUEST, why);
        let options = query::log_options(uri, self.clock.wall()).map_err(bad)?;
        let previous = query::flag(uri, "previous");
        let view = self
            .view(namespace, pod)
            .await
            .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        let mut runs = view.runs(container);
        let run = if previous { runs.nth(1) } else { runs.next() };
        let run = run.ok_or_else(|| {
            bad(if previous {
                format!("previous terminated container {container:?} in pod {pod:?} not found")
            } else {
                format!(
                    "container {container:?} in pod {pod:?} is waiting to start: ContainerCreating"
                )
            })
        })?;
        let file = LogFile {
            path: run.log_path.clone(),
            ended: self.ended(run),
        };
        let stream = logs::read(file, options).map(|chunk| chunk.map(Frame::data));
        let mut response = Response::new(BodyExt::boxed_unsync(StreamBody::new(stream)));
        let plain = HeaderValue::from_static("text/plain");
        response.headers_mut().insert(header::CONTENT_TYPE, plain);
        Ok(response)
    }

    /// What the runtime has of the newest pod of this name.
    async fn view(&self, namespace: &str, name: &str) -> cri::Result<PodView> {
        let sandboxes = self.runtime.list_pod_sandboxes().await?;
        let own = |sandbox: &&cri::PodSandbox| {
            sandbox.labels.get(POD_NAME).map(String::as_str) == Some(name)
                && sandbox.labels.get(POD_NAMESPACE).map(String::as_str) == Some(namespace)
        };
        let newest = sandboxes
            .iter()
            .filter(own)
            .max_by_key(|sandbox| sandbox.created_at);
        match newest {
            Some(sandbox) => PodView::read(&*self.runtime, &sandbox.metadata.uid).await,
            None => Ok(PodView::default()),
        }
    }

    /// Tells a follower when the run has ended.
    fn ended(&self, run: &ContainerStatus) -> watch::Receiver<bool> {
        let running = matches!(run.state, ContainerState::Running | ContainerState::Created);
        let (sender, receiver) = watch::channel(!running);
        if running {
            let (mut events, id) = (self.runtime.events(), run.id.clone());
            let runtime = self.runtime.clone();
            base::tasks::spawn("log end", async move {
                // Subscribed first, asked second: an end in between is not missed.
                let now = runtime.container_status(&id).await;
                if now.is_ok_and(|status| status.state == ContainerState::Exited) {
                    sender.send_replace(true);
                    return;
                }
                loop {
                    tokio::select! {
                        event = events.next() => match event {
                            Some(event) if event.container_id != id => {}
                            Some(event) if matches!(event.kind, EventKind::Created | EventKind::Started) => {}
                            _ => break,
                        },
                        () = sender.closed() => return,
                    }
                }
                sender.send_replace(true);
            });
        }
        receiver
    }
}
