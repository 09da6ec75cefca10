//! A container's environment (kubelet-cri-facts §2).

use std::collections::BTreeMap;

use api::core::{Container, EnvFromSource, EnvVarSource, Pod};
use api::requests;
use apimachinery::Quantity;

use crate::expand::expand;
use crate::fields;
use crate::references::{Data, References, Source};

/// A container cannot be configured; the text is the event's and the status'.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// What environment and volumes read besides ConfigMaps and Secrets.
pub struct PodFacts<'a> {
    pub pod: &'a Pod,
    pub pod_ips: &'a [String],
    pub host_ip: &'a str,
    /// The node's allocatable resources, which stand in for limits that are not set.
    pub allocatable: &'a requests::ResourceList,
}

/// Names and values: envFrom first, then env in order, which may use what came before.
pub async fn environment(
    container: &Container,
    facts: &PodFacts<'_>,
    references: &dyn References,
) -> Result<Vec<(String, String)>, ConfigError> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for from in container.env_from.iter().flatten() {
        found.extend(from_source(from, facts, references).await?);
    }
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (_, Some(from)) => match from_field(from, container, facts, references).await? {
                Some(value) => value,
                None => continue,
            },
            (Some(text), None) => expand(text, |name| found.get(name).cloned()),
            (None, None) => String::new(),
        };
        found.insert(variable.name.clone(), value);
    }
    Ok(found.into_iter().collect())
}

async fn read(
    source: Source,
    name: &str,
    optional: bool,
    facts: &PodFacts<'_>,
    references: &dyn References,
) -> Result<Option<Data>, ConfigError> {
    let namespace = facts.pod.metadata.namespace.as_deref().unwrap_or_default();
    let data = references.data(source, namespace, name).await;
    let data = data.map_err(|error| ConfigError(error.to_string()))?;
    if data.is_none() && !optional {
        return Err(ConfigError(format!(
            "{} {name:?} not found",
            source.singular()
        )));
    }
    Ok(data)
}

async fn from_source(
    from: &EnvFromSource,
    facts: &PodFacts<'_>,
    references: &dyn References,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let prefix = from.prefix.as_deref().unwrap_or_default();
    let (source, name, optional) = if let Some(map) = &from.config_map_ref {
        (
            Source::ConfigMap,
            map.name.as_str(),
            map.optional == Some(true),
        )
    } else if let Some(secret) = &from.secret_ref {
        (
            Source::Secret,
            secret.name.as_str(),
            secret.optional == Some(true),
        )
    } else {
        return Ok(BTreeMap::new());
    };
    let data = read(source, name, optional, facts, references)
        .await?
        .unwrap_or_default();
    let named = data
        .into_iter()
        .map(|(key, value)| (format!("{prefix}{key}"), text(value)));
    // A key that is no variable name is left out.
    Ok(named.filter(|(key, _)| is_variable_name(key)).collect())
}

fn text(value: Vec<u8>) -> String {
    String::from_utf8_lossy(&value).into_owned()
}

/// Printable ASCII without `=` (relaxed names, the default since 1.34).
fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'=')
}

async fn from_field(
    from: &EnvVarSource,
    container: &Container,
    facts: &PodFacts<'_>,
    references: &dyn References,
) -> Result<Option<String>, ConfigError> {
    let namespace = facts.pod.metadata.namespace.as_deref().unwrap_or_default();
    if let Some(field) = &from.field_ref {
        return fields::read(&field.field_path, facts)
            .map(Some)
            .ok_or_else(|| ConfigError(format!("unsupported fieldPath: {}", field.field_path)));
    }
    if let Some(resource) = &from.resource_field_ref {
        let divisor = resource.divisor.as_ref().and_then(|d| d.0.parse().ok());
        return resource_field(&resource.resource, divisor, container, facts).map(Some);
    }
    let (source, name, key, optional) = if let Some(selector) = &from.config_map_key_ref {
        (
            Source::ConfigMap,
            &selector.name,
            &selector.key,
            selector.optional == Some(true),
        )
    } else if let Some(selector) = &from.secret_key_ref {
        (
            Source::Secret,
            &selector.name,
            &selector.key,
            selector.optional == Some(true),
        )
    } else {
        return Err(ConfigError(
            "invalid valueFrom: names no source rk3s knows".into(),
        ));
    };
    let data = read(source, name, optional, facts, references).await?;
    match data.and_then(|mut data| data.remove(key)) {
        Some(value) => Ok(Some(text(value))),
        None if optional => Ok(None),
        None => Err(ConfigError(match source {
            Source::ConfigMap => {
                format!("couldn't find key {key} in ConfigMap {namespace}/{name}")
            }
            Source::Secret => format!("couldn't find key {key} in Secret {namespace}/{name}"),
        })),
    }
}

/// `limits.cpu` and so on, divided and rounded up; a missing limit is the node's allocatable.
pub fn resource_field(
    resource: &str,
    divisor: Option<Quantity>,
    container: &Container,
    facts: &PodFacts<'_>,
) -> Result<String, ConfigError> {
    let unsupported = || ConfigError(format!("unsupported container resource : {resource}"));
    let (kind, name) = resource.split_once('.').ok_or_else(unsupported)?;
    let own = container.resources.as_ref();
    let requests = requests::parse(own.and_then(|r| r.requests.as_ref()));
    let limits = requests::parse(own.and_then(|r| r.limits.as_ref()));
    let amount = match kind {
        "limits" => limits
            .get(name)
            .or_else(|| facts.allocatable.get(name))
            .copied(),
        "requests" => requests.get(name).or_else(|| limits.get(name)).copied(),
        _ => return Err(unsupported()),
    };
    let amount = amount.unwrap_or_default();
    let divisor = divisor
        .filter(|d| !d.is_zero())
        .unwrap_or(Quantity::from_units(1));
    let (amount, divisor) = if name == "cpu" {
        (amount.milli(), divisor.milli())
    } else {
        (amount.units(), divisor.units())
    };
    let divisor = divisor.max(1);
    Ok((amount / divisor + i64::from(amount % divisor != 0)).to_string())
}
