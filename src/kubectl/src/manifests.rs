//! Objects from files, directories and standard input.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use apimachinery::Object;
use serde_json::Value;

use crate::discovery::{Discovery, Found};
use crate::session::Session;

/// One object of a manifest.
pub(crate) struct Manifest {
    pub object: Object,
    pub found: Found,
    /// Where it stands: a path, or `STDIN`.
    pub source: String,
}

impl Manifest {
    pub(crate) fn path(&self, tail: &[&str]) -> String {
        client::path(&self.found.resource.gvr(), self.object.namespace(), tail)
    }

    /// `deployment.apps/web`.
    pub(crate) fn display_name(&self) -> String {
        format!("{}/{}", self.found.display_name(), self.object.name())
    }
}

/// All objects of `-f`, lists unpacked, each with its resource and namespace.
///
/// # Errors
/// A file that cannot be read or parsed, a kind that the server does not have, a namespace
/// other than the one asked for.
pub(crate) async fn read(
    session: &mut Session,
    sources: &[String],
    recursive: bool,
) -> Result<Vec<Manifest>> {
    let mut objects = Vec::new();
    for source in sources {
        for (name, text) in texts(source, recursive)? {
            let documents = schema::yaml::decode_all(&text)
                .map_err(|error| anyhow!("error parsing {name}: {}", prefixed(&error)))?;
            for document in documents {
                unpack(document.value, &name, &mut objects)?;
            }
        }
    }
    if objects.is_empty() {
        bail!("no objects passed to apply");
    }
    let namespace = session.namespace.clone();
    let given = session.namespace_given;
    let discovery = session.discovery().await?;
    objects
        .into_iter()
        .map(|(object, source)| place(discovery, object, source, &namespace, given))
        .collect()
}

fn prefixed(error: &schema::yaml::YamlError) -> String {
    match error {
        schema::yaml::YamlError::Separator(_) => error.to_string(),
        _ => format!("error converting YAML to JSON: {error}"),
    }
}

fn unpack(value: Value, source: &str, into: &mut Vec<(Object, String)>) -> Result<()> {
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
    let missing =
        |what: &str| anyhow!("error validating {source:?}: error validating data: {what} not set");
    if text("kind").is_empty() {
        return Err(missing("kind"));
    }
    if text("apiVersion").is_empty() {
        return Err(missing("apiVersion"));
    }
    if text("kind").ends_with("List")
        && let Some(items) = value.get("items").and_then(Value::as_array)
    {
        let mut items = items.iter().cloned();
        return items.try_for_each(|item| unpack(item, source, into));
    }
    let object = Object::from_value(value).with_context(|| format!("{source}: not an object"))?;
    into.push((object, source.to_owned()));
    Ok(())
}

fn place(
    discovery: &Discovery,
    mut object: Object,
    source: String,
    namespace: &str,
    given: bool,
) -> Result<Manifest> {
    let text = |field: &str| object.at(&format!("/{field}")).and_then(Value::as_str);
    let (version, kind) = (text("apiVersion").unwrap_or(""), text("kind").unwrap_or(""));
    let Some(found) = discovery.of_kind(version, kind).cloned() else {
        bail!(
            "resource mapping not found for name: {:?} namespace: {:?} from {source:?}: no matches \
             for kind {kind:?} in version {version:?}\nensure CRDs are installed first",
            object.name(),
            object.namespace(),
        );
    };
    if !found.resource.namespaced {
        object.metadata_mut().remove("namespace");
    } else if object.namespace().is_empty() {
        object.set_meta("namespace", namespace);
    } else if given && object.namespace() != namespace {
        let own = object.namespace();
        bail!(
            "the namespace from the provided object {own:?} does not match the namespace \
             {namespace:?}. You must pass '--namespace={own}' to perform this operation."
        );
    }
    Ok(Manifest {
        object,
        found,
        source,
    })
}

/// The texts of a source, each with its name.
fn texts(source: &str, recursive: bool) -> Result<Vec<(String, String)>> {
    if source == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(vec![("STDIN".into(), text)]);
    }
    if source.starts_with("http://") || source.starts_with("https://") {
        bail!("rk3s kubectl does not read {source:?}; download it and give the file");
    }
    let path = Path::new(source);
    let metadata = match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!("the path {source:?} does not exist")
        }
        other => other.with_context(|| format!("the path {source:?} cannot be accessed"))?,
    };
    let mut files = Vec::new();
    if metadata.is_dir() {
        collect(path, recursive, &mut files)?;
    } else {
        files.push(path.to_owned());
    }
    let read = |file: PathBuf| -> Result<(String, String)> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(&file).with_context(|| format!("reading {name}"))?;
        Ok((name, text))
    };
    files.into_iter().map(read).collect()
}

/// The manifests of a directory, in the order of their names.
fn collect(directory: &Path, recursive: bool, into: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(directory)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            if recursive {
                collect(&path, recursive, into)?;
            }
        } else if path
            .extension()
            .is_some_and(|e| e == "json" || e == "yaml" || e == "yml")
        {
            into.push(path);
        }
    }
    Ok(())
}
