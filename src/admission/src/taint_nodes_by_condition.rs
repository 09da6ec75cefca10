//! A new node takes no pods before it has said that it is ready.

use apimachinery::admission::{Attributes, Operation, Pass, Plugin};
use apimachinery::{Object, StatusError};
use futures::future::BoxFuture;
use serde_json::json;

use crate::request::{append, is_about, items};

const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// See the module. The node lifecycle controller takes the taint away.
#[derive(Clone, Copy, Debug)]
pub struct TaintNodesByCondition;

impl Plugin for TaintNodesByCondition {
    fn name(&self) -> &'static str {
        "TaintNodesByCondition"
    }

    fn handles(&self, pass: Pass, operation: Operation) -> bool {
        (pass, operation) == (Pass::Mutate, Operation::Create)
    }

    fn mutate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        node: &'a mut Object,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        if is_about(attributes, "", "nodes") {
            let tainted = items(node, "/spec/taints")
                .any(|taint| taint["key"] == NOT_READY && taint["effect"] == "NoSchedule");
            if !tainted {
                let taint = json!({"key": NOT_READY, "effect": "NoSchedule"});
                append(node.map_mut("spec"), "taints", [taint]);
            }
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Request;
    use serde_json::Value;

    #[tokio::test]
    async fn only_new_nodes_are_tainted_and_only_once() {
        let create = || Request::create("nodes", "", "n1");
        let taint = json!({"key": NOT_READY, "effect": "NoSchedule"});
        let own = json!({"key": NOT_READY, "effect": "NoExecute"});
        let tainted = json!({"spec": {"taints": [taint]}});
        let rows = [
            (create(), json!({}), tainted.clone()),
            (create(), tainted.clone(), tainted.clone()),
            (
                create(),
                json!({"spec": {"taints": [own]}}),
                json!({"spec": {"taints": [own, taint]}}),
            ),
            (create().update(json!({})), json!({}), json!({})),
            (create().subresource("status"), json!({}), json!({})),
        ];
        for (number, (request, before, after)) in rows.into_iter().enumerate() {
            let answer = request.run(&TaintNodesByCondition, before).await;
            let answer: Value = serde_json::from_str(&answer).expect("admitted");
            assert_eq!(answer, after, "row {number}");
        }
    }
}
