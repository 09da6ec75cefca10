//! `kubectl delete`.

use std::time::Duration;

use anyhow::{Result, bail};
use client::{ClientError, Query};
use http::Method;
use serde_json::{Value, json};

use crate::discovery::Found;
use crate::flags::{Flag, Parsed, switch, value};
use crate::report::{AlreadyTold, While};
use crate::session::{Body, JSON, Session};
use crate::target::targets;
use crate::{duration, get, manifests};

pub(crate) const FLAGS: &[Flag] = &[
    value("filename", "Objects of these files").short('f'),
    switch("recursive", "Directories with all below them").short('R'),
    value("selector", "Label selector").short('l'),
    value("field-selector", "Field selector"),
    switch("all", "All objects of the type in the namespace"),
    switch("all-namespaces", "In all namespaces").short('A'),
    value(
        "grace-period",
        "Seconds to end in; -1 leaves it to the object",
    )
    .default("-1"),
    switch("now", "End within a second"),
    switch("force", "Do not wait for the container to end"),
    switch("wait", "Wait until the objects are gone").default("true"),
    value("timeout", "How long to wait; 0 is without end").default("0s"),
    switch(
        "ignore-not-found",
        "Exit with 0 when an object is not there",
    ),
    value(
        "cascade",
        "What becomes of dependents: background, foreground, orphan",
    )
    .default("background")
    .alone("background"),
    value("output", "Only: name").short('o'),
    value("dry-run", "One of: none, server")
        .default("none")
        .alone("server"),
];

/// One object to delete.
struct Victim {
    found: Found,
    namespace: String,
    name: String,
    /// Names the file in errors.
    source: Option<String>,
}

impl Victim {
    fn path(&self, tail: &[&str]) -> String {
        client::path(&self.found.resource.gvr(), &self.namespace, tail)
    }
}

pub(crate) async fn run(session: &mut Session, parsed: &Parsed) -> Result<()> {
    let options = options(session, parsed)?;
    let victims = victims(session, parsed).await?;
    if victims.is_empty() {
        session.print("No resources found\n")?;
        return Ok(());
    }
    let mut failed = false;
    let mut gone = Vec::new();
    for victim in victims {
        match delete(session, &victim, &options).await {
            Ok(uid) => {
                let line = told(&victim, parsed, options.forced);
                session.print(&line)?;
                gone.push((victim, uid));
            }
            Err(error) if error.is_not_found() && parsed.is_true("ignore-not-found") => {}
            Err(error) => {
                failed = true;
                let error = refused(&victim, error);
                let text = crate::report::text(&error, &session.host);
                session.warn(&text);
            }
        }
    }
    if parsed.is_true("wait") && !options.dry {
        wait(session, parsed, &gone).await?;
    }
    if failed {
        Err(AlreadyTold.into())
    } else {
        Ok(())
    }
}

fn refused(victim: &Victim, error: ClientError) -> anyhow::Error {
    match &victim.source {
        Some(source) => While {
            doing: format!("error when deleting {source:?}"),
            error,
        }
        .into(),
        None => error.into(),
    }
}

struct DeleteOptions {
    body: Value,
    forced: bool,
    dry: bool,
}

fn options(session: &mut Session, parsed: &Parsed) -> Result<DeleteOptions> {
    let propagation = match parsed.text("cascade") {
        "background" | "true" => "Background",
        "foreground" => "Foreground",
        "orphan" | "false" => "Orphan",
        other => bail!(
            "invalid cascade value ({other}). Must be \"background\", \"foreground\", or \
             \"orphan\""
        ),
    };
    let mut grace = parsed.number("grace-period")?.unwrap_or(-1);
    if parsed.is_true("now") {
        if grace != -1 {
            bail!("--now and --grace-period cannot be specified together");
        }
        grace = 1;
    }
    let force = parsed.is_true("force");
    if force {
        if grace > 0 {
            bail!("--force and --grace-period greater than 0 cannot be specified together");
        }
        grace = 0;
        session.warn(
            "Warning: Immediate deletion does not wait for confirmation that the running resource \
             has been terminated. The resource may continue to run on the cluster indefinitely.",
        );
    } else if grace == 0 {
        // Without force, a grace of 0 would not wait for the kubelet.
        grace = 1;
    }
    let dry = parsed.text("dry-run") == "server";
    let mut body = json!({
        "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation,
    });
    if grace >= 0 {
        body["gracePeriodSeconds"] = grace.into();
    }
    if dry {
        body["dryRun"] = json!(["All"]);
    }
    Ok(DeleteOptions {
        body,
        forced: force && grace == 0,
        dry,
    })
}

