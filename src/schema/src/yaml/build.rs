//! From a tree of nodes to JSON: aliases expanded within a budget, merge keys merged, keys made
//! texts.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::compose::{Content, NodeId, Tree};
use super::number;
use super::resolve::{self, Scalar};
use super::{Document, MAX_DEPTH, YamlError};

/// More keys that came twice are not told.
const MAX_DUPLICATES: usize = 100;

pub(super) fn build(tree: &Tree) -> Result<Document, YamlError> {
    let mut builder = Builder {
        tree,
        built: 0,
        built_by_alias: 0,
        open_aliases: Vec::new(),
        duplicates: Vec::new(),
    };
    let value = builder.value(tree.root, 0)?;
    let mut duplicates = Vec::new();
    if !builder.duplicates.is_empty() {
        let lines = builder.duplicates.join("\n  ");
        duplicates.push(format!("yaml: unmarshal errors:\n  {lines}"));
    }
    Ok(Document { value, duplicates })
}

struct Builder<'t> {
    tree: &'t Tree,
    built: u32,
    built_by_alias: u32,
    /// The anchors within which we are by way of an alias.
    open_aliases: Vec<NodeId>,
    duplicates: Vec<String>,
}

/// A map in the making.
#[derive(Default)]
struct Entries {
    map: Map<String, Value>,
    /// Keys as Go prints them, before they became texts: `1` and `"1"` are two.
    seen: HashSet<String>,
}

/// A key as JSON has it, and as Go prints it.
struct Key {
    text: String,
    shown: String,
}

impl Builder<'_> {
    fn value(&mut self, id: NodeId, depth: usize) -> Result<Value, YamlError> {
        self.spend(depth)?;
        let tree = self.tree;
        match &tree.nodes[id].content {
            Content::Scalar { text, tag, plain } => {
                json(resolve::scalar(text, tag.as_deref(), *plain)?)
            }
            Content::Sequence(items) => {
                let items = items.iter().map(|item| self.value(*item, depth + 1));
                Ok(Value::Array(items.collect::<Result<_, _>>()?))
            }
            Content::Mapping(_) => {
                let mut entries = Entries::default();
                self.fill(id, &mut entries, depth)?;
                Ok(Value::Object(entries.map))
            }
            Content::Alias { anchor, target } => {
                self.open(anchor, *target)?;
                let value = self.value(*target, depth);
                self.open_aliases.pop();
                value
            }
        }
    }

    /// Refuses what grows out of all proportion: a share of nodes built by aliases that falls
    /// from 99 % of 400,000 nodes to 10 % of 4,000,000, as Go counts it.
    fn spend(&mut self, depth: usize) -> Result<(), YamlError> {
        if depth > MAX_DEPTH {
            let text = format!("exceeded max depth of {MAX_DEPTH}");
            return Err(YamlError::Yaml(text));
        }
        self.built += 1;
        self.built_by_alias += u32::from(!self.open_aliases.is_empty());
        let (built, by_alias) = (f64::from(self.built), f64::from(self.built_by_alias));
        let over = ((built - 400_000.0) / 3_600_000.0).clamp(0.0, 1.0);
        let allowed = 0.99 - 0.89 * over;
        if self.built_by_alias > 100 && self.built > 1000 && by_alias / built > allowed {
            let text = "document contains excessive aliasing";
            return Err(YamlError::Yaml(text.into()));
        }
        Ok(())
    }

    fn open(&mut self, anchor: &str, target: NodeId) -> Result<(), YamlError> {
        if self.open_aliases.contains(&target) || self.holds_itself(target) {
            let text = format!("anchor '{anchor}' value contains itself");
            return Err(YamlError::Yaml(text));
        }
        self.open_aliases.push(target);
        Ok(())
    }

    /// An alias inside its own anchor is met before that anchor was ever opened by an alias;
    /// the depth limit ends it, and this names it when it is a direct one.
    fn holds_itself(&self, target: NodeId) -> bool {
        let points_back = |id: &NodeId| matches!(&self.tree.nodes[*id].content, Content::Alias { target: to, .. } if *to == target);
        match &self.tree.nodes[target].content {
            Content::Sequence(items) => items.iter().any(points_back),
            Content::Mapping(entries) => entries.iter().any(|(_, value)| points_back(value)),
            _ => false,
        }
    }

    /// Puts a mapping's entries into a map, in their order: a merge after a key overrides it.
    fn fill(&mut self, id: NodeId, into: &mut Entries, depth: usize) -> Result<(), YamlError> {
        let tree = self.tree;
        let Content::Mapping(entries) = &tree.nodes[id].content else {
            return Ok(());
        };
        for (key, value) in entries {
            if self.is_merge(*key) {
                self.merge(*value, into, depth + 1)?;
                continue;
            }
            let key_value = self.value_of_key(*key, depth + 1)?;
            let value_line = tree.nodes[*value].line + 1;
            let value = self.value(*value, depth + 1)?;
            let key = name(key_value, &value)?;
            let again = !into.seen.insert(key.shown.clone());
            if again && self.duplicates.len() < MAX_DUPLICATES {
                let text = format!("line {value_line}: key {} already set in map", key.shown);
                self.duplicates.push(text);
            }
            into.map.insert(key.text, value);
        }
        Ok(())
    }

    fn is_merge(&self, key: NodeId) -> bool {
        match &self.tree.nodes[key].content {
            Content::Scalar { text, tag, plain } => {
                text == "<<" && (*plain || tag.as_deref() == Some("tag:yaml.org,2002:merge"))
            }
            _ => false,
        }
    }

    fn merge(&mut self, from: NodeId, into: &mut Entries, depth: usize) -> Result<(), YamlError> {
        self.spend(depth)?;
        let tree = self.tree;
        match &tree.nodes[from].content {
            Content::Mapping(_) => self.fill(from, into, depth),
            Content::Alias { anchor, target } if self.is_mapping(*target) => {
                self.open(anchor, *target)?;
                let filled = self.fill(*target, into, depth);
                self.open_aliases.pop();
                filled
            }
            // The first map of a list wins, so it comes last.
            Content::Sequence(items) if items.iter().all(|item| self.is_map_or_alias(*item)) => {
                items
                    .iter()
                    .rev()
                    .try_for_each(|item| self.merge(*item, into, depth + 1))
            }
            _ => {
                let text = "map merge requires map or sequence of maps as the value";
                Err(YamlError::Yaml(text.into()))
            }
        }
    }

    fn is_mapping(&self, id: NodeId) -> bool {
        matches!(self.tree.nodes[id].content, Content::Mapping(_))
    }

    fn is_map_or_alias(&self, id: NodeId) -> bool {
        match &self.tree.nodes[id].content {
            Content::Alias { target, .. } => self.is_mapping(*target),
            _ => self.is_mapping(id),
        }
    }

    fn value_of_key(&mut self, id: NodeId, depth: usize) -> Result<Scalar, YamlError> {
        self.spend(depth)?;
        let tree = self.tree;
        match &tree.nodes[id].content {
            Content::Scalar { text, tag, plain } => resolve::scalar(text, tag.as_deref(), *plain),
            Content::Alias { target, .. } => match &tree.nodes[*target].content {
                Content::Scalar { text, tag, plain } => {
                    resolve::scalar(text, tag.as_deref(), *plain)
                }
                _ => Err(self.invalid_key(id, depth)),
            },
            _ => Err(self.invalid_key(id, depth)),
        }
    }

    fn invalid_key(&mut self, id: NodeId, depth: usize) -> YamlError {
        match self.value(id, depth) {
            Ok(value) => YamlError::Yaml(format!("invalid map key: {}", go_syntax(&value))),
            Err(error) => error,
        }
    }
}

