//! Pods stay on a lost node for five minutes unless they say otherwise.

use apimachinery::admission::{Attributes, Operation, Pass, Plugin};
use apimachinery::{Object, StatusError};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::request::{append, is_pod, items};

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// The seconds of each toleration (flags `--default-not-ready-toleration-seconds` and
/// `--default-unreachable-toleration-seconds`).
#[derive(Clone, Copy, Debug)]
pub struct DefaultTolerationSeconds {
    pub not_ready: i64,
    pub unreachable: i64,
}

impl Default for DefaultTolerationSeconds {
    fn default() -> Self {
        Self {
            not_ready: 300,
            unreachable: 300,
        }
    }
}

impl Plugin for DefaultTolerationSeconds {
    fn name(&self) -> &'static str {
        "DefaultTolerationSeconds"
    }

    fn handles(&self, pass: Pass, operation: Operation) -> bool {
        pass == Pass::Mutate && matches!(operation, Operation::Create | Operation::Update)
    }

    fn mutate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        pod: &'a mut Object,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        if is_pod(attributes) {
            let wanted = [(NOT_READY, self.not_ready), (UNREACHABLE, self.unreachable)];
            let missing = wanted.into_iter().filter(|(key, _)| !tolerates(pod, key));
            let added: Vec<_> = missing
                .map(|(key, seconds)| toleration(key, seconds))
                .collect();
            if !added.is_empty() {
                append(pod.map_mut("spec"), "tolerations", added);
            }
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Whether some toleration is for this taint with NoExecute; an empty key or effect is for all.
fn tolerates(pod: &Object, key: &str) -> bool {
    items(pod, "/spec/tolerations").any(|toleration| {
        let field = |name| toleration.get(name).and_then(Value::as_str).unwrap_or("");
        ["", key].contains(&field("key")) && ["", "NoExecute"].contains(&field("effect"))
    })
}

fn toleration(key: &str, seconds: i64) -> Value {
    json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Request;

    #[tokio::test]
    async fn adds_what_is_missing() {
        let create = || Request::create("pods", "ns", "web");
        let (ready, reach) = (toleration(NOT_READY, 300), toleration(UNREACHABLE, 300));
        let own = json!({"key": NOT_READY, "operator": "Exists", "effect": "NoExecute"});
        let other = json!({"key": NOT_READY, "operator": "Exists", "effect": "NoSchedule"});
        let everything = json!({"operator": "Exists"});
        let update = || create().update(json!({}));
        let rows = [
            (create(), json!({}), json!({"tolerations": [ready, reach]})),
            (
                create(),
                json!({"tolerations": null}),
                json!({"tolerations": [ready, reach]}),
            ),
            (
                create(),
                json!({"tolerations": [own]}),
                json!({"tolerations": [own, reach]}),
            ),
            (
                create(),
                json!({"tolerations": [other]}),
                json!({"tolerations": [other, ready, reach]}),
            ),
            (
                create(),
                json!({"tolerations": [everything]}),
                json!({"tolerations": [everything]}),
            ),
            (update(), json!({}), json!({"tolerations": [ready, reach]})),
            (update().subresource("status"), json!({}), json!({})),
            (
                Request::create("podtemplates", "ns", "web"),
                json!({}),
                json!({}),
            ),
        ];
        for (number, (request, before, after)) in rows.into_iter().enumerate() {
            let plugin = DefaultTolerationSeconds::default();
            let answer = request.run(&plugin, json!({"spec": before})).await;
            let answer: Value = serde_json::from_str(&answer).expect("admitted");
            assert_eq!(answer, json!({"spec": after}), "row {number}");
        }
    }
}
