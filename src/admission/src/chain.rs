//! The one ordered list of plugins.

use std::sync::Arc;

use apimachinery::admission::{Attributes, Pass, Plugin};
use apimachinery::{Object, StatusError};
use futures::future::BoxFuture;

use crate::{
    AdmissionMetrics, AudienceSource, DefaultTolerationSeconds, LimitRanger, NamespaceLifecycle,
    NodeRestriction, ObjectSource, PodSecurity, Priority, RuntimeClass, ServiceAccount,
    ServiceAccountSource, TaintNodesByCondition,
};

/// Plugins in order, itself a plugin: mutating runs them all, then validating runs them all. The
/// first refusal ends the pass.
#[derive(Clone)]
pub struct Chain(Vec<Arc<dyn Plugin>>);

impl Chain {
    #[must_use]
    pub fn new(plugins: Vec<Arc<dyn Plugin>>) -> Self {
        Self(plugins)
    }

    /// The built-in plugins in upstream's order.
    #[must_use]
    pub fn built_in(
        objects: Arc<dyn ObjectSource>,
        service_accounts: Arc<dyn ServiceAccountSource>,
        audiences: Arc<dyn AudienceSource>,
    ) -> Self {
        Self::new(vec![
            Arc::new(NamespaceLifecycle::new(objects.clone())),
            Arc::new(LimitRanger::new(objects.clone())),
            Arc::new(ServiceAccount::new(service_accounts)),
            Arc::new(NodeRestriction::new(objects.clone(), audiences)),
            Arc::new(TaintNodesByCondition),
            Arc::new(PodSecurity::new(objects.clone())),
            Arc::new(Priority::new(objects.clone())),
            Arc::new(DefaultTolerationSeconds::default()),
            Arc::new(RuntimeClass::new(objects)),
        ])
    }

    /// The same plugins, each with a stopwatch.
    #[must_use]
    pub fn measured(self, metrics: &AdmissionMetrics) -> Self {
        let plugins = self.0.into_iter();
        let measured = plugins.map(|plugin| metrics.of_plugin(plugin) as Arc<dyn Plugin>);
        Self::new(measured.collect())
    }

    fn asked<'a>(
        &'a self,
        pass: Pass,
        attributes: &'a Attributes<'a>,
    ) -> impl Iterator<Item = &'a Arc<dyn Plugin>> {
        let plugins = self.0.iter();
        plugins.filter(move |plugin| plugin.handles(pass, attributes.operation))
    }

    /// The plugins' names, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|plugin| plugin.name())
    }
}

