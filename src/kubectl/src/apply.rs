//! `kubectl apply` and `kubectl create -f`.

mod patch;

use anyhow::Result;
use apimachinery::Object;
use client::{ClientError, Query};
use http::Method;
use serde_json::{Value, json};

use crate::flags::{Flag, Parsed, switch, value};
use crate::manifests::{self, Manifest};
use crate::output::{self, Format};
use crate::report::{AlreadyTold, While};
use crate::session::{Body, JSON, Session};

pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How often an apply is repeated when others write the object meanwhile.
const ATTEMPTS: usize = 5;

const FILENAME: Flag = value("filename", "Files, directories, or - for standard input").short('f');
const RECURSIVE: Flag = switch("recursive", "Directories with all below them").short('R');
const OUTPUT: Flag = value("output", "One of: json, name, yaml").short('o');
const DRY_RUN: Flag = value("dry-run", "One of: none, server")
    .default("none")
    .alone("server");
const VALIDATE: Flag = value("validate", "One of: strict, warn, ignore")
    .default("strict")
    .alone("strict");
const FIELD_MANAGER: Flag = value("field-manager", "Who owns the fields");

pub(crate) const APPLY_FLAGS: &[Flag] = &[
    FILENAME,
    RECURSIVE,
    OUTPUT,
    DRY_RUN,
    VALIDATE,
    FIELD_MANAGER.default("kubectl-client-side-apply"),
];

pub(crate) const CREATE_FLAGS: &[Flag] = &[
    FILENAME,
    RECURSIVE,
    OUTPUT,
    DRY_RUN,
    VALIDATE,
    FIELD_MANAGER.default("kubectl-create"),
    switch("save-config", "Note the object for a later apply"),
];

/// What was done to an object.
struct Done {
    word: &'static str,
    object: Value,
}

/// The parameters of every write.
fn write_query(parsed: &Parsed) -> Result<Query> {
    let dry_run = match parsed.text("dry-run") {
        "none" => "",
        "server" => "All",
        other => anyhow::bail!(
            "rk3s kubectl does not have --dry-run={other} for this command; use --dry-run=server"
        ),
    };
    let validation = match parsed.text("validate") {
        "strict" | "true" => "Strict",
        "warn" => "Warn",
        "ignore" | "false" => "Ignore",
        other => anyhow::bail!("invalid - validate option {other:?}"),
    };
    Ok(Query::default()
        .with("fieldManager", parsed.text("field-manager"))
        .with("fieldValidation", validation)
        .with("dryRun", dry_run))
}

fn sources(parsed: &Parsed) -> Result<Vec<String>> {
    let sources = parsed.list("filename");
    anyhow::ensure!(!sources.is_empty(), "must specify one of -f and -k");
    Ok(sources)
}

pub(crate) async fn apply(session: &mut Session, parsed: &Parsed) -> Result<()> {
    each(session, parsed, async |session, manifest, query| {
        apply_one(session, manifest, query).await
    })
    .await
}

pub(crate) async fn create(session: &mut Session, parsed: &Parsed) -> Result<()> {
    let save = parsed.is_true("save-config");
    each(session, parsed, async |session, manifest, query| {
        let object = if save {
            annotated(&manifest.object)
        } else {
            manifest.object.clone()
        };
        post(session, manifest, object, query).await
    })
    .await
}

/// Does it to every object of the files; one that fails does not keep the others back.
async fn each(
    session: &mut Session,
    parsed: &Parsed,
    mut act: impl AsyncFnMut(&mut Session, &Manifest, &Query) -> Result<Done>,
) -> Result<()> {
    let (sources, query) = (sources(parsed)?, write_query(parsed)?);
    let format = Format::parse(parsed.text("output"))?;
    let dry = if parsed.text("dry-run") == "server" {
        " (server dry run)"
    } else {
        ""
    };
    let manifests = manifests::read(session, &sources, parsed.is_true("recursive")).await?;
    let mut failed = false;
    for manifest in &manifests {
        let done = match act(session, manifest, &query).await {
            Ok(done) => done,
            Err(error) => {
                failed = true;
                let text = crate::report::text(&error, &session.host);
                session.warn(&text);
                continue;
            }
        };
        let text = match format {
            Format::Plain | Format::Wide => {
                let name = output::name(&manifest.found, &done.object);
                format!("{name} {}{dry}\n", done.word)
            }
            Format::Name => output::name(&manifest.found, &done.object) + "\n",
            Format::Yaml | Format::Json => {
                format.object(&output::without_managed_fields(done.object))
            }
        };
        session.print(&text)?;
    }
    if failed {
        Err(AlreadyTold.into())
    } else {
        Ok(())
    }
}

