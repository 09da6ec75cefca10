//! A pod as the scheduler keeps it.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::core::Toleration;
use api::requests::pod_requests_during_resize;
use api::wellknown::conditions;
use api::{Kind, Pod, PodSpec, QuantityText, pod};
use apimachinery::Encoded;
use base::TraceId;
use informer::Key;
use jiff::Timestamp;

use crate::amount::Amount;
use crate::node_affinity::NodeAffinity;
use crate::pod_affinity::PodAffinity;
use crate::ports::{HostPort, host_ports};
use crate::spread::SpreadConstraint;

/// What scheduling needs of a pod. Much smaller than the pod, and compared when it changes.
#[derive(Clone, Debug, PartialEq)]
pub struct PodInfo {
    pub key: Key,
    pub uid: Arc<str>,
    /// `metadata.resourceVersion`.
    pub revision: u64,
    /// Of the write that brought this state.
    pub trace: TraceId,
    pub scheduler_name: String,
    pub priority: i32,
    /// Whether it may evict others (`preemptionPolicy` is not `Never`).
    pub preempts: bool,
    /// Empty until it is bound.
    pub node_name: String,
    /// `status.nominatedNodeName`: where victims are making room for it; empty without.
    pub nominated: String,
    /// Succeeded or Failed.
    pub finished: bool,
    pub terminating: bool,
    /// Being deleted because of a preemption.
    pub preempted: bool,
    pub started: Option<Timestamp>,
    pub labels: BTreeMap<String, String>,
    pub gates: Vec<String>,
    /// Whether it asks for devices by `spec.resourceClaims`.
    pub claims: bool,
    pub requests: Amount,
    /// The requests, with what upstream assumes for containers that ask for nothing: for scores.
    pub scored: Scored,
    pub ports: Vec<HostPort>,
    pub tolerations: Vec<Toleration>,
    pub node_affinity: NodeAffinity,
    /// Which pods it wants near, or not; `None` when it does not care, as most.
    pub affinity: Option<Arc<PodAffinity>>,
    pub spread: Vec<SpreadConstraint>,
}

/// What LeastAllocated counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scored {
    pub milli_cpu: i64,
    pub memory: i64,
}

impl PodInfo {
    /// # Errors
    /// When the bytes are not a Pod.
    pub fn decode(object: &Encoded) -> Result<Self, api::DecodeError> {
        let pod: Pod = api::decode(object)?;
        Ok(Self::of(pod, object.trace))
    }

    #[must_use]
    pub fn of(pod: Pod, trace: TraceId) -> Self {
        let requests = Amount::of(&pod_requests_during_resize(&pod));
        let status = pod.status.as_ref();
        let nominated = status.and_then(|status| status.nominated_node_name.clone());
        let started = status.and_then(|status| status.start_time.as_ref());
        let mut info = Self {
            key: Key::new(pod.namespace(), pod.name()),
            uid: pod.uid().into(),
            revision: pod.revision(),
            trace,
            scheduler_name: String::new(),
            priority: 0,
            preempts: true,
            node_name: pod::node_name(&pod).to_owned(),
            nominated: nominated.unwrap_or_default(),
            finished: pod::is_finished(&pod),
            terminating: pod.is_terminating(),
            preempted: is_preempted(&pod),
            started: started.map(|time| time.0),
            labels: pod.labels().clone(),
            gates: Vec::new(),
            claims: false,
            requests,
            scored: Scored::default(),
            ports: Vec::new(),
            tolerations: Vec::new(),
            node_affinity: NodeAffinity::default(),
            affinity: None,
            spread: Vec::new(),
        };
        if let Some(spec) = pod.spec {
            info.read_spec(spec);
        }
        info
    }

    fn read_spec(&mut self, mut spec: PodSpec) {
        self.node_affinity = NodeAffinity::of(&spec);
        self.affinity = PodAffinity::of(&spec, &self.key.namespace);
        let spread = spec.topology_spread_constraints.iter().flatten();
        self.spread = spread.map(SpreadConstraint::of).collect();
        self.ports = host_ports(&spec);
        self.priority = spec.priority.unwrap_or(0);
        self.preempts = spec.preemption_policy.as_deref() != Some("Never");
        self.claims = spec.resource_claims.iter().flatten().next().is_some();
        self.scheduler_name = spec.scheduler_name.take().unwrap_or_default();
        self.tolerations = spec.tolerations.take().unwrap_or_default();
        let gates = spec.scheduling_gates.take().unwrap_or_default();
        self.gates = gates.into_iter().map(|gate| gate.name).collect();
        self.scored = scored(spec);
    }
}

fn is_preempted(pod: &Pod) -> bool {
    let disrupted = pod::pod_condition(pod, conditions::DISRUPTION_TARGET);
    pod.is_terminating()
        && disrupted.is_some_and(|condition| {
            condition.status == "True"
                && condition.reason.as_deref() == Some(crate::preemption::REASON)
        })
}

/// 100m CPU and 200 MiB of memory stand in for what a container does not request.
fn scored(mut spec: PodSpec) -> Scored {
    let inits = spec.init_containers.iter_mut().flatten();
    for container in spec.containers.iter_mut().chain(inits) {
        let resources = container.resources.get_or_insert_default();
        let requests = resources.requests.get_or_insert_default();
        for (name, text) in [("cpu", "100m"), ("memory", "200Mi")] {
            let assumed = || QuantityText(text.to_owned());
            requests.entry(name.to_owned()).or_insert_with(assumed);
        }
    }
    let amount = Amount::of(&api::requests::pod_requests(&spec));
    Scored {
        milli_cpu: amount.milli_cpu,
        memory: amount.memory,
    }
}
