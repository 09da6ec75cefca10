//! `kubectl scale`.

use anyhow::{Result, bail};
use http::Method;
use serde_json::json;

use crate::flags::{Flag, Parsed, value};
use crate::report::AlreadyTold;
use crate::session::{Body, JSON, Session};
use crate::target::targets;

pub(crate) const FLAGS: &[Flag] = &[
    value("replicas", "How many there shall be"),
    value("current-replicas", "Only when there are as many now").default("-1"),
    value("output", "Only: name").short('o'),
];

pub(crate) async fn run(session: &mut Session, parsed: &Parsed) -> Result<()> {
    let Some(replicas) = parsed.number("replicas")? else {
        bail!("required flag(s) \"replicas\" not set");
    };
    if replicas < 0 {
        bail!(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0"
        );
    }
    let current = parsed
        .number("current-replicas")?
        .filter(|count| *count >= 0);
    if parsed.args.is_empty() {
        bail!("You must provide one or more resources by argument or filename.");
    }
    let mut failed = false;
    for target in targets(session.discovery().await?, &parsed.args)? {
        if target.names.is_empty() {
            bail!("resource(s) were provided, but no name was specified");
        }
        for name in &target.names {
            let uri = client::path(
                &target.found.resource.gvr(),
                &session.namespace,
                &[name, "scale"],
            );
            let scaled = scale(session, &uri, replicas, current).await;
            let shown = format!("{}/{name}", target.found.display_name());
            match scaled {
                Ok(()) if parsed.text("output") == "name" => {
                    session.print(&format!("{shown}\n"))?
                }
                Ok(()) => session.print(&format!("{shown} scaled\n"))?,
                Err(error) => {
                    failed = true;
                    let text = crate::report::text(&error, &session.host);
                    session.warn(&text);
                }
            }
        }
    }
    if failed {
        Err(AlreadyTold.into())
    } else {
        Ok(())
    }
}

async fn scale(session: &Session, uri: &str, replicas: i64, current: Option<i64>) -> Result<()> {
    let mut patch = json!({"spec": {"replicas": replicas}});
    if let Some(current) = current {
        let scale = session.get(uri).await?;
        let found = scale["spec"]["replicas"].as_i64().unwrap_or(0);
        if found != current {
            bail!("Expected replicas to be {current}, was {found}");
        }
        patch["metadata"] = json!({"resourceVersion": scale["metadata"]["resourceVersion"]});
    }
    let body = Body {
        media_type: "application/merge-patch+json",
        json: patch,
    };
    session
        .request(Method::PATCH, uri, JSON, Some(body))
        .await?;
    Ok(())
}
