//! What a delete does to an object in its present state: a pure decision.

use apimachinery::{Object, time};
use jiff::{SignedDuration, Timestamp};
use resources::{GcPolicy, Resource};
use serde_json::Value;

use crate::hooks;
use crate::options::{DeleteOptions, Propagation};

/// Make the garbage collector orphan, or delete first, what the object owns.
const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// In seconds, some 68 years.
const LONGEST_GRACE: i64 = i32::MAX as i64;

/// The outcome of [`plan`].
#[derive(Debug, PartialEq)]
pub enum Step {
    /// The object is on its way out, and this delete changes nothing about that.
    Wait,
    /// The object stays, in this state, until its grace period or its finalizers end.
    Mark(Object),
    /// Nothing holds the object.
    Remove,
}

/// Decides. `now` is when a grace period begins.
pub fn plan(row: &Resource, old: &Object, options: &DeleteOptions, now: Timestamp) -> Step {
    let requested = options.grace_period_seconds;
    // What is longer than anybody waits is cut, so that the sums below stay within time.
    let of_kind = || {
        let seconds = row.strategy.grace_period(old, requested);
        seconds.min(LONGEST_GRACE)
    };
    let pending = old.deletion_timestamp();
    let already = grace_of(old).min(LONGEST_GRACE);
    let grace = match (pending, requested) {
        (None, _) => of_kind(),
        (Some(_), _) if already == 0 => 0,
        (Some(_), None) => return Step::Wait,
        // A second delete can only shorten what is left.
        (Some(_), Some(_)) => match of_kind() {
            shorter if shorter < already => shorter,
            _ => return Step::Wait,
        },
    };
    let mut marked = old.clone();
    set_propagation(row, &mut marked, options.propagation);
    if grace == 0 && !hooks::holds(row, &marked) {
        return Step::Remove;
    }
    match pending {
        None => {
            set_end(&mut marked, after(now, grace), grace);
            // Whoever acts on the object acts otherwise from now on.
            let generation = old.generation();
            if generation > 0 {
                let metadata = marked.metadata_mut();
                metadata.insert("generation".into(), (generation + 1).into());
            }
        }
        Some(at) if grace < already => set_end(&mut marked, after(at, grace - already), grace),
        Some(_) => {}
    }
    Step::Mark(marked)
}

/// Whether an object that was deleted has nothing left that holds it, after a write.
pub fn is_over(row: &Resource, object: &Object) -> bool {
    object.deletion_timestamp().is_some() && grace_of(object) == 0 && !hooks::holds(row, object)
}

fn grace_of(object: &Object) -> i64 {
    let metadata = object.metadata();
    let seconds = metadata.and_then(|m| m.get("deletionGracePeriodSeconds"));
    seconds.and_then(Value::as_i64).unwrap_or(0)
}

/// No later than time can be written, so that what a second delete takes off is taken off that.
fn after(time: Timestamp, seconds: i64) -> Timestamp {
    time.saturating_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
        .max(Timestamp::UNIX_EPOCH)
}

fn set_end(object: &mut Object, at: Timestamp, grace: i64) {
    let metadata = object.metadata_mut();
    metadata.insert("deletionTimestamp".into(), time::format(at).into());
    metadata.insert("deletionGracePeriodSeconds".into(), grace.into());
}

