//! How long admission takes: the whole chain, and each plugin, under upstream's names.

use std::sync::Arc;
use std::time::Duration;

use apimachinery::admission::{Attributes, Operation, Pass, Plugin};
use apimachinery::{Object, StatusError};
use base::Clock;
use base::metrics::{Histogram, HistogramVec, Make, Registry};
use futures::future::BoxFuture;

const BUCKETS: [f64; 6] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5];

const OPERATIONS: [(Operation, &str); 4] = [
    (Operation::Create, "CREATE"),
    (Operation::Update, "UPDATE"),
    (Operation::Delete, "DELETE"),
    (Operation::Connect, "CONNECT"),
];

/// What stopwatches write to.
pub struct AdmissionMetrics {
    steps: HistogramVec,
    plugins: HistogramVec,
    clock: Clock,
}

impl AdmissionMetrics {
    /// Makes them in a registry, once.
    #[must_use]
    pub fn new(registry: &Registry, clock: Clock) -> Self {
        let make = Make(registry);
        Self {
            steps: make.histograms(
                "apiserver_admission_step_admission_duration_seconds",
                "[STABLE] Admission sub-step latency histogram in seconds, broken out for each \
                 operation and API resource and step type (validate or admit).",
                &["operation", "rejected", "type"],
                &BUCKETS,
            ),
            plugins: make.histograms(
                "apiserver_admission_controller_admission_duration_seconds",
                "[STABLE] Admission controller latency histogram in seconds, identified by name \
                 and broken out for each operation and API resource and type (validate or admit).",
                &["name", "operation", "rejected", "type"],
                &BUCKETS,
            ),
            clock,
        }
    }

    /// Measures everything that is admitted.
    #[must_use]
    pub fn of_chain(&self, chain: Arc<dyn Plugin>) -> Arc<Stopwatch> {
        let of = |operation: &str, rejected: &str, kind: &str| {
            self.steps.with_label_values(&[operation, rejected, kind])
        };
        Arc::new(Stopwatch::new(chain, self.clock.clone(), of))
    }

    /// Measures one plugin.
    #[must_use]
    pub fn of_plugin(&self, plugin: Arc<dyn Plugin>) -> Arc<Stopwatch> {
        let name = plugin.name();
        let of = |operation: &str, rejected: &str, kind: &str| {
            let labels = [name, operation, rejected, kind];
            self.plugins.with_label_values(&labels)
        };
        Arc::new(Stopwatch::new(plugin, self.clock.clone(), of))
    }
}

/// A plugin that is measured whenever it is asked.
pub struct Stopwatch {
    plugin: Arc<dyn Plugin>,
    clock: Clock,
    /// Those of the passes that the plugin handles; the histograms of what it let through and of
    /// what it refused.
    histograms: Vec<((Pass, Operation), [Histogram; 2])>,
}

impl Stopwatch {
    fn new(
        plugin: Arc<dyn Plugin>,
        clock: Clock,
        histogram: impl Fn(&str, &str, &str) -> Histogram,
    ) -> Self {
        let mut histograms = Vec::new();
        for (operation, name) in OPERATIONS {
            for (pass, kind) in [(Pass::Mutate, "admit"), (Pass::Validate, "validate")] {
                if plugin.handles(pass, operation) {
                    let both = ["false", "true"].map(|rejected| histogram(name, rejected, kind));
                    histograms.push(((pass, operation), both));
                }
            }
        }
        Self {
            plugin,
            clock,
            histograms,
        }
    }

    fn observe(&self, pass: Pass, operation: Operation, refused: bool, took: Duration) {
        let mut all = self.histograms.iter();
        if let Some((_, both)) = all.find(|(of, _)| *of == (pass, operation)) {
            both[usize::from(refused)].observe(took.as_secs_f64());
        }
    }

    async fn measured(
        &self,
        pass: Pass,
        operation: Operation,
        asked: BoxFuture<'_, Result<(), StatusError>>,
    ) -> Result<(), StatusError> {
        let started = self.clock.monotonic();
        let outcome = asked.await;
        let took = self.clock.monotonic().saturating_sub(started);
        self.observe(pass, operation, outcome.is_err(), took);
        outcome
    }
}

impl Plugin for Stopwatch {
    fn name(&self) -> &'static str {
        self.plugin.name()
    }

    fn handles(&self, pass: Pass, operation: Operation) -> bool {
        self.plugin.handles(pass, operation)
    }

    fn mutate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        object: &'a mut Object,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        let asked = self.plugin.mutate(attributes, object);
        Box::pin(self.measured(Pass::Mutate, attributes.operation, asked))
    }

    fn validate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        object: Option<&'a Object>,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        let asked = self.plugin.validate(attributes, object);
        Box::pin(self.measured(Pass::Validate, attributes.operation, asked))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{Cluster, Request};
    use crate::{Chain, NamespaceLifecycle, TaintNodesByCondition};

    #[tokio::test]
    async fn each_plugin_is_measured_where_it_has_a_say() {
        let registry = Registry::new();
        let metrics = AdmissionMetrics::new(&registry, Clock::system());
        let cluster = Arc::new(Cluster::default());
        let chain = Chain::new(vec![
            Arc::new(NamespaceLifecycle::new(cluster)),
            Arc::new(TaintNodesByCondition),
        ]);
        let chain = metrics.of_chain(Arc::new(chain.measured(&metrics)));
        let pod = json!({"metadata": {"name": "web"}});
        for namespace in ["default", "default", "nowhere"] {
            let request = Request::create("pods", namespace, "web");
            request.run(&*chain, pod.clone()).await;
        }
        let delete = Request::create("namespaces", "", "kube-system").delete();
        delete.run(&*chain, json!({})).await;
        let text = base::metrics::encode(&registry);
        let lines = text.lines().filter(|line| line.contains("_count{"));
        let lines = lines.filter(|line| !line.ends_with(" 0"));
        let lines: Vec<_> = lines
            .map(|line| line.replace("apiserver_admission_", ""))
            .collect();
        expect_test::expect![[r#"
            controller_admission_duration_seconds_count{name="NamespaceLifecycle",operation="CREATE",rejected="false",type="admit"} 2
            controller_admission_duration_seconds_count{name="NamespaceLifecycle",operation="CREATE",rejected="true",type="admit"} 1
            controller_admission_duration_seconds_count{name="NamespaceLifecycle",operation="DELETE",rejected="true",type="validate"} 1
            controller_admission_duration_seconds_count{name="TaintNodesByCondition",operation="CREATE",rejected="false",type="admit"} 2
            step_admission_duration_seconds_count{operation="CREATE",rejected="false",type="admit"} 2
            step_admission_duration_seconds_count{operation="CREATE",rejected="false",type="validate"} 2
            step_admission_duration_seconds_count{operation="CREATE",rejected="true",type="admit"} 1
            step_admission_duration_seconds_count{operation="DELETE",rejected="true",type="validate"} 1"#]].assert_eq(&lines.join("\n"));
        assert!(
            !text.contains("name=\"TaintNodesByCondition\",operation=\"DELETE\""),
            "what it never sees has no series"
        );
    }
}
