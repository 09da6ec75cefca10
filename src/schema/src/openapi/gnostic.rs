//! OpenAPI version 2 as gnostic's protobuf messages, which `kubectl` reads.
//!
//! The tables say which JSON key is which field of which message; [`encode`] walks a JSON
//! document along them. Keys that begin with `x-` go into the message's vendor extension.

use serde_json::{Map, Value};

use super::protobuf::Message;

/// The fields of a message, and the field of its vendor extension (0 for none).
pub(super) struct Spec {
    fields: &'static [(&'static str, u32, Form)],
    extension: u32,
}

/// How a JSON value becomes a field.
enum Form {
    Text,
    Texts,
    Flag,
    Int,
    Double,
    /// A value of any form, as YAML text.
    Any,
    Anys,
    /// A message; the numbers are of messages around it that hold nothing else.
    In(&'static [u32], &'static Spec),
    Many(&'static Spec),
    /// A map, as a message of `{name, value}` pairs; the numbers are of messages around each
    /// value.
    Named(&'static [u32], &'static Spec),
    /// One text or several, in a message of their own.
    Words,
    /// A boolean or a schema.
    FlagOrSchema,
    Parameters,
    ParameterMap,
    /// `[{scheme: [scope]}]`.
    Requirements,
}

use Form::{Any, Anys, Double, Flag, In, Int, Many, Named, Text, Texts, Words};

pub(super) static DOCUMENT: Spec = Spec {
    fields: &[
        ("swagger", 1, Text),
        ("info", 2, In(&[], &INFO)),
        ("security", 12, Form::Requirements),
        ("securityDefinitions", 13, Named(&[2], &API_KEY)),
        ("parameters", 10, Form::ParameterMap),
    ],
    extension: 16,
};
static INFO: Spec = Spec {
    fields: &[
        ("title", 1, Text),
        ("version", 2, Text),
        ("description", 3, Text),
    ],
    extension: 7,
};
static API_KEY: Spec = Spec {
    fields: &[
        ("type", 1, Text),
        ("name", 2, Text),
        ("in", 3, Text),
        ("description", 4, Text),
    ],
    extension: 5,
};
pub(super) static SCHEMA: Spec = Spec {
    fields: &[
        ("$ref", 1, Text),
        ("format", 2, Text),
        ("title", 3, Text),
        ("description", 4, Text),
        ("default", 5, Any),
        ("multipleOf", 6, Double),
        ("maximum", 7, Double),
        ("exclusiveMaximum", 8, Flag),
        ("minimum", 9, Double),
        ("exclusiveMinimum", 10, Flag),
        ("maxLength", 11, Int),
        ("minLength", 12, Int),
        ("pattern", 13, Text),
        ("maxItems", 14, Int),
        ("minItems", 15, Int),
        ("uniqueItems", 16, Flag),
        ("maxProperties", 17, Int),
        ("minProperties", 18, Int),
        ("required", 19, Texts),
        ("enum", 20, Anys),
        ("additionalProperties", 21, Form::FlagOrSchema),
        ("type", 22, Words),
        ("items", 23, In(&[1], &SCHEMA)),
        ("allOf", 24, Many(&SCHEMA)),
        ("properties", 25, Named(&[], &SCHEMA)),
        ("example", 30, Any),
    ],
    extension: 31,
};
pub(super) static PATH_ITEM: Spec = Spec {
    fields: &[
        ("get", 2, In(&[], &OPERATION)),
        ("put", 3, In(&[], &OPERATION)),
        ("post", 4, In(&[], &OPERATION)),
        ("delete", 5, In(&[], &OPERATION)),
        ("options", 6, In(&[], &OPERATION)),
        ("head", 7, In(&[], &OPERATION)),
        ("patch", 8, In(&[], &OPERATION)),
        ("parameters", 9, Form::Parameters),
    ],
    extension: 10,
};
static OPERATION: Spec = Spec {
    fields: &[
        ("tags", 1, Texts),
        ("description", 3, Text),
        ("operationId", 5, Text),
        ("produces", 6, Texts),
        ("consumes", 7, Texts),
        ("parameters", 8, Form::Parameters),
        ("responses", 9, Named(&[1], &RESPONSE)),
        ("schemes", 10, Texts),
    ],
    extension: 13,
};
static RESPONSE: Spec = Spec {
    fields: &[("description", 1, Text), ("schema", 2, In(&[1], &SCHEMA))],
    extension: 5,
};
static BODY_PARAMETER: Spec = Spec {
    fields: &[
        ("description", 1, Text),
        ("name", 2, Text),
        ("in", 3, Text),
        ("required", 4, Flag),
        ("schema", 5, In(&[], &SCHEMA)),
    ],
    extension: 6,
};
static QUERY_PARAMETER: Spec = Spec {
    fields: &[
        ("required", 1, Flag),
        ("in", 2, Text),
        ("description", 3, Text),
        ("name", 4, Text),
        ("type", 6, Text),
        ("format", 7, Text),
        ("uniqueItems", 20, Flag),
    ],
    extension: 23,
};
static PATH_PARAMETER: Spec = Spec {
    fields: &[
        ("required", 1, Flag),
        ("in", 2, Text),
        ("description", 3, Text),
        ("name", 4, Text),
        ("type", 5, Text),
        ("format", 6, Text),
        ("uniqueItems", 19, Flag),
    ],
    extension: 22,
};

/// A JSON object as the message it stands for. Keys the message does not know are left out.
pub(super) fn encode(value: &Value, spec: &Spec) -> Message {
    let mut out = Message::default();
    let Some(map) = value.as_object() else {
        return out;
    };
    for (key, number, form) in spec.fields {
        if let Some(value) = map.get(*key) {
            field(&mut out, *number, form, value);
        }
    }
    if spec.extension != 0 {
        extensions(&mut out, spec.extension, map);
    }
    out
}

/// `{name, value}`.
pub(super) fn pair(name: &str, value: &Message) -> Message {
    let mut out = Message::default();
    out.text(1, name);
    out.message(2, value);
    out
}

fn extensions(out: &mut Message, number: u32, map: &Map<String, Value>) {
    for (key, value) in map.iter().filter(|(key, _)| key.starts_with("x-")) {
        out.message(number, &pair(key, &any(value)));
    }
}

/// gnostic's `Any`: JSON is YAML.
fn any(value: &Value) -> Message {
    let mut out = Message::default();
    out.text(2, &value.to_string());
    out
}

fn wrap(numbers: &[u32], message: Message) -> Message {
    numbers.iter().rev().fold(message, |inner, number| {
        let mut outer = Message::default();
        outer.message(*number, &inner);
        outer
    })
}

fn field(out: &mut Message, number: u32, form: &Form, value: &Value) {
    let items = || value.as_array().into_iter().flatten();
    let entries = || value.as_object().into_iter().flatten();
    match form {
        Form::Text => value
            .as_str()
            .iter()
            .for_each(|text| out.text(number, text)),
        Form::Texts => {
            let texts = items().filter_map(Value::as_str);
            texts.for_each(|text| out.text(number, text));
        }
        Form::Flag => value
            .as_bool()
            .iter()
            .for_each(|flag| out.flag(number, *flag)),
        Form::Int => value.as_i64().iter().for_each(|n| out.int(number, *n)),
        Form::Double => value.as_f64().iter().for_each(|n| out.double(number, *n)),
        Form::Any => out.message(number, &any(value)),
        Form::Anys => items().for_each(|item| out.message(number, &any(item))),
        Form::In(around, spec) => out.message(number, &wrap(around, encode(value, spec))),
        Form::Many(spec) => items().for_each(|item| out.message(number, &encode(item, spec))),
        Form::Named(around, spec) => {
            let mut map = Message::default();
            for (name, value) in entries() {
                let value = wrap(around, encode(value, spec));
                map.message(1, &pair(name, &value));
            }
            out.message(number, &map);
        }
        Form::Words => out.message(number, &words(value)),
        Form::FlagOrSchema => out.message(number, &flag_or_schema(value)),
        Form::Parameters => items().for_each(|item| out.message(number, &parameters_item(item))),
        Form::ParameterMap => {
            let mut map = Message::default();
            for (name, value) in entries() {
                map.message(1, &pair(name, &parameter(value)));
            }
            out.message(number, &map);
        }
        Form::Requirements => items().for_each(|item| out.message(number, &requirement(item))),
    }
}

fn words(value: &Value) -> Message {
    let mut out = Message::default();
    match value {
        Value::String(word) => out.text(1, word),
        other => field(&mut out, 1, &Form::Texts, other),
    }
    out
}

fn flag_or_schema(value: &Value) -> Message {
    let mut out = Message::default();
    match value {
        Value::Bool(flag) => out.flag(2, *flag),
        schema => out.message(1, &encode(schema, &SCHEMA)),
    }
    out
}

fn requirement(value: &Value) -> Message {
    let mut out = Message::default();
    for (name, scopes) in value.as_object().into_iter().flatten() {
        out.message(1, &pair(name, &words(scopes)));
    }
    out
}

/// A parameter in place, or a reference to one.
fn parameters_item(value: &Value) -> Message {
    let mut out = Message::default();
    if let Some(target) = value.get("$ref").and_then(Value::as_str) {
        let mut reference = Message::default();
        reference.text(1, target);
        out.message(2, &reference);
    } else {
        out.message(1, &parameter(value));
    }
    out
}

fn parameter(value: &Value) -> Message {
    let place = value.get("in").and_then(Value::as_str).unwrap_or_default();
    match place {
        "body" => wrap(&[1], encode(value, &BODY_PARAMETER)),
        "path" => wrap(&[2, 4], encode(value, &PATH_PARAMETER)),
        _ => wrap(&[2, 3], encode(value, &QUERY_PARAMETER)),
    }
}
