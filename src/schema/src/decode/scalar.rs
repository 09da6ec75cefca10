//! Numbers and texts: what fits which type, and its canonical form.

use apimachinery::Quantity;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::time;
use crate::facts::Shape;

/// Why a scalar does not fit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Its form as Go names it; the place is added by the caller.
    Form(String),
    /// The same, said by a type with a decoder of its own, which does not know its place.
    Inner {
        form: String,
        expected: &'static str,
    },
    /// A whole error text.
    Text(String),
}

/// `ParseQuantity`'s error.
const NO_QUANTITY: &str = "quantities must match the regular expression \
    '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

pub(super) fn number(value: &Value, shape: &Shape) -> Result<Value, Wrong> {
    let literal = || format!("number {value}");
    match shape {
        Shape::Int32 if fits_i32(value) => Ok(value.clone()),
        Shape::Int64 if value.is_i64() => Ok(value.clone()),
        Shape::Int32 | Shape::Int64 => Err(Wrong::Form(literal())),
        Shape::Double => Ok(value.clone()),
        Shape::IntOrString if fits_i32(value) => Ok(value.clone()),
        Shape::IntOrString => Err(Wrong::Inner {
            form: literal(),
            expected: "int32",
        }),
        Shape::Quantity => quantity(&value.to_string()),
        Shape::Time | Shape::MicroTime => Err(Wrong::Inner {
            form: "number".into(),
            expected: "string",
        }),
        _ => Err(Wrong::Form("number".into())),
    }
}

fn fits_i32(value: &Value) -> bool {
    value.as_i64().is_some_and(|n| i32::try_from(n).is_ok())
}

pub(super) fn text(text: String, shape: &Shape) -> Result<Value, Wrong> {
    match shape {
        Shape::String | Shape::IntOrString => Ok(text.into()),
        Shape::Quantity => quantity(&text),
        Shape::Time => time::seconds(text).map(Value::from).map_err(Wrong::Text),
        Shape::MicroTime => time::micros(text).map(Value::from).map_err(Wrong::Text),
        Shape::Bytes => base64_text(text),
        _ => Err(Wrong::Form("string".into())),
    }
}

/// Go keeps a parsed quantity, so what comes back is canonical: `1024Mi` is `1Gi`.
fn quantity(text: &str) -> Result<Value, Wrong> {
    let parsed: Result<Quantity, _> = text.trim().parse();
    parsed
        .map(|quantity| quantity.to_string().into())
        .map_err(|_| Wrong::Text(NO_QUANTITY.into()))
}

/// Line ends inside base64 are allowed and not kept.
fn base64_text(text: String) -> Result<Value, Wrong> {
    let clean = if text.contains(['\n', '\r']) {
        text.replace(['\n', '\r'], "")
    } else {
        text
    };
    let at = match STANDARD.decode(&clean) {
        Ok(_) => return Ok(clean.into()),
        Err(base64::DecodeError::InvalidByte(at, _)) => at,
        Err(base64::DecodeError::InvalidLastSymbol(at, _)) => at,
        Err(base64::DecodeError::InvalidLength(_) | base64::DecodeError::InvalidPadding) => {
            clean.len()
        }
    };
    Err(Wrong::Text(format!(
        "illegal base64 data at input byte {at}"
    )))
}
