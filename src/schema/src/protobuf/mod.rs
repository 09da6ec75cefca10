//! `application/vnd.kubernetes.protobuf` bodies as JSON values, by the facts' field numbers.
//!
//! Go's encoder writes every field that is no pointer, zero or not. Zeros that Go's JSON would
//! leave out are left out here, so that both forms of one object read the same.

mod wire;

use apimachinery::GroupVersionKind;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::facts::{Message, MessageField, Messages, TypeRef};
use wire::{Fields, Wire};

/// What a body begins with.
const MAGIC: &[u8] = b"k8s\0";
/// Messages within messages; the same bound as JSON's.
const MAX_DEPTH: usize = 127;
const META: &str = "k8s.io.apimachinery.pkg.apis.meta.v1";

/// Why a body is no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    #[error("provided data does not appear to be a protobuf message, expected prefix {MAGIC:?}")]
    Magic,
    #[error("protobuf: the message ends too early")]
    Truncated,
    #[error("protobuf: the message holds {0} that is not valid")]
    Malformed(&'static str),
    #[error("protobuf: messages are nested too deep")]
    Depth,
    /// A kind or message without field numbers: the client may send JSON instead.
    #[error("protobuf: no field numbers are known for {0}")]
    Unknown(String),
    #[error("protobuf: the object is encoded as {0:?} within the message")]
    Encoding(String),
}

/// What the envelope says, and the object's own message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    pub api_version: String,
    pub kind: String,
    raw: &'a [u8],
}

/// Opens the envelope (`runtime.Unknown`).
///
/// # Errors
/// When the bytes are no envelope, or the object within is compressed or in another form.
pub fn envelope(body: &[u8]) -> Result<Envelope<'_>, ProtobufError> {
    let unknown = body.strip_prefix(MAGIC).ok_or(ProtobufError::Magic)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for field in Fields(unknown) {
        match field? {
            (1, wire) => {
                for field in Fields(wire.bytes()?) {
                    match field? {
                        (1, wire) => api_version = wire.text()?.to_owned(),
                        (2, wire) => kind = wire.text()?.to_owned(),
                        _ => {}
                    }
                }
            }
            (2, wire) => raw = wire.bytes()?,
            (3 | 4, wire) if !wire.bytes()?.is_empty() => {
                return Err(ProtobufError::Encoding(wire.text()?.to_owned()));
            }
            _ => {}
        }
    }
    Ok(Envelope {
        api_version,
        kind,
        raw,
    })
}

/// The object in an envelope, as `kind`'s type prints it in JSON.
///
/// # Errors
/// See [`ProtobufError`].
pub fn decode(
    envelope: &Envelope<'_>,
    kind: &GroupVersionKind,
    ty: TypeRef<'_>,
) -> Result<Value, ProtobufError> {
    let name = message_name(ty.name());
    let mut object = decode_message(&name, Some(ty), envelope.raw, 0)?;
    object.insert("apiVersion".into(), kind.group_version().to_string().into());
    object.insert("kind".into(), kind.kind.as_ref().into());
    Ok(object.into())
}

/// `io.k8s.api.core.v1.Pod` is the message `k8s.io.api.core.v1.Pod`.
fn message_name(definition: &str) -> String {
    definition
        .replacen("io.k8s.", "k8s.io.", 1)
        .replace('-', "_")
}

/// The full name of a field's message: those of the same package are named shortly.
fn resolve(ty: &str, of: &str) -> String {
    // The values of maps are named from the root.
    if let Some(absolute) = ty.strip_prefix('.') {
        return absolute.to_owned();
    }
    if ty.contains('.') {
        return ty.to_owned();
    }
    let package = of.rsplit_once('.').map_or("", |(package, _)| package);
    format!("{package}.{ty}")
}

fn find(name: &str) -> Result<&'static Message, ProtobufError> {
    Messages::builtin()
        .get(name)
        .ok_or_else(|| ProtobufError::Unknown(name.to_owned()))
}

