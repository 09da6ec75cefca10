//! Paths in either dialect's JSON.

use apimachinery::GroupVersionKind;
use serde_json::{Map, Value, json};

use super::Dialect;
use super::operations::{Operation, Payload};
use super::parameters::{DRY_RUN, FIELD_VALIDATION, Parameter};
use super::paths::PathItem;
use crate::facts::{Facts, TypeRef};

const TYPES: &[&str] = &["application/json", "application/yaml"];
const LIST_TYPES: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/json;stream=watch",
];
const PATCH_TYPES: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

/// The definition behind a payload; `None` where there is none.
pub(super) fn definition<'f>(payload: &Payload, facts: &'f Facts) -> Option<TypeRef<'f>> {
    match payload {
        Payload::None | Payload::Text | Payload::Published(_) => None,
        Payload::Kind(gvk) => facts.kind(gvk),
        Payload::ListOf(gvk) => {
            let kind = format!("{}List", gvk.kind);
            facts.kind(&gvk.group_version().kind(kind))
        }
        Payload::Meta(name) => facts.meta(name),
        Payload::Version => facts.named("io.k8s.apimachinery.pkg.version.Info"),
    }
}

/// A path with all its operations. Parameters that all of these take stand beside them.
pub(super) fn path_item(item: &PathItem, facts: &Facts, dialect: Dialect) -> Value {
    let mut out = Map::new();
    let path = item.parameters.iter();
    let path = path.map(|name| path_parameter(name, dialect));
    let common = common(&item.operations);
    let query = common.iter().map(|parameter| shared(*parameter, dialect));
    let parameters: Vec<Value> = path.chain(query).collect();
    if !parameters.is_empty() {
        out.insert("parameters".into(), parameters.into());
    }
    for operation in &item.operations {
        let mut rendered = render(operation, &common, facts, dialect);
        rendered["tags"] = json!([item.tag]);
        out.insert(operation.method.into(), rendered);
    }
    Value::Object(out)
}

fn common(operations: &[Operation]) -> Vec<Parameter> {
    let mut queries = operations.iter().map(|operation| operation.query);
    let first = queries.next().unwrap_or_default();
    let everywhere =
        |parameter: &&Parameter| queries.clone().all(|query| query.contains(parameter));
    first.iter().filter(everywhere).copied().collect()
}

fn path_parameter(name: &str, dialect: Dialect) -> Value {
    let mut out = json!({"in": "path", "name": name, "required": true});
    typed(&mut out, "string", dialect);
    out
}

fn typed(parameter: &mut Value, ty: &str, dialect: Dialect) {
    match dialect {
        Dialect::V2 => {
            parameter["type"] = ty.into();
            parameter["uniqueItems"] = true.into();
        }
        Dialect::V3 => parameter["schema"] = json!({"type": ty, "uniqueItems": true}),
    }
}

fn query_parameter((name, ty): Parameter, dialect: Dialect) -> Value {
    let mut out = json!({"in": "query", "name": name});
    typed(&mut out, ty, dialect);
    out
}

/// A query parameter, by reference in version 2. Clients that look for `dryRun` and
/// `fieldValidation` there follow no references, so those two stand in place.
fn shared(parameter: Parameter, dialect: Dialect) -> Value {
    let looked_for = parameter == DRY_RUN || parameter == FIELD_VALIDATION;
    if dialect == Dialect::V2 && !looked_for {
        json!({"$ref": format!("#/parameters/{}", parameter.0)})
    } else {
        query_parameter(parameter, dialect)
    }
}

/// The parameters that version 2's paths refer to.
pub(super) fn shared_parameters<'p>(
    items: impl Iterator<Item = &'p PathItem>,
) -> Map<String, Value> {
    let queries = items.flat_map(|item| item.operations.iter().flat_map(|o| o.query));
    queries
        .copied()
        .map(|parameter| {
            (
                parameter.0.to_owned(),
                query_parameter(parameter, Dialect::V2),
            )
        })
        .collect()
}

