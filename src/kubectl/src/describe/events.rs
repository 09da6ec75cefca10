//! The events of an object.

use anyhow::Result;
use client::Query;
use jiff::Timestamp;
use serde_json::Value;

use super::lines::{Lines, number, text};
use crate::duration;
use crate::session::{JSON, Session};

/// Asks for an object's events.
///
/// # Errors
/// As the server refuses.
pub(super) async fn of(session: &Session, object: &Value) -> Result<Vec<Value>> {
    let namespace = text(object, "metadata.namespace");
    let mut fields = vec![
        format!("involvedObject.name={}", text(object, "metadata.name")),
        format!("involvedObject.kind={}", text(object, "kind")),
    ];
    // The kubelet names its node by name, not by UID.
    if text(object, "kind") != "Node" {
        fields.push(format!(
            "involvedObject.uid={}",
            text(object, "metadata.uid")
        ));
    }
    if !namespace.is_empty() {
        fields.push(format!("involvedObject.namespace={namespace}"));
    }
    let gvr = apimachinery::GroupVersionResource::new("", "v1", "events");
    let query = Query::default()
        .with("fieldSelector", &fields.join(","))
        .with("limit", "500");
    let uri = client::path(&gvr, namespace, &[]) + query.as_str();
    let mut listed = crate::get::fetch(session, &uri, JSON, "items").await?;
    Ok(match listed["items"].take() {
        Value::Array(events) => events,
        _ => Vec::new(),
    })
}

pub(super) fn describe(events: &[Value], now: Timestamp, lines: &mut Lines) {
    if events.is_empty() {
        lines.field(0, "Events", "<none>");
        return;
    }
    let mut events: Vec<&Value> = events.iter().collect();
    events.sort_by_key(|event| last(event).to_owned());
    lines.line(0, "Events:");
    lines.line(1, "Type\tReason\tAge\tFrom\tMessage");
    lines.line(1, "----\t------\t----\t----\t-------");
    for event in events {
        let row = [
            text(event, "type").to_owned(),
            text(event, "reason").to_owned(),
            age(event, now),
            source(event).to_owned(),
            message(event),
        ];
        lines.line(1, &row.join("\t"));
    }
}

fn first_of<'v>(event: &'v Value, paths: &[&str]) -> &'v str {
    let mut texts = paths.iter().map(|path| text(event, path));
    texts.find(|text| !text.is_empty()).unwrap_or_default()
}

fn last(event: &Value) -> &str {
    first_of(
        event,
        &[
            "series.lastObservedTime",
            "lastTimestamp",
            "eventTime",
            "firstTimestamp",
        ],
    )
}

fn age(event: &Value, now: Timestamp) -> String {
    let first = first_of(event, &["firstTimestamp", "eventTime"]);
    let (last, first) = (duration::age(last(event), now), duration::age(first, now));
    match number(event, "count").max(number(event, "series.count")) {
        ..=1 => first,
        count => format!("{last} (x{count} over {first})"),
    }
}

fn source(event: &Value) -> &str {
    first_of(
        event,
        &[
            "source.component",
            "reportingComponent",
            "reportingController",
        ],
    )
}

fn message(event: &Value) -> String {
    let message = text(event, "message").trim();
    match text(event, "involvedObject.fieldPath") {
        "" => message.to_owned(),
        path => format!("{path}: {message}"),
    }
}
