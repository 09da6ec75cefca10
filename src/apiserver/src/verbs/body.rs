//! From a request's body to an object of the kind that the path names.

use apimachinery::{
    FieldError, FieldErrors, GroupVersionKind, Object, Path, RequestCx, StatusError,
};
use schema::decode::{self, Decoded, Validation};
use schema::protobuf::ProtobufError;
use schema::{DecodeError, Facts, TypeRef};
use serde_json::Value;

use crate::dispatch::Call;
use crate::negotiate;

/// What a body may be written in.
const ACCEPTED: [&str; 3] = [
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
];

/// Decodes the body as `kind`, checking fields as the client asked.
///
/// # Errors
/// BadRequest in upstream's words, UnsupportedMediaType for another media type.
pub fn decode(
    call: &Call<'_>,
    kind: &GroupVersionKind,
    validation: Validation,
) -> Result<Object, StatusError> {
    let check = |version: &str, said: &str| check_said(version, said, kind);
    let mut object = read(call, kind, facts(kind)?, validation, check)?;
    object.set_gvk(kind);
    Ok(object)
}

/// Decodes DeleteOptions, which clients send in the version of any group. Unknown fields are
/// passed over, as upstream does for this kind.
///
/// # Errors
/// As for [`decode`].
pub fn delete_options(call: &Call<'_>) -> Result<Object, StatusError> {
    const KIND: GroupVersionKind = GroupVersionKind::new("meta.k8s.io", "v1", "DeleteOptions");
    let facts = Facts::builtin()
        .meta("DeleteOptions")
        .ok_or_else(|| StatusError::internal("no schema for DeleteOptions"))?;
    let check = |_: &str, said: &str| match said {
        "" | "DeleteOptions" => Ok(()),
        other => Err(StatusError::bad_request(format!(
            "decoded object cannot be converted to DeleteOptions: it is a {other}"
        ))),
    };
    read(call, &KIND, facts, Validation::Ignore, check)
}

/// Reads the body in the form its media type says. `check` gets the apiVersion and kind that
/// the body claims.
fn read(
    call: &Call<'_>,
    kind: &GroupVersionKind,
    facts: TypeRef<'_>,
    validation: Validation,
    check: impl Fn(&str, &str) -> Result<(), StatusError>,
) -> Result<Object, StatusError> {
    let decoded = match negotiate::content_type(call.headers) {
        "application/json" => {
            let said = decode::type_meta(&call.body)
                .map_err(|error| StatusError::bad_request(error.to_string()))?;
            check(&said.api_version, &said.kind)?;
            decode::decode(&call.body, facts, validation)
        }
        "application/yaml" => {
            let (value, strict) = yaml(&call.body)?;
            let said = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
            check(said("apiVersion"), said("kind"))?;
            decode::decode_value(value, facts, validation, strict)
        }
        "application/vnd.kubernetes.protobuf" => {
            let refused = |error: ProtobufError| StatusError::bad_request(error.to_string());
            let envelope = schema::protobuf::envelope(&call.body).map_err(refused)?;
            check(&envelope.api_version, &envelope.kind)?;
            let value = schema::protobuf::decode(&envelope, kind, facts).map_err(refused)?;
            decode::decode_value(value, facts, validation, Vec::new())
        }
        _ => return Err(StatusError::unsupported_media_type(&ACCEPTED)),
    };
    let decoded = decoded.map_err(|error| cannot_be_handled(kind, &error))?;
    Ok(warned(call.cx, decoded))
}

/// YAML as Go's `sigs.k8s.io/yaml` reads it.
fn yaml(body: &[u8]) -> Result<(Value, Vec<decode::StrictError>), StatusError> {
    let text = std::str::from_utf8(body)
        .map_err(|_| StatusError::bad_request("yaml: invalid UTF-8 in the body"))?;
    let document =
        schema::yaml::decode(text).map_err(|error| StatusError::bad_request(error.to_string()))?;
    let strict = document
        .duplicates
        .into_iter()
        .map(decode::StrictError::Other)
        .collect();
    Ok((document.value, strict))
}

/// Prunes and checks a value that a patch has made. `patch` is what an error shows.
///
/// # Errors
/// Invalid in upstream's words.
pub fn decode_patched(
    cx: &RequestCx,
    value: Value,
    kind: &GroupVersionKind,
    validation: Validation,
    patch: impl Fn() -> String,
) -> Result<Object, StatusError> {
    let decoded =
        decode::decode_value(value, facts(kind)?, validation, Vec::new()).map_err(|error| {
            const NO_KIND: GroupVersionKind = GroupVersionKind::new("", "", "");
            let path = Path::new("patch");
            let error = FieldError::invalid(&path, patch(), error.to_string());
            StatusError::invalid(&NO_KIND, "", &FieldErrors(vec![error]))
        })?;
    Ok(warned(cx, decoded))
}

/// The facts of a kind.
///
/// # Errors
/// An internal error: the table serves a kind that the facts do not know.
pub fn facts(kind: &GroupVersionKind) -> Result<TypeRef<'static>, StatusError> {
    Facts::builtin()
        .kind(kind)
        .ok_or_else(|| StatusError::internal(format!("no schema for {kind}")))
}

fn warned(cx: &RequestCx, decoded: Decoded) -> Object {
    for problem in &decoded.strict {
        cx.warn(problem.to_string());
    }
    decoded.object
}

fn cannot_be_handled(kind: &GroupVersionKind, error: &DecodeError) -> StatusError {
    let (name, version) = (&kind.kind, &kind.version);
    StatusError::bad_request(format!(
        "{name} in version {version:?} cannot be handled as a {name}: {error}"
    ))
}

/// A body that says what it is must be what the path names.
fn check_said(
    said_version: &str,
    said_kind: &str,
    expected: &GroupVersionKind,
) -> Result<(), StatusError> {
    let version = expected.group_version().to_string();
    if !said_version.is_empty() && said_version != version {
        return Err(StatusError::bad_request(format!(
            "the API version in the data ({said_version}) does not match the expected API version \
             ({version})"
        )));
    }
    if !said_kind.is_empty() && said_kind != expected.kind {
        let said = expected.group_version().kind(said_kind.to_owned());
        let why = if Facts::builtin().kind(&said).is_some() {
            // In the names of Go's packages: of the version, and of the group that stores it.
            let row = resources::by_kind(&expected.group, &expected.kind);
            let group = row.map_or(&*expected.group, |row| row.stored_row().group);
            let stored = match group.split_once('.') {
                _ if group.is_empty() => "core",
                Some((first, _)) => first,
                None => group,
            };
            let (version, kind) = (&expected.version, &expected.kind);
            format!("converting ({version}.{said_kind}) to ({stored}.{kind}): unknown conversion")
        } else {
            format!("no kind {said_kind:?} is registered for version {version:?}")
        };
        return Err(StatusError::bad_request(format!(
            "{said_kind} in version {:?} cannot be handled as a {}: {why}",
            expected.version, expected.kind
        )));
    }
    Ok(())
}
