//! `kubectl get`.

use anyhow::{Result, bail};
use client::{ClientError, Query};
use futures::StreamExt;
use http::{Method, Request};
use serde_json::Value;

use crate::flags::{Flag, Parsed, switch, value};
use crate::output::{self, Format};
use crate::report::AlreadyTold;
use crate::session::Session;
use crate::table::{Table, TableOptions, TablePrinter};
use crate::target::{Target, targets};

pub(crate) const FLAGS: &[Flag] = &[
    switch("all-namespaces", "List objects of all namespaces").short('A'),
    value(
        "selector",
        "Label selector, such as key1=value1,key2!=value2",
    )
    .short('l'),
    value(
        "field-selector",
        "Field selector, such as status.phase=Running",
    ),
    value("output", "One of: json, name, wide, yaml").short('o'),
    switch("watch", "After the list, print changes as they come").short('w'),
    switch("watch-only", "Print changes as they come, without the list"),
    switch("no-headers", "Leave the header line out"),
    switch("show-labels", "Print all labels as the last column"),
    switch("show-kind", "Print the resource type before names"),
    switch("show-managed-fields", "Keep managedFields in JSON and YAML"),
    switch(
        "ignore-not-found",
        "Exit with 0 when a named object is not there",
    ),
    value("label-columns", "Labels to print as columns").short('L'),
    value("filename", "Objects of these files").short('f'),
    switch("recursive", "Directories with all below them").short('R'),
];

const TABLES: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

pub(crate) async fn run(session: &mut Session, parsed: &Parsed) -> Result<()> {
    let format = Format::parse(parsed.text("output"))?;
    let targets = chosen(session, parsed).await?;
    if parsed.is_true("watch") || parsed.is_true("watch-only") {
        return watch(session, parsed, &targets, format).await;
    }
    if format.is_table() {
        tables(session, parsed, &targets, format).await
    } else {
        objects(session, parsed, &targets, format).await
    }
}

async fn chosen(session: &mut Session, parsed: &Parsed) -> Result<Vec<Target>> {
    if parsed.is_given("filename") {
        let sources = parsed.list("filename");
        let manifests =
            crate::manifests::read(session, &sources, parsed.is_true("recursive")).await?;
        let target = |manifest: crate::manifests::Manifest| Target {
            names: vec![manifest.object.name().to_owned()],
            found: manifest.found,
        };
        return Ok(manifests.into_iter().map(target).collect());
    }
    if parsed.args.is_empty() {
        session.warn(
            "You must specify the type of resource to get. Use \"kubectl api-resources\" for a \
             complete list of supported resources.\n",
        );
        bail!("Required resource not specified.\nSee 'kubectl get -h' for help and examples");
    }
    let targets = targets(session.discovery().await?, &parsed.args)?;
    let named = targets.iter().any(|target| !target.names.is_empty());
    if named && parsed.is_true("all-namespaces") {
        bail!("a resource cannot be retrieved by name across all namespaces");
    }
    let selected = parsed.is_given("selector") || parsed.is_given("field-selector");
    if named && selected {
        bail!("name cannot be provided when a selector is specified");
    }
    Ok(targets)
}

/// The URIs of a target: one of its list, or one of each name.
pub(crate) fn uris(session: &Session, parsed: &Parsed, target: &Target) -> Vec<String> {
    let resource = &target.found.resource;
    let everywhere = parsed.is_true("all-namespaces") || !resource.namespaced;
    let namespace = if everywhere { "" } else { &session.namespace };
    if target.names.is_empty() {
        let query = Query::default()
            .with("labelSelector", parsed.text("selector"))
            .with("fieldSelector", parsed.text("field-selector"))
            .with("limit", "500");
        return vec![client::path(&resource.gvr(), namespace, &[]) + query.as_str()];
    }
    let names = target.names.iter();
    names
        .map(|name| client::path(&resource.gvr(), namespace, &[name]))
        .collect()
}

/// A list with all its pages, or an object.
pub(crate) async fn fetch(
    session: &Session,
    uri: &str,
    accept: &'static str,
    items: &str,
) -> Result<Value, ClientError> {
    let mut first = session.request(Method::GET, uri, accept, None).await?;
    loop {
        let token = first["metadata"]["continue"].as_str().unwrap_or_default();
        if token.is_empty() {
            return Ok(first);
        }
        let query = Query::default().with("continue", token);
        let uri = format!("{uri}&{}", &query.as_str()[1..]);
        let mut next = session.request(Method::GET, &uri, accept, None).await?;
        let more = next[items].take();
        first["metadata"]["continue"] = next["metadata"]["continue"].take();
        if let (Some(all), Value::Array(more)) = (first[items].as_array_mut(), more) {
            all.extend(more);
        }
    }
}