async fn post(
    session: &Session,
    manifest: &Manifest,
    object: Object,
    query: &Query,
) -> Result<Done> {
    let uri = manifest.path(&[]) + query.as_str();
    let body = Body::json(object.into_value());
    let created = session.request(Method::POST, &uri, JSON, Some(body)).await;
    let object = created.map_err(|error| While {
        doing: format!("error when creating {:?}", manifest.source),
        error,
    })?;
    Ok(Done {
        word: "created",
        object,
    })
}

async fn apply_one(session: &mut Session, manifest: &Manifest, query: &Query) -> Result<Done> {
    let uri = manifest.path(&[manifest.object.name()]);
    let modified = annotated(&manifest.object);
    for attempt in 1..=ATTEMPTS {
        let live = client::if_present(session.get(&uri).await);
        let Some(live) = live.map_err(|error| retrieving(manifest, error))? else {
            return post(session, manifest, modified, query).await;
        };
        let live = Object::from_value(live)
            .ok_or_else(|| anyhow::anyhow!("the server's answer is no object"))?;
        let patch = patch::three_way(&manifest.found, &modified, &live)?;
        if attempt == 1 && live.annotation(LAST_APPLIED).is_none() {
            warn_of_missing(session, manifest);
        }
        if patch
            .body
            .as_object()
            .is_some_and(serde_json::Map::is_empty)
        {
            let object = live.into_value();
            return Ok(Done {
                word: "unchanged",
                object,
            });
        }
        let body = Body {
            media_type: patch.media_type,
            json: patch.body,
        };
        let uri = format!("{uri}{}", query.as_str());
        match session.request(Method::PATCH, &uri, JSON, Some(body)).await {
            Err(error) if error.is_conflict() && attempt < ATTEMPTS => {}
            Err(error) => return Err(patching(manifest, error).into()),
            Ok(object) => {
                return Ok(Done {
                    word: "configured",
                    object,
                });
            }
        }
    }
    anyhow::bail!(
        "{} changes faster than it can be applied",
        manifest.display_name()
    )
}

fn retrieving(manifest: &Manifest, error: ClientError) -> While {
    While {
        doing: format!(
            "error when retrieving current configuration of {:?}",
            manifest.source
        ),
        error,
    }
}

fn patching(manifest: &Manifest, error: ClientError) -> While {
    While {
        doing: format!("error when patching {:?}", manifest.source),
        error,
    }
}

fn warn_of_missing(session: &mut Session, manifest: &Manifest) {
    let resource = &manifest.found.resource.plural;
    let name = manifest.object.name();
    session.warn(&format!(
        "Warning: resource {resource}/{name} is missing the {LAST_APPLIED} annotation which is \
         required by kubectl apply. kubectl apply should only be used on resources created \
         declaratively by either kubectl create --save-config or kubectl apply. The missing \
         annotation will be patched automatically."
    ));
}

/// The object with its own text noted in it, as the next apply reads it.
fn annotated(object: &Object) -> Object {
    let mut bare = object.clone();
    annotations(&mut bare).remove(LAST_APPLIED);
    let text = output::compact(&bare.clone().into_value()) + "\n";
    annotations(&mut bare).insert(LAST_APPLIED.into(), json!(text));
    bare
}

/// Made when missing: the noted text has an empty map then, as Go's.
fn annotations(object: &mut Object) -> &mut serde_json::Map<String, Value> {
    let entry = object.metadata_mut().entry("annotations");
    let value = entry.or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("just made one")
}
