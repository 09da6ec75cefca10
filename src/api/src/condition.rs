//! Conditions: one shape, a type per kind.

use crate::meta::Time;
use crate::{apiextensions, apiregistration, apps, autoscaling, batch, certificates, core, meta};

/// One entry of `status.conditions`.
pub trait Condition {
    fn type_(&self) -> &str;
    /// `True`, `False` or `Unknown`.
    fn status(&self) -> &str;
    /// Empty when absent.
    fn reason(&self) -> &str;
    /// Empty when absent.
    fn message(&self) -> &str;
    /// When `status` last became what it is.
    fn transition(&self) -> Option<&Time>;
    /// Sets when `status` became what it is.
    fn set_transition(&mut self, time: Option<Time>);
}

/// The condition of a type.
pub fn condition<'a, C: Condition>(conditions: &'a Option<Vec<C>>, type_: &str) -> Option<&'a C> {
    let conditions = conditions.as_deref().unwrap_or_default();
    conditions.iter().find(|c| c.type_() == type_)
}

/// Whether the condition is there and `True`.
pub fn is_condition_true<C: Condition>(conditions: &Option<Vec<C>>, type_: &str) -> bool {
    condition(conditions, type_).is_some_and(|c| c.status() == "True")
}

/// Adds a condition or replaces the one of its type, and says whether status, reason or message
/// changed. While the status stays, the transition time stays (`meta.SetStatusCondition`).
pub fn set_condition<C: Condition>(conditions: &mut Option<Vec<C>>, mut new: C) -> bool {
    let conditions = conditions.get_or_insert_default();
    let Some(old) = conditions.iter_mut().find(|c| c.type_() == new.type_()) else {
        conditions.push(new);
        return true;
    };
    if old.status() == new.status() {
        new.set_transition(old.transition().cloned());
    }
    let changed =
        (old.status(), old.reason(), old.message()) != (new.status(), new.reason(), new.message());
    *old = new;
    changed
}

/// Takes the condition of a type away, and says whether it was there.
pub fn remove_condition<C: Condition>(conditions: &mut Option<Vec<C>>, type_: &str) -> bool {
    let Some(conditions) = conditions else {
        return false;
    };
    let before = conditions.len();
    conditions.retain(|c| c.type_() != type_);
    conditions.len() != before
}

macro_rules! optional_fields {
    ($($condition:ty),+ $(,)?) => {
        $(impl Condition for $condition {
            fn type_(&self) -> &str {
                &self.type_
            }
            fn status(&self) -> &str {
                &self.status
            }
            fn reason(&self) -> &str {
                self.reason.as_deref().unwrap_or_default()
            }
            fn message(&self) -> &str {
                self.message.as_deref().unwrap_or_default()
            }
            fn transition(&self) -> Option<&Time> {
                self.last_transition_time.as_ref()
            }
            fn set_transition(&mut self, time: Option<Time>) {
                self.last_transition_time = time;
            }
        })+
    };
}

optional_fields!(
    core::PodCondition,
    core::NodeCondition,
    core::NamespaceCondition,
    core::PersistentVolumeClaimCondition,
    core::ReplicationControllerCondition,
    apps::DeploymentCondition,
    apps::ReplicaSetCondition,
    apps::StatefulSetCondition,
    apps::DaemonSetCondition,
    batch::JobCondition,
    autoscaling::HorizontalPodAutoscalerCondition,
    certificates::CertificateSigningRequestCondition,
    apiextensions::CustomResourceDefinitionCondition,
    apiregistration::APIServiceCondition,
);

impl Condition for meta::Condition {
    fn type_(&self) -> &str {
        &self.type_
    }
    fn status(&self) -> &str {
        &self.status
    }
    fn reason(&self) -> &str {
        &self.reason
    }
    fn message(&self) -> &str {
        &self.message
    }
    fn transition(&self) -> Option<&Time> {
        Some(&self.last_transition_time)
    }
    fn set_transition(&mut self, time: Option<Time>) {
        if let Some(time) = time {
            self.last_transition_time = time;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::PodCondition;
    use jiff::Timestamp;

    fn ready(status: &str, reason: &str, second: i64) -> PodCondition {
        PodCondition {
            type_: "Ready".to_owned(),
            status: status.to_owned(),
            reason: Some(reason.to_owned()),
            last_transition_time: Timestamp::from_second(second).ok().map(Time),
            ..PodCondition::default()
        }
    }

    #[test]
    fn the_transition_time_moves_with_the_status_alone() {
        let mut conditions = None;
        let mut rows = Vec::new();
        for new in [
            ready("True", "A", 1),
            ready("True", "A", 2),
            ready("True", "B", 3),
            ready("False", "B", 4),
        ] {
            let changed = set_condition(&mut conditions, new);
            let since = condition(&conditions, "Ready").and_then(Condition::transition);
            rows.push((changed, since.map(|t| t.0.as_second())));
        }
        let expected = [
            (true, Some(1)),
            (false, Some(1)),
            (true, Some(1)),
            (true, Some(4)),
        ];
        assert_eq!(rows, expected);
        assert!(!is_condition_true(&conditions, "Ready"));
        assert!(remove_condition(&mut conditions, "Ready"));
        assert!(!remove_condition(&mut conditions, "Ready"));
    }
}