/// What went wrong with some of several requests: told after what went well.
#[derive(Default)]
struct Failures(Vec<String>);

impl Failures {
    fn add(&mut self, session: &Session, parsed: &Parsed, error: ClientError) {
        if !(error.is_not_found() && parsed.is_true("ignore-not-found")) {
            self.0
                .push(crate::report::text(&error.into(), &session.host));
        }
    }

    fn tell(self, session: &mut Session) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.iter().for_each(|text| session.warn(text));
        Err(AlreadyTold.into())
    }
}

async fn tables(
    session: &mut Session,
    parsed: &Parsed,
    targets: &[Target],
    format: Format,
) -> Result<()> {
    let (mut printed, mut failures) = (false, Failures::default());
    let mut last: Option<(String, TablePrinter)> = None;
    for target in targets {
        let options = table_options(parsed, target, targets, format);
        let mut tables: Vec<Table> = Vec::new();
        for uri in uris(session, parsed, target) {
            match fetch(session, &uri, TABLES, "rows").await {
                Ok(table) => tables.push(serde_json::from_value(table)?),
                Err(error) => failures.add(session, parsed, error),
            }
        }
        for table in tables.iter().filter(|table| !table.rows().is_empty()) {
            let kind = target.found.display_name();
            let mut printer = match last.take() {
                Some((previous, printer)) if previous == kind => printer,
                other => {
                    if other.is_some() && options.headers {
                        session.print("\n")?;
                    }
                    TablePrinter::default()
                }
            };
            let lines = printer.lines(table, &options);
            session.print(&lines)?;
            last = Some((kind, printer));
            printed = true;
        }
    }
    if !printed && failures.0.is_empty() && !parsed.is_true("ignore-not-found") {
        let namespaced = targets
            .iter()
            .any(|target| target.found.resource.namespaced);
        let line = if namespaced && !parsed.is_true("all-namespaces") {
            format!("No resources found in {} namespace.", session.namespace)
        } else {
            "No resources found".into()
        };
        session.warn(&line);
    }
    failures.tell(session)
}

fn table_options(
    parsed: &Parsed,
    target: &Target,
    targets: &[Target],
    format: Format,
) -> TableOptions {
    let mixed = targets
        .iter()
        .any(|other| other.found.display_name() != target.found.display_name());
    let prefix = if mixed || parsed.is_true("show-kind") {
        format!("{}/", target.found.display_name())
    } else {
        String::new()
    };
    TableOptions {
        wide: format == Format::Wide,
        headers: !parsed.is_true("no-headers"),
        namespaces: parsed.is_true("all-namespaces") && target.found.resource.namespaced,
        labels: parsed.is_true("show-labels"),
        label_columns: parsed.list("label-columns"),
        prefix,
    }
}

async fn objects(
    session: &mut Session,
    parsed: &Parsed,
    targets: &[Target],
    format: Format,
) -> Result<()> {
    let (mut found, mut failures) = (Vec::new(), Failures::default());
    let single = matches!(targets, [only] if only.names.len() == 1);
    for target in targets {
        for uri in uris(session, parsed, target) {
            match fetch(session, &uri, crate::session::JSON, "items").await {
                Ok(answer) => found.extend(items(answer, target).into_iter().map(|o| (target, o))),
                Err(error) => failures.add(session, parsed, error),
            }
        }
    }
    if found.is_empty() && !failures.0.is_empty() {
        return failures.tell(session);
    }
    let keep = parsed.is_true("show-managed-fields");
    let show = |object| {
        if keep {
            object
        } else {
            output::without_managed_fields(object)
        }
    };
    let text = if format == Format::Name {
        let line = |(target, object): &(&Target, Value)| {
            format!("{}\n", output::name(&target.found, object))
        };
        found.iter().map(line).collect()
    } else if let (true, [(_, object)]) = (single, found.as_slice()) {
        format.object(&show(object.clone()))
    } else {
        let objects = found.into_iter().map(|(_, object)| show(object)).collect();
        format.object(&output::list(objects))
    };
    session.print(&text)?;
    failures.tell(session)
}