/// Turns the propagation policy into the finalizer that the garbage collector acts on. Without a
/// policy the finalizers that are there decide, then the row.
fn set_propagation(row: &Resource, object: &mut Object, policy: Option<Propagation>) {
    let policy = policy.or_else(|| {
        let has = |name: &str| object.finalizers().any(|f| f == name);
        if has(ORPHAN) {
            Some(Propagation::Orphan)
        } else if has(FOREGROUND) {
            Some(Propagation::Foreground)
        } else {
            (row.gc == GcPolicy::Orphan).then_some(Propagation::Orphan)
        }
    });
    let mut finalizers: Vec<String> = object
        .finalizers()
        .filter(|f| *f != ORPHAN && *f != FOREGROUND)
        .map(Into::into)
        .collect();
    match policy {
        Some(Propagation::Orphan) => finalizers.push(ORPHAN.into()),
        Some(Propagation::Foreground) => finalizers.push(FOREGROUND.into()),
        Some(Propagation::Background) | None => {}
    }
    let metadata = object.metadata_mut();
    if finalizers.is_empty() {
        metadata.remove("finalizers");
    } else {
        metadata.insert("finalizers".into(), finalizers.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: &str = "2026-01-01T00:00:00Z";

    fn pod(metadata: &Value) -> Object {
        let mut pod = json!({"metadata": {"name": "p", "generation": 1},
            "spec": {"nodeName": "n", "terminationGracePeriodSeconds": 30}});
        for (key, value) in metadata.as_object().into_iter().flatten() {
            pod["metadata"][key] = value.clone();
        }
        Object::from_value(pod).expect("an object")
    }

    /// `wait`, `remove`, or the marks: end, grace, generation, finalizers.
    fn decide(metadata: &Value, grace: Option<i64>, policy: Option<Propagation>) -> String {
        let row = resources::by_kind("", "Pod").expect("pods are served");
        let options = DeleteOptions {
            grace_period_seconds: grace,
            propagation: policy,
            ..DeleteOptions::default()
        };
        let now = time::parse(NOW).expect("a time");
        match plan(row, &pod(metadata), &options, now) {
            Step::Wait => "wait".to_owned(),
            Step::Remove => "remove".to_owned(),
            Step::Mark(object) => format!(
                "{} {} {} {:?}",
                object.meta("deletionTimestamp"),
                grace_of(&object),
                object.generation(),
                object.finalizers().collect::<Vec<_>>()
            ),
        }
    }

    #[test]
    fn deletes_are_decided_by_the_state_they_meet() {
        use Propagation::{Background, Foreground, Orphan};
        let fresh = json!({});
        let held = json!({"finalizers": ["a/b"]});
        let leaving = json!({"deletionTimestamp": "2026-01-01T00:00:20Z",
            "deletionGracePeriodSeconds": 30, "generation": 2});
        let endless = json!({"deletionTimestamp": "2094-01-19T03:14:07Z",
            "deletionGracePeriodSeconds": 2_147_483_647, "generation": 2});
        let waiting = json!({"deletionTimestamp": NOW, "deletionGracePeriodSeconds": 0,
            "generation": 2, "finalizers": ["orphan"]});
        let rows: [(&Value, Option<i64>, Option<Propagation>, &str); 15] = [
            (&fresh, None, None, "2026-01-01T00:00:30Z 30 2 []"),
            (&fresh, Some(5), None, "2026-01-01T00:00:05Z 5 2 []"),
            (&fresh, Some(0), None, "remove"),
            (
                &fresh,
                Some(i64::MAX),
                None,
                "2094-01-19T03:14:07Z 2147483647 2 []",
            ),
            (&endless, Some(30), None, "2026-01-01T00:00:30Z 30 2 []"),
            (&fresh, Some(-1), None, "2026-01-01T00:00:01Z 1 2 []"),
            (
                &fresh,
                Some(0),
                Some(Foreground),
                "2026-01-01T00:00:00Z 0 2 [\"foregroundDeletion\"]",
            ),
            (
                &held,
                Some(0),
                Some(Orphan),
                "2026-01-01T00:00:00Z 0 2 [\"a/b\", \"orphan\"]",
            ),
            (&leaving, None, None, "wait"),
            (&leaving, Some(40), Some(Orphan), "wait"),
            (&leaving, Some(10), None, "2026-01-01T00:00:00Z 10 2 []"),
            (&leaving, Some(0), None, "remove"),
            (
                &waiting,
                None,
                None,
                "2026-01-01T00:00:00Z 0 2 [\"orphan\"]",
            ),
            (&waiting, None, Some(Background), "remove"),
            (
                &waiting,
                Some(9),
                Some(Foreground),
                "2026-01-01T00:00:00Z 0 2 [\"foregroundDeletion\"]",
            ),
        ];
        for (metadata, grace, policy, expected) in rows {
            let decided = decide(metadata, grace, policy);
            assert_eq!(decided, expected, "{metadata} {grace:?} {policy:?}");
        }
    }
}