fn decode_message(
    name: &str,
    ty: Option<TypeRef<'_>>,
    bytes: &[u8],
    depth: usize,
) -> Result<Map<String, Value>, ProtobufError> {
    if depth > MAX_DEPTH {
        return Err(ProtobufError::Depth);
    }
    let message = find(name)?;
    let mut object = Map::new();
    for field in Fields(bytes) {
        let (number, wire) = field?;
        // A field of a later version is passed over, as Go does.
        let Some(fact) = message.0.iter().find(|fact| fact.number == number) else {
            continue;
        };
        decode_field(name, fact, ty, wire, &mut object, depth)?;
    }
    Ok(object)
}

fn decode_field(
    of: &str,
    fact: &MessageField,
    ty: Option<TypeRef<'_>>,
    wire: Wire<'_>,
    object: &mut Map<String, Value>,
    depth: usize,
) -> Result<(), ProtobufError> {
    let key = json_name(fact, ty);
    let known = ty.and_then(|ty| ty.field(key));
    let field_type = ty.and_then(|ty| ty.child(key));
    if let Some(value_type) = fact
        .ty
        .strip_prefix("map<string, ")
        .and_then(|t| t.strip_suffix('>'))
    {
        let entries = object.entry(key).or_insert_with(|| Map::new().into());
        let (key, value) = map_entry(of, value_type, field_type, wire.bytes()?, depth)?;
        if let Some(entries) = entries.as_object_mut() {
            entries.insert(key, value);
        }
        return Ok(());
    }
    let inlined = ty.is_some() && known.is_none() && !is_scalar(&fact.ty);
    if inlined {
        let nested = decode_message(&resolve(&fact.ty, of), ty, wire.bytes()?, depth + 1)?;
        object.extend(nested);
        return Ok(());
    }
    if fact.repeated {
        let item_type = field_type.and_then(TypeRef::item);
        let value = decode_value(of, &fact.ty, item_type, wire, depth)?;
        let list = object
            .entry(key)
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Some(list) = list.as_array_mut() {
            list.push(value);
        }
        return Ok(());
    }
    let value = decode_value(of, &fact.ty, field_type, wire, depth)?;
    let omit = known.is_some_and(|field| field.omit_zero) && is_zero(&value);
    if !omit && !value.is_null() {
        object.insert(key.to_owned(), value);
    }
    Ok(())
}

/// What a message's field is called in JSON. A few messages spell it otherwise: `uID` is `uid`,
/// `xKubernetesMapType` is `x-kubernetes-map-type`.
fn json_name<'a>(fact: &'a MessageField, ty: Option<TypeRef<'a>>) -> &'a str {
    let Some(ty) = ty.filter(|ty| ty.field(&fact.name).is_none()) else {
        return &fact.name;
    };
    let same = |name: &str| {
        let letters = name.bytes().filter(u8::is_ascii_alphanumeric);
        letters
            .map(|letter| letter.to_ascii_lowercase())
            .eq(fact.name.bytes().map(|letter| letter.to_ascii_lowercase()))
    };
    let named = ty.fields().iter().find(|field| same(&field.name));
    named.map_or(&*fact.name, |field| &*field.name)
}

fn map_entry(
    of: &str,
    value_type: &str,
    field_type: Option<TypeRef<'_>>,
    bytes: &[u8],
    depth: usize,
) -> Result<(String, Value), ProtobufError> {
    let mut key = String::new();
    // An absent value is the zero of its type.
    let mut value = if value_type == "string" {
        "".into()
    } else {
        Value::Null
    };
    for field in Fields(bytes) {
        match field? {
            (1, wire) => key = wire.text()?.to_owned(),
            (2, wire) => {
                let item_type = field_type.and_then(TypeRef::item);
                value = decode_value(of, value_type, item_type, wire, depth)?;
            }
            _ => {}
        }
    }
    Ok((key, value))
}