/// The objects of an answer, with the kind that items of a list may leave out.
pub(crate) fn items(mut answer: Value, target: &Target) -> Vec<Value> {
    let Some(items) = answer.get_mut("items").map(Value::take) else {
        return vec![answer];
    };
    let Value::Array(mut items) = items else {
        return Vec::new();
    };
    for item in &mut items {
        item["apiVersion"] = target.found.group_version().into();
        item["kind"] = target.found.resource.kind.as_ref().into();
    }
    items
}

async fn watch(
    session: &mut Session,
    parsed: &Parsed,
    targets: &[Target],
    format: Format,
) -> Result<()> {
    let [target] = targets else {
        bail!("you may only specify a single resource type");
    };
    if target.names.len() > 1 {
        bail!("you may only watch a single resource or type of resource at a time");
    }
    let accept = if format.is_table() {
        TABLES
    } else {
        crate::session::JSON
    };
    let mut printer = Printer {
        table: TablePrinter::default(),
        options: table_options(parsed, target, targets, format),
        format,
        keep: parsed.is_true("show-managed-fields"),
    };
    let uri = uris(session, parsed, target).remove(0);
    let items = if format.is_table() { "rows" } else { "items" };
    let listed = fetch(session, &uri, accept, items).await?;
    let version = listed["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or("0")
        .to_owned();
    if !parsed.is_true("watch-only") {
        let objects = if format.is_table() {
            vec![listed]
        } else {
            self::items(listed, target)
        };
        for object in objects {
            let text = printer.text(target, object)?;
            session.print(&text)?;
        }
    }
    let uri = watch_uri(session, parsed, target, &version);
    follow(
        session,
        &uri,
        accept,
        async |session: &mut Session, _kind: &str, object| {
            let text = printer.text(target, object)?;
            session.print(&text)?;
            Ok(true)
        },
    )
    .await
}

struct Printer {
    table: TablePrinter,
    options: TableOptions,
    format: Format,
    keep: bool,
}

impl Printer {
    fn text(&mut self, target: &Target, object: Value) -> Result<String> {
        if self.format.is_table() {
            let table: Table = serde_json::from_value(object)?;
            if table.rows().is_empty() {
                return Ok(String::new());
            }
            return Ok(self.table.lines(&table, &self.options));
        }
        if self.format == Format::Name {
            return Ok(output::name(&target.found, &object) + "\n");
        }
        let object = if self.keep {
            object
        } else {
            output::without_managed_fields(object)
        };
        let text = self.format.object(&object);
        Ok(if self.format == Format::Yaml {
            format!("---\n{text}")
        } else {
            text
        })
    }
}

fn watch_uri(session: &Session, parsed: &Parsed, target: &Target, version: &str) -> String {
    let fields = match target.names.first() {
        Some(name) => format!("metadata.name={name}"),
        None => parsed.text("field-selector").to_owned(),
    };
    let resource = &target.found.resource;
    let everywhere = parsed.is_true("all-namespaces") || !resource.namespaced;
    let namespace = if everywhere { "" } else { &session.namespace };
    let query = Query::default()
        .with("labelSelector", parsed.text("selector"))
        .with("fieldSelector", &fields)
        .with("resourceVersion", version)
        .with("watch", "true");
    client::path(&resource.gvr(), namespace, &[]) + query.as_str()
}

/// Hands over the type and object of each event of a watch, until told to stop or its end.
///
/// # Errors
/// As the server refuses, also within the watch.
pub(crate) async fn follow(
    session: &mut Session,
    uri: &str,
    accept: &'static str,
    mut event: impl AsyncFnMut(&mut Session, &str, Value) -> Result<bool>,
) -> Result<()> {
    let request = Request::get(uri)
        .header(http::header::ACCEPT, accept)
        .body(bytes::Bytes::new())?;
    let mut body = session.client()?.raw(request).await?.into_body();
    let mut buffer = Vec::new();
    while let Some(chunk) = body.next().await {
        buffer.extend_from_slice(&chunk.map_err(ClientError::from)?);
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let mut frame: Value = serde_json::from_slice(&line)?;
            let object = frame["object"].take();
            let kind = frame["type"].as_str().unwrap_or_default();
            if kind == "ERROR" {
                let status = serde_json::from_value(object)?;
                return Err(ClientError::from(apimachinery::StatusError(Box::new(status))).into());
            }
            if kind != "BOOKMARK" && !event(session, kind, object).await? {
                return Ok(());
            }
        }
    }
    Ok(())
}