impl Plugin for Chain {
    fn name(&self) -> &'static str {
        "Chain"
    }

    fn mutate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        object: &'a mut Object,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            for plugin in self.asked(Pass::Mutate, attributes) {
                plugin.mutate(attributes, object).await?;
            }
            Ok(())
        })
    }

    fn validate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        object: Option<&'a Object>,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            for plugin in self.asked(Pass::Validate, attributes) {
                plugin.validate(attributes, object).await?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Cluster, Request};
    use expect_test::expect;
    use serde_json::json;

    #[tokio::test]
    async fn a_plain_pod_passes_all_plugins() {
        let cluster = Arc::new(Cluster::default());
        let chain = Chain::built_in(cluster.clone(), cluster.clone(), cluster);
        let names: Vec<_> = chain.names().collect();
        expect![[r#"
            NamespaceLifecycle
            LimitRanger
            ServiceAccount
            NodeRestriction
            TaintNodesByCondition
            PodSecurity
            Priority
            DefaultTolerationSeconds
            RuntimeClass"#]]
        .assert_eq(&names.join("\n"));
        let pod = json!({"metadata": {"name": "web", "namespace": "default"}, "spec": {}});
        let answer = Request::create("pods", "default", "web")
            .run(&chain, pod)
            .await;
        expect![[r#"
            {
              "metadata": {
                "name": "web",
                "namespace": "default"
              },
              "spec": {
                "imagePullSecrets": [
                  {
                    "name": "pull"
                  }
                ],
                "preemptionPolicy": "PreemptLowerPriority",
                "priority": 0,
                "serviceAccount": "default",
                "serviceAccountName": "default",
                "tolerations": [
                  {
                    "effect": "NoExecute",
                    "key": "node.kubernetes.io/not-ready",
                    "operator": "Exists",
                    "tolerationSeconds": 300
                  },
                  {
                    "effect": "NoExecute",
                    "key": "node.kubernetes.io/unreachable",
                    "operator": "Exists",
                    "tolerationSeconds": 300
                  }
                ]
              }
            }"#]]
        .assert_eq(&answer);
    }

    #[test]
    fn each_plugin_is_asked_of_what_it_has_a_say_in() {
        use apimachinery::admission::Operation::{Connect, Create, Delete, Update};
        let cluster = Arc::new(Cluster::default());
        let chain = Chain::built_in(cluster.clone(), cluster.clone(), cluster);
        let asked = |pass, plugin: &dyn Plugin| {
            let all = [Create, Update, Delete, Connect].into_iter();
            let asked = all.filter(|operation| plugin.handles(pass, *operation));
            asked.map(|operation| format!(" {operation:?}")).collect()
        };
        let rows = chain.0.iter().map(|plugin| {
            let mutates: String = asked(Pass::Mutate, &**plugin);
            let validates: String = asked(Pass::Validate, &**plugin);
            format!("{}: mutates{mutates}; validates{validates}", plugin.name())
        });
        expect![[r#"
            NamespaceLifecycle: mutates Create Update; validates Delete
            LimitRanger: mutates Create Update; validates Create Update
            ServiceAccount: mutates Create; validates Create Update
            NodeRestriction: mutates; validates Create Update Delete
            TaintNodesByCondition: mutates Create; validates
            PodSecurity: mutates; validates Create Update
            Priority: mutates Create Update; validates Create Update
            DefaultTolerationSeconds: mutates Create Update; validates
            RuntimeClass: mutates Create; validates Create"#]]
        .assert_eq(&rows.collect::<Vec<_>>().join("\n"));
    }

    /// Appends its letter; refuses what already has it.
    struct Letter(&'static str);

    impl Plugin for Letter {
        fn name(&self) -> &'static str {
            self.0
        }

        fn mutate<'a>(
            &'a self,
            attributes: &'a Attributes<'a>,
            object: &'a mut Object,
        ) -> BoxFuture<'a, Result<(), StatusError>> {
            let text = object.meta("generateName").to_owned();
            let done = if text.contains(self.0) {
                Err(crate::request::forbidden(attributes, self.0))
            } else {
                object.set_meta("generateName", &(text + self.0));
                Ok(())
            };
            Box::pin(std::future::ready(done))
        }

        fn validate<'a>(
            &'a self,
            attributes: &'a Attributes<'a>,
            object: Option<&'a Object>,
        ) -> BoxFuture<'a, Result<(), StatusError>> {
            let text = object.map_or("", |object| object.meta("generateName"));
            let done = if text == "xab" {
                Ok(())
            } else {
                Err(crate::request::forbidden(attributes, text))
            };
            Box::pin(std::future::ready(done))
        }
    }

    #[tokio::test]
    async fn mutates_in_order_then_validates_and_stops_at_the_first_refusal() {
        let chain = Chain::new(vec![Arc::new(Letter("a")), Arc::new(Letter("b"))]);
        let run = |prefix: &'static str| {
            let chain = chain.clone();
            async move {
                let object = json!({"metadata": {"generateName": prefix}});
                Request::create("pods", "ns", "").run(&chain, object).await
            }
        };
        let rows = [
            (
                "x",
                "{\n  \"metadata\": {\n    \"generateName\": \"xab\"\n  }\n}",
            ),
            ("b", "403 pods is forbidden: b"),
            ("a", "403 pods is forbidden: a"),
            ("y", "403 pods is forbidden: yab"),
        ];
        for (prefix, expected) in rows {
            assert_eq!(run(prefix).await, expected);
        }
    }
}
