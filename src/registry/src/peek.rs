//! One value out of a JSON text, without decoding the rest of it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The value at a JSON pointer; `None` where there is none.
///
/// # Errors
/// When the text is no JSON.
pub fn peek(json: &[u8], pointer: &str) -> serde_json::Result<Option<Value>> {
    let segments: Vec<&str> = pointer.split('/').skip(1).collect();
    At(&segments).deserialize(&mut serde_json::Deserializer::from_slice(json))
}

/// What is left of the pointer.
struct At<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() {
            return serde::Deserialize::deserialize(input).map(Some);
        }
        input.deserialize_any(self)
    }
}

/// Anything but an object or a list has nothing inside.
macro_rules! nothing_inside {
    ($($visit:ident($($of:ty)?)),*) => {
        $(fn $visit<E>(self $(, _: $of)?) -> Result<Self::Value, E> {
            Ok(None)
        })*
    };
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    nothing_inside!(
        visit_bool(bool),
        visit_i64(i64),
        visit_u64(u64),
        visit_f64(f64),
        visit_str(&str),
        visit_unit()
    );

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (first, rest) = self.0.split_first().expect("the end is no container's");
        let mut found = None;
        while let Some(is_it) = map.next_key_seed(Is(first))? {
            if is_it {
                found = map.next_value_seed(At(rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let (first, rest) = self.0.split_first().expect("the end is no container's");
        let wanted: Option<usize> = first.parse().ok();
        let mut found = None;
        for index in 0.. {
            let more = if Some(index) == wanted {
                let item = items.next_element_seed(At(rest))?;
                item.map(|item| found = item).is_some()
            } else {
                items.next_element::<IgnoredAny>()?.is_some()
            };
            if !more {
                break;
            }
        }
        Ok(found)
    }
}

/// Whether a key is this one; keys are compared where they stand.
struct Is<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<bool, D::Error> {
        input.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn finds_what_a_full_decode_would() {
        let whole = json!({
            "a": {"b": "x", "c": [1, {"d": true}], "n": null}, "t": "text", "z": 1.5,
        });
        let text = whole.to_string();
        let pointers = [
            "/a/b", "/a/c/0", "/a/c/1/d", "/a/c/2", "/a/c/x", "/a", "/t", "/t/x", "/z/0", "/none",
            "/a/n", "/a/n/x", "/a/b/c",
        ];
        for pointer in pointers {
            let found = peek(text.as_bytes(), pointer).expect("JSON");
            assert_eq!(found.as_ref(), whole.pointer(pointer), "{pointer}");
        }
        assert!(peek(b"{\"a\":", "/b").is_err());
    }
}
