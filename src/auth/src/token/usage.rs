//! What the use of tokens leaves behind: counts under upstream's names, and on a Secret the day on
//! which its token was last used.

use std::time::Duration;

use apimachinery::{Object, StatusError, time};
use base::metrics::{IntCounter, Make, Registry};
use jiff::{SignedDuration, Timestamp};

use super::ServiceAccountTokens;

/// On a Secret: the day of the last use, such as `2027-01-01`.
const LAST_USED: &str = "kubernetes.io/legacy-token-last-used";
/// A request waits for the note no longer than this.
const NOTE_WITHIN: Duration = Duration::from_secs(2);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What a client is told that uses a token which the account's own Secret holds.
pub(super) const AUTO_GENERATED: &str = "Use tokens from the TokenRequest API or manually created \
                                         secret-based tokens instead of auto-generated \
                                         secret-based tokens.";

/// How often tokens of each sort were used.
pub(super) struct Usage {
    /// They name no audience: only a Secret's do not.
    pub legacy: IntCounter,
    /// The client should have asked for the next one.
    pub stale: IntCounter,
    /// Prolonged, and not stale yet.
    pub valid: IntCounter,
    /// Of a Secret that the account lists.
    pub auto_generated: IntCounter,
    /// Of any other Secret.
    pub manual: IntCounter,
    /// Marked invalid, because nobody used it for long.
    pub invalidated: IntCounter,
}

impl Usage {
    pub fn new(registry: &Registry) -> Self {
        let make = Make(registry);
        let counter = |name: &str, help: &str| {
            let (name, help) = (format!("serviceaccount_{name}"), format!("[ALPHA] {help}"));
            make.counter(&name, &help)
        };
        Self {
            legacy: counter(
                "legacy_tokens_total",
                "Cumulative legacy service account tokens used",
            ),
            stale: counter(
                "stale_tokens_total",
                "Cumulative stale projected service account tokens used",
            ),
            valid: counter(
                "valid_tokens_total",
                "Cumulative valid projected service account tokens used",
            ),
            auto_generated: counter(
                "legacy_auto_token_uses_total",
                "Cumulative auto-generated legacy tokens used",
            ),
            manual: counter(
                "legacy_manual_token_uses_total",
                "Cumulative manually created legacy tokens used",
            ),
            invalidated: counter(
                "invalid_legacy_auto_token_uses_total",
                "Cumulative invalid auto-generated legacy tokens used",
            ),
        }
    }
}

impl ServiceAccountTokens {
    /// Notes today on the Secret, once a day. The request does not fail for want of a note.
    pub(super) async fn note_use(&self, secret: &Object) {
        let now = self.clock.wall();
        let last = secret.label(LAST_USED).unwrap_or_default();
        let today = time::date(now);
        // Another server's clock may be ahead.
        if last == today || last == time::date(now.saturating_add(DAY).unwrap_or(Timestamp::MAX)) {
            return;
        }
        let labelling = self.objects.label_secret(secret, LAST_USED, &today);
        let labelled = self.clock.timeout(NOTE_WITHIN, labelling).await;
        let noted =
            labelled.unwrap_or_else(|_| Err(StatusError::timeout("the store does not answer")));
        if let Err(error) = noted {
            let (namespace, name) = (secret.namespace(), secret.name());
            tracing::warn!(namespace, name, %error, "a Secret was not labelled with its last use");
        }
    }
}