/// A key as JSON's text.
fn name(key: Scalar, value: &Value) -> Result<Key, YamlError> {
    let refuse = |ty: &str, shown: String| {
        let value = go_syntax(value);
        Err(YamlError::Key(format!(
            "unsupported map key of type: {ty}, key: {shown}, value: {value}"
        )))
    };
    let plain = |text: String| {
        let shown = text.clone();
        Ok(Key { text, shown })
    };
    match key {
        Scalar::Text(text) => Ok(Key {
            shown: format!("{text:?}"),
            text,
        }),
        Scalar::Bool(flag) => plain(flag.to_string()),
        Scalar::Int(int) => plain(int.to_string()),
        Scalar::Float(float) => plain(float_key(float)),
        Scalar::Uint(int) => refuse("uint64", format!("{int:#x}")),
        Scalar::Null => refuse("%!s(<nil>)", "<nil>".into()),
    }
}

/// Go prints a float key with the precision of 32 bits.
fn float_key(float: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "the rule asks for it")]
    let float = float as f32;
    if float.is_nan() {
        ".nan".into()
    } else if float.is_infinite() {
        if float > 0.0 { ".inf" } else { "-.inf" }.into()
    } else {
        number::general(&format!("{float:e}"), float)
    }
}

fn json(scalar: Scalar) -> Result<Value, YamlError> {
    Ok(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Bool(flag) => Value::Bool(flag),
        Scalar::Int(int) => int.into(),
        // Go's untyped objects hold no unsigned integers.
        #[expect(clippy::cast_precision_loss, reason = "Go loses the same digits")]
        Scalar::Uint(int) => Value::from(int as f64),
        Scalar::Float(float) => number::json(float).ok_or(YamlError::Number(unsupported(float)))?,
        Scalar::Text(text) => Value::String(text),
    })
}

fn unsupported(float: f64) -> &'static str {
    match float {
        f64::INFINITY => "+Inf",
        f64::NEG_INFINITY => "-Inf",
        _ => "NaN",
    }
}

/// As Go's `%#v` shows it in these errors.
fn go_syntax(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_syntax).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| format!("{key:?}:{}", go_syntax(value));
            let entries: Vec<String> = map.iter().map(entry).collect();
            format!(
                "map[interface {{}}]interface {{}}{{{}}}",
                entries.join(", ")
            )
        }
        Value::Null => "interface {}(nil)".into(),
        other => other.to_string(),
    }
}
