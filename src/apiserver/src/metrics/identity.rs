//! Authentication and authorization, counted.

use std::time::Duration;

use auth::Decision;
use base::metrics::{Histogram, IntCounter, Make};
use jiff::SignedDuration;

/// One authentication's or authorization's result, counted and measured.
struct Outcome {
    result: &'static str,
    attempts: IntCounter,
    durations: Histogram,
}

pub(crate) struct IdentityMetrics {
    authentication: Vec<Outcome>,
    authorization: Vec<Outcome>,
    users: Vec<(&'static str, IntCounter)>,
    certificates: Histogram,
}

/// Upstream's sets of user names: who else it was is in the audit log.
const USERS: [&str; 7] = [
    "admin",
    "client",
    "kube_proxy",
    "kubelet",
    "system:serviceaccount:kube-system:default",
    "email_id",
    "other",
];

impl IdentityMetrics {
    pub fn new(make: &Make<'_>) -> Self {
        let buckets: Vec<f64> = (0..15).map(|n| 0.001 * f64::from(1 << n)).collect();
        let outcomes = |name: &str, attempts: &str, results: &[&'static str], help: [&str; 2]| {
            let attempts = make.counters(attempts, help[0], &["result"]);
            let durations = make.histograms(name, help[1], &["result"], &buckets);
            let outcome = |result: &&'static str| Outcome {
                result,
                attempts: attempts.with_label_values(&[*result]),
                durations: durations.with_label_values(&[*result]),
            };
            results.iter().map(outcome).collect()
        };
        let users = make.counters(
            "authenticated_user_requests",
            "[ALPHA] Counter of authenticated requests broken out by username.",
            &["username"],
        );
        Self {
            authentication: outcomes(
                "authentication_duration_seconds",
                "authentication_attempts",
                &["success", "failure", "error"],
                [
                    "[ALPHA] Counter of authenticated attempts.",
                    "[ALPHA] Authentication duration in seconds broken out by result.",
                ],
            ),
            authorization: outcomes(
                "authorization_duration_seconds",
                "authorization_attempts_total",
                &["allowed", "denied", "no-opinion"],
                [
                    "[ALPHA] Counter of authorization attempts broken down by result. It can be \
                     either 'allowed', 'denied', 'no-opinion' or 'error'.",
                    "[ALPHA] Authorization duration in seconds broken out by result.",
                ],
            ),
            users: USERS
                .map(|name| (name, users.with_label_values(&[name])))
                .into(),
            certificates: make.histogram(
                "apiserver_client_certificate_expiration_seconds",
                "[ALPHA] Distribution of the remaining lifetime on the certificate used to \
                 authenticate a request.",
                &[
                    0.0,
                    1_800.0,
                    3_600.0,
                    7_200.0,
                    21_600.0,
                    43_200.0,
                    86_400.0,
                    172_800.0,
                    345_600.0,
                    604_800.0,
                    2_592_000.0,
                    7_776_000.0,
                    15_552_000.0,
                    31_104_000.0,
                ],
            ),
        }
    }

    pub fn authenticated(&self, user: &str, took: Duration) {
        count(&self.authentication, "success", took);
        let known = self.users.iter().find(|(name, _)| *name == user);
        let class = if user.contains('@') {
            "email_id"
        } else {
            "other"
        };
        let known = known.or_else(|| self.users.iter().find(|(name, _)| *name == class));
        if let Some((_, requests)) = known {
            requests.inc();
        }
    }

    /// `failure`: nobody knows the credentials; `error`: they are wrong.
    pub fn not_authenticated(&self, result: &'static str, took: Duration) {
        count(&self.authentication, result, took);
    }

    pub fn authorized(&self, decision: &Decision, took: Duration) {
        let result = match decision {
            Decision::Allow(_) => "allowed",
            Decision::Deny(_) => "denied",
            Decision::NoOpinion(_) => "no-opinion",
        };
        count(&self.authorization, result, took);
    }

    /// A certificate was good, and is so for this long.
    pub fn certificate(&self, left: SignedDuration) {
        self.certificates.observe(left.as_secs_f64());
    }
}

fn count(outcomes: &[Outcome], result: &str, took: Duration) {
    if let Some(outcome) = outcomes.iter().find(|outcome| outcome.result == result) {
        outcome.attempts.inc();
        outcome.durations.observe(took.as_secs_f64());
    }
}
