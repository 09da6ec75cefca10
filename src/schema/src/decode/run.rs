//! The walk itself: a serde seed that carries the type, so that parsing, pruning and finding
//! what is wrong are one pass.

use std::collections::HashSet;
use std::fmt::{self, Write as _};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::{Map, Value};

use super::scalar::{self, Wrong};
use super::{StrictError, syntax};
use crate::facts::{Field, Shape, TypeRef};

/// Upstream stops collecting here, so that an error stays an error and not a document.
const MAX_STRICT_ERRORS: usize = 100;

/// Nor do the paths together grow past this, whatever keys a client sends.
const MAX_STRICT_BYTES: usize = 64 * 1024;

/// What the walk has found and where it is.
#[derive(Debug)]
pub(super) struct Run<'f> {
    collect: bool,
    /// Bytes that strict errors may still take.
    room: usize,
    strict: Vec<StrictError>,
    seen: HashSet<StrictError>,
    mismatch: Option<String>,
    /// The number that the mismatch is about, when only the text tells how it was written.
    float: Option<f64>,
    /// `spec.containers[0].name`, as strict errors name a place.
    path: String,
    /// `spec.containers.name`, as Go's mismatches name it: fields only.
    fields: String,
    /// The struct whose field is being read.
    owner: &'f str,
}

/// Where the walk was, to go back there.
struct Mark<'f>(usize, usize, &'f str);

impl<'f> Run<'f> {
    pub(super) fn new(collect: bool) -> Self {
        Self {
            collect,
            room: MAX_STRICT_BYTES,
            strict: Vec::new(),
            seen: HashSet::new(),
            mismatch: None,
            float: None,
            path: String::new(),
            fields: String::new(),
            owner: "",
        }
    }

    /// Says a mismatched number as the client wrote it: 2^64 is no `1.8446744073709552e19`.
    pub(super) fn quote(&mut self, text: &str) {
        if let (Some(float), Some(mismatch)) = (self.float, &mut self.mismatch)
            && let Some(literal) = syntax::written(text, float)
        {
            let shown = format!("number {}", Value::from(float));
            *mismatch = mismatch.replacen(&shown, &format!("number {literal}"), 1);
        }
    }

    pub(super) fn into_findings(self) -> (Vec<StrictError>, Option<String>) {
        (self.strict, self.mismatch)
    }

    /// Notes a strict error once.
    pub(super) fn refuse(&mut self, error: StrictError) {
        let wanted = self.collect && self.strict.len() < MAX_STRICT_ERRORS;
        if wanted && self.seen.insert(error.clone()) {
            self.strict.push(error);
        }
    }

    /// Notes a strict error at this place. The first one is always noted.
    fn refuse_here(&mut self, error: fn(String) -> StrictError) {
        let fits = self.strict.is_empty() || self.path.len() <= self.room;
        if self.collect && fits && self.strict.len() < MAX_STRICT_ERRORS {
            self.room = self.room.saturating_sub(self.path.len());
            self.refuse(error(self.path.clone()));
        }
    }

    /// Notes an error that ends decoding in Go; the first one counts.
    pub(super) fn fail(&mut self, text: String) {
        self.mismatch.get_or_insert(text);
    }

    /// Notes that a value of this form (`string`, `number 1.5`) does not fit the type.
    fn mismatch(&mut self, form: &str, ty: TypeRef<'_>) -> Value {
        let place = if self.owner.is_empty() {
            "Go value".to_owned()
        } else {
            format!("Go struct field {}.{}", self.owner, self.fields)
        };
        let name = ty.go_name();
        self.fail(format!(
            "json: cannot unmarshal {form} into {place} of type {name}"
        ));
        Value::Null
    }

    fn mark(&self) -> Mark<'f> {
        Mark(self.path.len(), self.fields.len(), self.owner)
    }

    fn back_to(&mut self, mark: &Mark<'f>) {
        self.path.truncate(mark.0);
        self.fields.truncate(mark.1);
        self.owner = mark.2;
    }

    fn enter_key(&mut self, key: &str) {
        if !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(key);
    }

    fn enter_field(&mut self, owner: &'f str, name: &str) {
        self.enter_key(name);
        if !self.fields.is_empty() {
            self.fields.push('.');
        }
        self.fields.push_str(name);
        self.owner = owner;
    }

    fn enter_index(&mut self, index: usize) {
        write!(self.path, "[{index}]").expect("writing to a text works");
    }
}

/// A place in the text and the type that belongs there.
pub(super) struct Node<'w, 'f> {
    run: &'w mut Run<'f>,
    ty: TypeRef<'f>,
}

impl<'w, 'f> Node<'w, 'f> {
    pub(super) fn root(run: &'w mut Run<'f>, ty: TypeRef<'f>) -> Self {
        Self { run, ty }
    }

    fn below(&mut self, ty: TypeRef<'f>) -> Node<'_, 'f> {
        Node { run: self.run, ty }
    }

