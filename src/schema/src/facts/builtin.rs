//! Unpacks the embedded facts into the table.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::sync::Arc;

use flate2::read::ZlibDecoder;
use serde::Deserialize;
use serde_json::Value;

use super::zeros;
use super::{Facts, Field, ListType, MapType, PatchFacts, Shape, Type, TypeId};

static TYPES: &[u8] = include_bytes!("../../data/types.json.zz");

#[derive(Deserialize)]
struct Source<'a> {
    #[serde(borrow)]
    kinds: HashMap<&'a str, &'a str>,
    #[serde(borrow)]
    types: BTreeMap<&'a str, SourceType<'a>>,
}

#[derive(Deserialize)]
struct SourceType<'a> {
    #[serde(borrow, default)]
    fields: BTreeMap<&'a str, SourceField<'a>>,
    #[serde(borrow, default)]
    gvk: Vec<&'a str>,
    /// What it is when it has no fields: `object`, `any`, `string:date-time`.
    is: Option<&'a str>,
    map: Option<&'a str>,
    #[serde(default)]
    unions: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceField<'a> {
    /// `string`, `integer:int32`, `[T]`, `{T}`, or a definition's name.
    #[serde(rename = "type")]
    ty: &'a str,
    #[serde(default)]
    required: bool,
    list: Option<&'a str>,
    #[serde(borrow, default)]
    keys: Vec<Cow<'a, str>>,
    map: Option<&'a str>,
    merge_key: Option<&'a str>,
    patch: Option<&'a str>,
    default: Option<Value>,
}

/// Definitions that hold JSON of any form, though the facts call them objects.
const RAW: &[&str] = &["FieldsV1", "Patch", "RawExtension"];

/// What a build or `examples/embed_facts.rs` packed.
pub(crate) fn unpack(packed: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(packed.len() * 12);
    ZlibDecoder::new(packed)
        .read_to_end(&mut text)
        .expect("embedded bytes are whole");
    text
}

pub(super) fn load() -> Facts {
    let text = unpack(TYPES);
    let source: Source = serde_json::from_slice(&text).expect("embedded facts have this form");
    let mut loader = Loader::default();
    for name in source.types.keys() {
        loader.declare(name);
    }
    for (name, ty) in &source.types {
        loader.define(name, ty);
    }
    // Options are published under many group versions, of which `kinds` names none.
    let options = source.types.iter();
    let options = options.flat_map(|(name, ty)| ty.gvk.iter().map(move |kind| (kind, name)));
    let kinds = options.chain(&source.kinds);
    loader.facts.kinds = kinds
        .map(|(kind, name)| (Box::from(*kind), loader.facts.names[*name]))
        .collect();
    loader.facts.types.shrink_to_fit();
    loader.facts
}

#[derive(Default)]
struct Loader {
    facts: Facts,
    /// Lists, maps and plain values already made, by expression and list type.
    expressions: HashMap<(String, ListType), TypeId>,
    words: HashSet<Arc<str>>,
}

impl Loader {
    fn push(&mut self, name: Arc<str>, shape: Shape) -> TypeId {
        let id = u32::try_from(self.facts.types.len()).expect("a few thousand types");
        let kinds = Box::default();
        self.facts.types.push(Type { name, shape, kinds });
        TypeId(id)
    }

    fn word(&mut self, text: &str) -> Arc<str> {
        if let Some(word) = self.words.get(text) {
            return word.clone();
        }
        let word: Arc<str> = text.into();
        self.words.insert(word.clone());
        word
    }

    /// Gives a definition its place, so that others may refer to it before it is filled in.
    fn declare(&mut self, name: &str) {
        let name: Arc<str> = name.into();
        let id = self.push(name.clone(), Shape::Any);
        self.facts.names.insert(name, id);
    }

    fn define(&mut self, name: &str, source: &SourceType<'_>) {
        let short = name.rsplit('.').next().unwrap_or_default();
        let shape = match source.is {
            Some("object") if RAW.contains(&short) => Shape::Any,
            Some("any") => Shape::Any,
            Some("string:int-or-string") => Shape::IntOrString,
            Some("string:date-time") if short == "MicroTime" => Shape::MicroTime,
            Some("string:date-time") => Shape::Time,
            Some("string") => Shape::Quantity,
            _ => Shape::Struct {
                fields: source
                    .fields
                    .iter()
                    .map(|(name, field)| self.field(short, name, field))
                    .collect(),
                atomic: source.map == Some("atomic"),
                unions: source.unions.clone().into(),
            },
        };
        let id = self.facts.names[name];
        let ty = &mut self.facts.types[id.index()];
        ty.shape = shape;
        ty.kinds = source.gvk.iter().map(|kind| Box::from(*kind)).collect();
    }

    fn field(&mut self, owner: &str, name: &str, source: &SourceField<'_>) -> Field {
        let list = match source.list {
            Some("map") => ListType::Map(source.keys.iter().map(|key| self.word(key)).collect()),
            Some("set") => ListType::Set,
            declared => ListType::Atomic {
                declared: declared.is_some(),
            },
        };
        let strategies = source.patch.unwrap_or_default();
        let has = |wanted: &str| strategies.split(',').any(|one| one == wanted);
        Field {
            name: self.word(name),
            ty: self.expression(source.ty, list),
            required: source.required,
            omit_zero: zeros::omitted(owner, name, source.ty == "string"),
            map_type: source.map.map(|map| match map {
                "atomic" => MapType::Atomic,
                _ => MapType::Granular,
            }),
            default: source.default.clone().map(Box::new),
            patch: PatchFacts {
                merge_key: source.merge_key.map(|key| self.word(key)),
                merge: has("merge"),
                retain_keys: has("retainKeys"),
                replace: has("replace"),
            },
        }
    }

    fn expression(&mut self, text: &str, list: ListType) -> TypeId {
        if let Some(id) = self.facts.names.get(text) {
            return *id;
        }
        let key = (text.to_owned(), list);
        if let Some(id) = self.expressions.get(&key) {
            return *id;
        }
        let plain = ListType::Atomic { declared: false };
        let shape = if let Some(item) = within(text, '[', ']') {
            let item = self.expression(item, plain);
            let list = key.1.clone();
            Shape::List { item, list }
        } else if let Some(value) = within(text, '{', '}') {
            let value = self.expression(value, plain);
            let atomic = false;
            Shape::Map { value, atomic }
        } else {
            plain_shape(text)
        };
        let id = self.push(Arc::default(), shape);
        self.expressions.insert(key, id);
        id
    }
}

fn within(text: &str, open: char, close: char) -> Option<&str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

fn plain_shape(text: &str) -> Shape {
    match text {
        "string" => Shape::String,
        "string:byte" => Shape::Bytes,
        "boolean" => Shape::Bool,
        "integer:int32" => Shape::Int32,
        "integer:int64" => Shape::Int64,
        "number:double" => Shape::Double,
        other => unreachable!("the facts name no other plain type: {other}"),
    }
}