fn is_scalar(ty: &str) -> bool {
    matches!(
        ty,
        "string" | "bytes" | "bool" | "int32" | "int64" | "double" | "uint32" | "uint64"
    )
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        // Go prints an empty struct that is no pointer.
        Value::Object(_) => false,
    }
}

fn decode_value(
    of: &str,
    ty: &str,
    json_type: Option<TypeRef<'_>>,
    wire: Wire<'_>,
    depth: usize,
) -> Result<Value, ProtobufError> {
    Ok(match ty {
        "string" => wire.text()?.into(),
        "bytes" => STANDARD.encode(wire.bytes()?).into(),
        "bool" => (wire.number()? != 0).into(),
        "int32" | "int64" | "uint32" | "uint64" => wire.number()?.into(),
        "double" => wire.double()?.into(),
        message => {
            let name = resolve(message, of);
            match special(&name, wire)? {
                Some(value) => value,
                None => decode_message(&name, json_type, wire.bytes()?, depth + 1)?.into(),
            }
        }
    })
}

/// Messages whose JSON is not an object of their fields.
fn special(name: &str, wire: Wire<'_>) -> Result<Option<Value>, ProtobufError> {
    let (package, short) = name.rsplit_once('.').unwrap_or(("", name));
    Ok(Some(match (package, short) {
        (META, "Time") => time(wire, apimachinery::time::format)?,
        (META, "MicroTime") => time(wire, apimachinery::time::format_micro)?,
        ("k8s.io.apimachinery.pkg.api.resource", "Quantity") => {
            first(wire, 1, |w| w.text().map(Value::from))?
        }
        ("k8s.io.apimachinery.pkg.util.intstr", "IntOrString") => int_or_string(wire)?,
        (META, "FieldsV1")
        | ("k8s.io.apimachinery.pkg.runtime", "RawExtension")
        | ("k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1", "JSON") => {
            first(wire, 1, |w| {
                let raw = w.bytes()?;
                if raw.is_empty() {
                    return Ok(Value::Null);
                }
                serde_json::from_slice(raw).map_err(|_| ProtobufError::Malformed("raw JSON"))
            })?
        }
        _ => return Ok(None),
    }))
}

/// The field of this number, or null when it is absent.
fn first(
    wire: Wire<'_>,
    number: u32,
    read: impl Fn(Wire<'_>) -> Result<Value, ProtobufError>,
) -> Result<Value, ProtobufError> {
    for field in Fields(wire.bytes()?) {
        match field? {
            (found, wire) if found == number => return read(wire),
            _ => {}
        }
    }
    Ok(Value::Null)
}

/// Go's zero time is an empty message, and null in JSON.
fn time(wire: Wire<'_>, format: fn(Timestamp) -> String) -> Result<Value, ProtobufError> {
    let (mut seconds, mut nanos) = (None, 0);
    for field in Fields(wire.bytes()?) {
        match field? {
            (1, wire) => seconds = Some(wire.number()?),
            (2, wire) => nanos = wire.number()?,
            _ => {}
        }
    }
    let Some(seconds) = seconds.filter(|seconds| *seconds != 0 || nanos != 0) else {
        return Ok(Value::Null);
    };
    let nanos = i32::try_from(nanos).map_err(|_| ProtobufError::Malformed("a time"))?;
    let time = Timestamp::new(seconds, nanos).map_err(|_| ProtobufError::Malformed("a time"))?;
    Ok(format(time).into())
}

fn int_or_string(wire: Wire<'_>) -> Result<Value, ProtobufError> {
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    for field in Fields(wire.bytes()?) {
        match field? {
            (1, wire) => is_text = wire.number()? == 1,
            (2, wire) => number = wire.number()?,
            (3, wire) => text = wire.text()?.to_owned(),
            _ => {}
        }
    }
    Ok(if is_text { text.into() } else { number.into() })
}

#[cfg(test)]
mod tests;
