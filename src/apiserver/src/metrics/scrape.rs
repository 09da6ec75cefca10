//! The text of `/metrics`.

use apimachinery::StatusError;
use base::metrics::{IntGaugeVec, Make, Registry};
use registry::ListOptions;
use resources::Resource;

use super::process;
use crate::State;

/// Everything: what was counted on the way, and what is looked up now.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn scrape(state: &State) -> Result<String, StatusError> {
    let mut text = base::metrics::encode(&state.metrics.registry);
    let now = Registry::new();
    let make = Make(&now);
    stored(state, &make).await?;
    text.push_str(&base::metrics::encode(&now));
    for component in &state.parts.components {
        text.push_str(&base::metrics::encode(component));
    }
    text.push_str(&process::text());
    Ok(text)
}

/// `/metrics/slis`.
pub(crate) fn scrape_health(state: &State) -> String {
    base::metrics::encode(&state.metrics.health.registry)
}

/// How many objects are stored of each kind.
async fn stored(state: &State, make: &Make<'_>) -> Result<(), StatusError> {
    let by_name: IntGaugeVec = make.gauges(
        "apiserver_storage_objects",
        "[STABLE] (Deprecated since 1.34.0) Number of stored objects at the time of last check \
         split by kind. In case of a fetching error, the value will be -1.",
        &["resource"],
    );
    let by_group = make.gauges(
        "apiserver_resource_objects",
        "[ALPHA] Number of stored objects at the time of last check split by kind. In case of a \
         fetching error, the value will be -1.",
        &["group", "resource"],
    );
    let first = ListOptions {
        limit: 1,
        ..ListOptions::default()
    };
    // Events are served by two groups and stored once.
    let stored = |row: &&Resource| row.answer.is_none() && row.stored_as.is_none();
    for row in resources::served().filter(stored) {
        let page = state.parts.registry.list(row, None, &first).await?;
        let count = page.items.len() as u64 + page.end.remaining.unwrap_or_default();
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        by_name
            .with_label_values(&[&row.group_resource().to_string()])
            .set(count);
        by_group
            .with_label_values(&[row.group, row.plural])
            .set(count);
    }
    Ok(())
}