async fn victims(session: &mut Session, parsed: &Parsed) -> Result<Vec<Victim>> {
    if parsed.is_given("filename") {
        let sources = parsed.list("filename");
        let manifests = manifests::read(session, &sources, parsed.is_true("recursive")).await?;
        let victim = |manifest: manifests::Manifest| Victim {
            namespace: manifest.object.namespace().to_owned(),
            name: manifest.object.name().to_owned(),
            found: manifest.found,
            source: Some(manifest.source),
        };
        return Ok(manifests.into_iter().map(victim).collect());
    }
    if parsed.args.is_empty() {
        bail!(
            "You must provide one or more resources by argument or filename.\nExample resource \
             specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> \
             <name>'\n   '<resource>'"
        );
    }
    let selects = ["all", "selector", "field-selector"]
        .iter()
        .any(|flag| parsed.is_given(flag));
    let mut victims = Vec::new();
    for target in targets(session.discovery().await?, &parsed.args)? {
        if !target.names.is_empty() && selects {
            bail!("name cannot be provided when a selector is specified");
        }
        if target.names.is_empty() && !selects {
            bail!("resource(s) were provided, but no name was specified");
        }
        let namespaced = target.found.resource.namespaced;
        let namespace = if namespaced {
            session.namespace.clone()
        } else {
            String::new()
        };
        let victim = |namespace: String, name: &str| Victim {
            found: target.found.clone(),
            namespace,
            name: name.to_owned(),
            source: None,
        };
        victims.extend(
            target
                .names
                .iter()
                .map(|name| victim(namespace.clone(), name)),
        );
        if target.names.is_empty() {
            let uri = get::uris(session, parsed, &target).remove(0);
            let listed = get::fetch(session, &uri, JSON, "items").await?;
            for item in listed["items"].as_array().into_iter().flatten() {
                let text = |field: &str| item["metadata"][field].as_str().unwrap_or_default();
                victims.push(victim(text("namespace").to_owned(), text("name")));
            }
        }
    }
    Ok(victims)
}

/// Deletes one; gives the UID it had.
async fn delete(
    session: &Session,
    victim: &Victim,
    options: &DeleteOptions,
) -> Result<String, ClientError> {
    let body = Body::json(options.body.clone());
    let uri = victim.path(&[&victim.name]);
    let answer = session
        .request(Method::DELETE, &uri, JSON, Some(body))
        .await?;
    // A Status when it is gone, the object while it ends.
    let uid = answer["details"]["uid"]
        .as_str()
        .or(answer["metadata"]["uid"].as_str());
    Ok(uid.unwrap_or_default().to_owned())
}

fn told(victim: &Victim, parsed: &Parsed, forced: bool) -> String {
    let kind = victim.found.display_name();
    if parsed.text("output") == "name" {
        return format!("{kind}/{}\n", victim.name);
    }
    let word = if forced { "force deleted" } else { "deleted" };
    let from = if victim.namespace.is_empty() {
        String::new()
    } else {
        format!(" from {} namespace", victim.namespace)
    };
    let dry = if parsed.text("dry-run") == "server" {
        " (server dry run)"
    } else {
        ""
    };
    format!("{kind} {:?} {word}{from}{dry}\n", victim.name)
}

async fn wait(session: &mut Session, parsed: &Parsed, gone: &[(Victim, String)]) -> Result<()> {
    let limit = duration::of_flag("timeout", parsed.text("timeout"))?;
    let clock = session.clock.clone();
    let until = if limit.is_zero() {
        Duration::from_secs(7 * 24 * 3600)
    } else {
        // Before now is now.
        Duration::try_from(limit).unwrap_or_default()
    };
    for (victim, uid) in gone {
        let waited = clock.timeout(until, wait_for(session, victim, uid)).await;
        let Ok(waited) = waited else {
            let name = format!("{}/{}", victim.found.resource.plural, victim.name);
            bail!("timed out waiting for the condition on {name}");
        };
        waited?;
    }
    Ok(())
}

/// Resolves once the object with this UID is not there any more.
async fn wait_for(session: &mut Session, victim: &Victim, uid: &str) -> Result<()> {
    let clock = session.clock.clone();
    loop {
        let object = session.get(&victim.path(&[&victim.name])).await;
        let Some(object) = client::if_present(object)? else {
            return Ok(());
        };
        let is_later = |object: &Value| {
            !uid.is_empty()
                && object["metadata"]["uid"]
                    .as_str()
                    .is_some_and(|other| other != uid)
        };
        if is_later(&object) {
            return Ok(());
        }
        let version = object["metadata"]["resourceVersion"]
            .as_str()
            .unwrap_or("0");
        let query = Query::default()
            .with("fieldSelector", &format!("metadata.name={}", victim.name))
            .with("resourceVersion", version)
            .with("watch", "true");
        let uri = victim.path(&[]) + query.as_str();
        let mut deleted = false;
        let watched = get::follow(
            session,
            &uri,
            JSON,
            async |_: &mut Session, kind: &str, object: Value| {
                deleted = kind == "DELETED" || is_later(&object);
                Ok(!deleted)
            },
        )
        .await;
        match watched {
            Ok(()) if deleted => return Ok(()),
            Ok(()) => {}
            // A watch that breaks off is begun again, not at once: the server may be restarting.
            Err(_) => clock.sleep(Duration::from_millis(500)).await,
        }
    }
}