    /// One field of a struct; `seen` has a bit per field.
    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        key: String,
        (at, field): (usize, &'f Field),
        (out, seen): (&mut Map<String, Value>, &mut u128),
        access: &mut A,
    ) -> Result<(), A::Error> {
        if *seen & (1 << at) != 0 {
            self.run.refuse_here(StrictError::Duplicate);
        }
        *seen |= 1 << at;
        let ty = self.ty.facts().get(field.ty);
        match access.next_value_seed(self.below(ty))? {
            Value::Null => out.remove(&key),
            value => out.insert(key, value),
        };
        Ok(())
    }

    fn read_struct<'de, A: MapAccess<'de>>(mut self, mut access: A) -> Result<Value, A::Error> {
        let (mut out, mut seen) = (Map::new(), 0);
        let mark = self.run.mark();
        let fields = self.ty.fields();
        while let Some(key) = access.next_key::<String>()? {
            self.run.enter_field(self.ty.short_name(), &key);
            match fields.binary_search_by(|field| field.name.as_ref().cmp(&key)) {
                Ok(at) => self.field(key, (at, &fields[at]), (&mut out, &mut seen), &mut access)?,
                Err(_) => {
                    self.run.refuse_here(StrictError::Unknown);
                    access.next_value::<IgnoredAny>()?;
                }
            }
            self.run.back_to(&mark);
        }
        Ok(Value::Object(out))
    }

    fn read_map<'de, A: MapAccess<'de>>(
        mut self,
        value: TypeRef<'f>,
        mut access: A,
    ) -> Result<Value, A::Error> {
        let mut out = Map::new();
        let mark = self.run.mark();
        while let Some(key) = access.next_key::<String>()? {
            self.run.enter_key(&key);
            if out.contains_key(&key) {
                self.run.refuse_here(StrictError::Duplicate);
            }
            let entry = access.next_value_seed(self.below(value))?;
            out.insert(key, present(entry, value));
            self.run.back_to(&mark);
        }
        Ok(Value::Object(out))
    }
}

/// A null in a list or map is Go's zero value there: a list has no absent items.
fn present(value: Value, ty: TypeRef<'_>) -> Value {
    if !value.is_null() {
        return value;
    }
    match ty.shape() {
        Shape::String | Shape::Bytes => "".into(),
        Shape::Bool => false.into(),
        Shape::Int32 | Shape::Int64 | Shape::Double | Shape::IntOrString => 0.into(),
        Shape::Quantity => "0".into(),
        Shape::Struct { .. } => Value::Object(Map::new()),
        Shape::Time | Shape::MicroTime | Shape::Any | Shape::List { .. } | Shape::Map { .. } => {
            Value::Null
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        if matches!(self.ty.shape(), Shape::Any) {
            return Value::deserialize(source);
        }
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.ty.go_name())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(match self.ty.shape() {
            Shape::Bool => value.into(),
            Shape::IntOrString => self.inner_mismatch("bool", "int32"),
            Shape::Time | Shape::MicroTime => self.inner_mismatch("bool", "string"),
            _ => self.run.mismatch("bool", self.ty),
        })
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(self.number(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(self.number(value.into()))
    }

    fn visit_f64<E: de::Error>(mut self, value: f64) -> Result<Value, E> {
        let before = self.run.mismatch.is_some();
        let ty = self.ty;
        let read = self.below(ty).number(value.into());
        if !before && self.run.mismatch.is_some() {
            self.run.float = Some(value);
        }
        Ok(read)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        Ok(self.text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut access: A) -> Result<Value, A::Error> {
        let Some(item) = self.ty.item() else {
            while access.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(self.run.mismatch("array", self.ty));
        };
        let mut out = Vec::new();
        let mark = self.run.mark();
        self.run.enter_index(0);
        while let Some(value) = access.next_element_seed(self.below(item))? {
            out.push(present(value, item));
            self.run.back_to(&mark);
            self.run.enter_index(out.len());
        }
        self.run.back_to(&mark);
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        match self.ty.shape() {
            Shape::Struct { .. } => self.read_struct(access),
            Shape::Map { value, .. } => {
                let value = self.ty.facts().get(*value);
                self.read_map(value, access)
            }
            _ => {
                while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(self.run.mismatch("object", self.ty))
            }
        }
    }
}

impl Node<'_, '_> {
    /// A type with a decoder of its own does not know its place.
    fn inner_mismatch(self, form: &str, expected: &str) -> Value {
        let text = format!("json: cannot unmarshal {form} into Go value of type {expected}");
        self.run.fail(text);
        Value::Null
    }

    fn number(self, value: Value) -> Value {
        let read = scalar::number(&value, self.ty.shape());
        self.settle(read)
    }

    fn text(self, text: String) -> Value {
        let read = scalar::text(text, self.ty.shape());
        self.settle(read)
    }

    /// Notes what is wrong with a scalar; a wrong one counts as null until decoding ends.
    fn settle(self, read: Result<Value, Wrong>) -> Value {
        match read {
            Ok(value) => value,
            Err(Wrong::Form(form)) => self.run.mismatch(&form, self.ty),
            Err(Wrong::Inner { form, expected }) => self.inner_mismatch(&form, expected),
            Err(Wrong::Text(text)) => {
                self.run.fail(text);
                Value::Null
            }
        }
    }
}
