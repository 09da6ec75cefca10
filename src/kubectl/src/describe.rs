//! `kubectl describe`: one room per kind, and a plain one for all others.

mod events;
mod generic;
mod lines;
mod node;
mod pod;
mod template;
mod volumes;
mod workload;

use anyhow::{Result, bail};
use jiff::Timestamp;
use serde_json::Value;

use crate::flags::{Flag, Parsed, switch, value};
use crate::get;
use crate::report::AlreadyTold;
use crate::session::{JSON, Session};
use crate::tabwriter::{DESCRIBE, align};
use crate::target::{Target, targets};

use lines::Lines;

pub(crate) const FLAGS: &[Flag] = &[
    value("selector", "Label selector").short('l'),
    switch("all-namespaces", "In all namespaces").short('A'),
    switch("show-events", "With the object's events").default("true"),
];

/// What a room needs beside the object.
struct Context {
    now: Timestamp,
    /// Absent when events are not asked for.
    events: Option<Vec<Value>>,
    /// Pods of a node or of a workload, replica sets of a deployment, a node's lease.
    related: Vec<Value>,
}

pub(crate) async fn run(session: &mut Session, parsed: &Parsed) -> Result<()> {
    if parsed.args.is_empty() {
        bail!(
            "You must specify the type of resource to describe. Use \"kubectl api-resources\" for \
             a complete list of supported resources."
        );
    }
    let targets = targets(session.discovery().await?, &parsed.args)?;
    let (mut first, mut failed) = (true, false);
    let mut found_none = true;
    for target in &targets {
        for uri in get::uris(session, parsed, target) {
            let answer = match get::fetch(session, &uri, JSON, "items").await {
                Ok(answer) => answer,
                Err(error) => {
                    failed = true;
                    let text = crate::report::text(&error.into(), &session.host);
                    session.warn(&text);
                    continue;
                }
            };
            for object in get::items(answer, target) {
                found_none = false;
                let text = describe(session, parsed, target, &object).await?;
                let gap = if first { "" } else { "\n\n" };
                first = false;
                session.print(&format!("{gap}{text}"))?;
            }
        }
    }
    if failed {
        return Err(AlreadyTold.into());
    }
    if found_none {
        let line = if parsed.is_true("all-namespaces") {
            "No resources found".to_owned()
        } else {
            format!("No resources found in {} namespace.", session.namespace)
        };
        session.warn(&line);
    }
    Ok(())
}

async fn describe(
    session: &mut Session,
    parsed: &Parsed,
    target: &Target,
    object: &Value,
) -> Result<String> {
    let events = if parsed.is_true("show-events") {
        Some(events::of(session, object).await?)
    } else {
        None
    };
    let kind = target.found.resource.kind.as_ref();
    let related = match kind {
        "Node" => node::related(session, object).await?,
        "Deployment" | "ReplicaSet" => workload::related(session, kind, object).await?,
        _ => Vec::new(),
    };
    let context = Context {
        now: session.clock.wall(),
        events,
        related,
    };
    Ok(align(
        &text(&target.found.resource.group, kind, object, &context),
        DESCRIBE,
    ))
}

/// The text before its columns are aligned.
fn text(group: &str, kind: &str, object: &Value, context: &Context) -> String {
    let mut lines = Lines::default();
    match (group, kind) {
        ("", "Pod") => pod::describe(object, context, &mut lines),
        ("", "Node") => node::describe(object, context, &mut lines),
        ("apps", "Deployment") => workload::deployment(object, context, &mut lines),
        ("apps", "ReplicaSet") => workload::replica_set(object, context, &mut lines),
        _ => generic::describe(object, &mut lines),
    }
    if let Some(events) = &context.events {
        events::describe(events, context.now, &mut lines);
    }
    lines.text
}
