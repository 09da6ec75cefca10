//! `kubectl version` and `kubectl api-resources`: what this is, and what the server is.

use anyhow::{Result, bail};
use serde_json::json;

use crate::discovery::Found;
use crate::flags::{Flag, Parsed, switch, value};
use crate::output::Format;
use crate::session::Session;
use crate::tabwriter::{TABLE, align};

pub(crate) const VERSION_FLAGS: &[Flag] = &[
    switch("client", "Only the client's version; asks no server"),
    value("output", "One of: yaml, json").short('o'),
];

/// The Kubernetes version that this client is made for; the build is rk3s' own.
const CLIENT: &str = concat!("v1.35.0+rk3s-", env!("CARGO_PKG_VERSION"));

pub(crate) async fn version(session: &mut Session, parsed: &Parsed) -> Result<()> {
    let server = if parsed.is_true("client") {
        None
    } else {
        Some(session.get("/version").await)
    };
    let format = Format::parse(parsed.text("output"))?;
    if format.is_table() {
        session.print(&format!("Client Version: {CLIENT}\n"))?;
        if let Some(server) = server {
            let server = server?;
            let version = server["gitVersion"].as_str().unwrap_or_default().to_owned();
            session.print(&format!("Server Version: {version}\n"))?;
        }
        return Ok(());
    }
    if format == Format::Name {
        bail!("--output must be 'yaml' or 'json'");
    }
    let mut whole = json!({"clientVersion": {"major": "1", "minor": "35", "gitVersion": CLIENT}});
    if let Some(server) = server {
        whole["serverVersion"] = server?;
    }
    let text = format.object(&whole);
    Ok(session.print(&text)?)
}

pub(crate) const RESOURCES_FLAGS: &[Flag] = &[
    switch("no-headers", "Leave the header line out"),
    value("output", "One of: wide, name").short('o'),
    value("api-group", "Only of this group"),
    value(
        "namespaced",
        "Only those in namespaces, or only those outside",
    ),
    value("verbs", "Only those that have all these verbs"),
    value("categories", "Only those of all these categories"),
];

pub(crate) async fn api_resources(session: &mut Session, parsed: &Parsed) -> Result<()> {
    let format = Format::parse(parsed.text("output"))?;
    let (verbs, categories) = (parsed.list("verbs"), parsed.list("categories"));
    let fits = |found: &&Found| {
        let scope = parsed.text("namespaced");
        found.preferred
            && !found.verbs.is_empty()
            && (!parsed.is_given("api-group") || found.resource.group == parsed.text("api-group"))
            && (scope.is_empty() || found.resource.namespaced == (scope == "true"))
            && verbs.iter().all(|verb| found.allows(verb))
            && categories
                .iter()
                .all(|category| found.categories.contains(category))
    };
    let mut found: Vec<&Found> = session
        .discovery()
        .await?
        .resources
        .iter()
        .filter(fits)
        .collect();
    found.sort_by(|a, b| {
        let key = |found: &Found| (found.resource.group.clone(), found.resource.plural.clone());
        key(a).cmp(&key(b))
    });
    let text = if format == Format::Name {
        found.iter().map(|found| full_name(found) + "\n").collect()
    } else {
        let headers = !parsed.is_true("no-headers");
        align(
            &resource_table(&found, headers, format == Format::Wide),
            TABLE,
        )
    };
    Ok(session.print(&text)?)
}

/// `deployments.apps`.
fn full_name(found: &Found) -> String {
    let resource = &found.resource;
    if resource.group.is_empty() {
        resource.plural.to_string()
    } else {
        format!("{}.{}", resource.plural, resource.group)
    }
}

fn resource_table(found: &[&Found], headers: bool, wide: bool) -> String {
    let mut lines = Vec::new();
    if headers {
        let more = if wide { "\tVERBS\tCATEGORIES" } else { "" };
        lines.push(format!(
            "NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND{more}"
        ));
    }
    lines.extend(found.iter().map(|found| {
        let resource = &found.resource;
        let more = if wide {
            format!(
                "\t{}\t{}",
                found.verbs.join(","),
                found.categories.join(",")
            )
        } else {
            String::new()
        };
        format!(
            "{}\t{}\t{}\t{}\t{}{more}",
            resource.plural,
            found.short_names.join(","),
            found.group_version(),
            resource.namespaced,
            resource.kind
        )
    }));
    lines.join("\n")
}