fn render(operation: &Operation, common: &[Parameter], facts: &Facts, dialect: Dialect) -> Value {
    let own = operation.query.iter();
    let own = own.filter(|parameter| !common.contains(parameter));
    let parameters = own.map(|parameter| shared(*parameter, dialect));
    let mut out = json!({
        "description": operation.description,
        "operationId": operation.id,
        "parameters": parameters.collect::<Vec<_>>(),
        "responses": responses(operation, facts, dialect),
    });
    if let Some(gvk) = &operation.gvk {
        out["x-kubernetes-action"] = operation.action.into();
        out["x-kubernetes-group-version-kind"] = kind(gvk);
    }
    let body = reference(&operation.body, facts, dialect);
    // Options to delete may be left out.
    let required = operation.method != "delete";
    match (dialect, body) {
        (Dialect::V2, body) => {
            if !matches!(operation.answer, Payload::Published(_)) {
                out["consumes"] = consumed(operation).into();
            }
            out["produces"] = produced(operation).into();
            out["schemes"] = json!(["https"]);
            if let (Some(schema), Some(list)) = (body, out["parameters"].as_array_mut()) {
                let mut body = json!({"in": "body", "name": "body", "schema": schema});
                if required {
                    body["required"] = true.into();
                }
                list.insert(0, body);
            }
        }
        (Dialect::V3, Some(schema)) => {
            let content = content(consumed(operation), &schema);
            out["requestBody"] = json!({"content": content});
            if required {
                out["requestBody"]["required"] = true.into();
            }
        }
        (Dialect::V3, None) => {}
    }
    if out["parameters"].as_array().is_some_and(Vec::is_empty) {
        out.as_object_mut().map(|map| map.remove("parameters"));
    }
    out
}

fn kind(gvk: &GroupVersionKind) -> Value {
    json!({"group": gvk.group, "version": gvk.version, "kind": gvk.kind})
}

fn consumed(operation: &Operation) -> &[&'static str] {
    if operation.method == "patch" && operation.action == "patch" {
        PATCH_TYPES
    } else if operation.gvk.is_none() {
        produced(operation)
    } else {
        &["*/*"]
    }
}

fn produced(operation: &Operation) -> &[&'static str] {
    match (operation.action, &operation.answer) {
        (_, Payload::Published(media)) => std::slice::from_ref(media),
        ("list", _) => LIST_TYPES,
        ("connect", _) => &["*/*"],
        (_, Payload::Version) => &["application/json"],
        (_, Payload::Text) => &["text/plain", "application/json", "application/yaml"],
        _ => TYPES,
    }
}

fn reference(payload: &Payload, facts: &Facts, dialect: Dialect) -> Option<Value> {
    if matches!(payload, Payload::Text | Payload::Published(_)) {
        return Some(json!({"type": "string"}));
    }
    let ty = definition(payload, facts)?;
    Some(json!({"$ref": dialect.reference(ty.name())}))
}

fn content(types: &[&str], schema: &Value) -> Map<String, Value> {
    let entry = |ty: &&str| ((*ty).to_owned(), json!({"schema": schema}));
    types.iter().map(entry).collect()
}

fn responses(operation: &Operation, facts: &Facts, dialect: Dialect) -> Map<String, Value> {
    let schema = reference(&operation.answer, facts, dialect);
    let mut out = Map::new();
    for code in operation.codes {
        let description = match code {
            201 => "Created",
            202 => "Accepted",
            _ => "OK",
        };
        let mut response = json!({"description": description});
        match (&schema, dialect) {
            (None, _) => {}
            (Some(schema), Dialect::V2) => response["schema"] = schema.clone(),
            (Some(schema), Dialect::V3) => {
                response["content"] = content(produced(operation), schema).into();
            }
        }
        out.insert(code.to_string(), response);
    }
    out.insert("401".into(), json!({"description": "Unauthorized"}));
    out
}
