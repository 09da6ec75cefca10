//! Reading what a body says it is, and nothing else of it.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{DecodeError, TypeMeta};

/// What Go calls the type that it reads the two fields into.
const GO_NAME: &str = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;

/// Parses a text. The outer error is one of syntax, the inner one of form.
pub(super) fn read(text: &str) -> serde_json::Result<Result<TypeMeta, DecodeError>> {
    let Head(found) = serde_json::from_str(text)?;
    Ok(found.map_err(DecodeError::Mismatch))
}

struct Head(Result<TypeMeta, String>);

impl<'de> Deserialize<'de> for Head {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(Whole).map(Head)
    }
}

/// A field's text, or the name of another form.
struct Text(Result<String, &'static str>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(Part).map(Text)
    }
}

/// The body: only an object, or null, holds the fields.
struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Result<TypeMeta, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Ok(TypeMeta::default()))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Err(wrong("bool")))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Err(wrong("number")))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Err(wrong("number")))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Err(wrong("number")))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Err(wrong("string")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        while access.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Err(wrong("array")))
    }

    /// The last of two equal keys counts.
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut found = TypeMeta::default();
        let mut failed = None;
        while let Some(key) = access.next_key::<String>()? {
            let place = match key.as_str() {
                "apiVersion" => &mut found.api_version,
                "kind" => &mut found.kind,
                _ => {
                    access.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            match access.next_value::<Text>()?.0 {
                Ok(text) => *place = text,
                Err(form) => {
                    failed.get_or_insert_with(|| {
                        format!(
                            "json: cannot unmarshal {form} into Go struct field .{key} of type string"
                        )
                    });
                }
            }
        }
        Ok(failed.map_or(Ok(found), Err))
    }
}

fn wrong(form: &str) -> String {
    format!("json: cannot unmarshal {form} into Go value of type {GO_NAME}")
}

struct Part;

impl<'de> Visitor<'de> for Part {
    type Value = Result<String, &'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Ok(String::new()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Ok(text.to_owned()))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Err("bool"))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Err("number"))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Err("number"))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Err("number"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        while access.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Err("array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Err("object"))
    }
}
