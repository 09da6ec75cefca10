//! From events to a tree of nodes with its anchors resolved to places in the tree.

use std::borrow::Cow;
use std::collections::HashMap;

use libyaml_safer::{Encoding, Error, ErrorKind, Event, EventData, Parser, ScalarStyle};

use super::{MAX_DEPTH, YamlError, tag};

/// The place of an end that no scalar reaches.
pub(super) const NEVER: u64 = u64::MAX;

/// A place in a [`Tree`].
pub(super) type NodeId = usize;

#[derive(Debug)]
pub(super) struct Node {
    /// Counted from 0.
    pub line: u64,
    pub content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Scalar {
        text: String,
        /// In its long form; without one, `plain` tells whether the text is resolved.
        tag: Option<String>,
        plain: bool,
    },
    Sequence(Vec<NodeId>),
    Mapping(Vec<(NodeId, NodeId)>),
    Alias {
        anchor: String,
        target: NodeId,
    },
}

/// One document.
#[derive(Debug)]
pub(super) struct Tree {
    pub nodes: Vec<Node>,
    pub root: NodeId,
}

/// The first document of a text; `None` when there is none.
pub(super) fn compose(text: &str) -> Result<Option<Tree>, YamlError> {
    let composed = compose_ended(text);
    if composed.is_err() && text.ends_with('\\') {
        // Perhaps in quotes, where the end of the text is no character to escape.
        return compose_ended(&format!("{text}q"));
    }
    composed
}

fn compose_ended(text: &str) -> Result<Option<Tree>, YamlError> {
    let (closed, end) = close(text);
    tag::refuse_before_comma(&closed)?;
    compose_closed(&closed, end)
}

/// The text with an end to its last line, because the scanner panics in a block scalar without
/// one, and at a backslash in quotes. The second is the place at which such a scalar ends; what
/// it gained there is taken away again. Of a last line without an end and of nothing but spaces,
/// nothing is kept.
fn close(text: &str) -> (Cow<'_, str>, u64) {
    let last = text.rsplit(['\n', '\r']).next().unwrap_or_default();
    if last.is_empty() || !(text.contains(['|', '>']) || text.ends_with('\\')) {
        (text.into(), NEVER)
    } else if last.bytes().all(|byte| byte == b' ') {
        (text[..text.len() - last.len()].into(), NEVER)
    } else {
        (format!("{text}\n").into(), text.len() as u64 + 1)
    }
}

/// Left to itself the parser takes the first of U+F000 to U+FFFF in a text for half of this mark.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// As [`compose`], of a text that does not make the scanner panic.
pub(super) fn compose_closed(text: &str, end: u64) -> Result<Option<Tree>, YamlError> {
    let mut bytes = without_mark(text).as_bytes();
    let mut parser = Parser::new();
    parser.set_encoding(Encoding::Utf8);
    parser.set_input(&mut bytes);
    let mut composer = Composer {
        parser,
        nodes: Vec::new(),
        anchors: HashMap::new(),
        end,
    };
    loop {
        match composer.next()?.data {
            EventData::StreamEnd => return Ok(None),
            EventData::DocumentStart { .. } => break,
            _ => {}
        }
    }
    let first = composer.next()?;
    let root = composer.node(first, 0)?;
    // The document's end may hold an error too.
    composer.next()?;
    Ok(Some(Tree {
        nodes: composer.nodes,
        root,
    }))
}

struct Composer<'r, 't> {
    parser: Parser<&'r mut &'t [u8]>,
    nodes: Vec<Node>,
    anchors: HashMap<String, NodeId>,
    /// See [`close`].
    end: u64,
}

impl Composer<'_, '_> {
    fn next(&mut self) -> Result<Event, YamlError> {
        self.parser.parse().map_err(|error| syntax(&error))
    }

    fn node(&mut self, event: Event, depth: usize) -> Result<NodeId, YamlError> {
        if depth > MAX_DEPTH {
            let text = format!("exceeded max depth of {MAX_DEPTH}");
            return Err(YamlError::Yaml(text));
        }
        let line = event.start_mark.line;
        let id = self.nodes.len();
        let empty = Content::Sequence(Vec::new());
        self.nodes.push(Node {
            line,
            content: empty,
        });
        self.nodes[id].content = match event.data {
            EventData::Scalar {
                anchor,
                tag,
                mut value,
                plain_implicit,
                style,
                ..
            } => {
                self.name(anchor, id);
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                if is_block && event.end_mark.index == self.end && value.ends_with('\n') {
                    value.pop();
                }
                Content::Scalar {
                    text: value,
                    tag,
                    plain: plain_implicit,
                }
            }
            EventData::SequenceStart { anchor, .. } => {
                self.name(anchor, id);
                self.sequence(depth)?
            }
            EventData::MappingStart { anchor, .. } => {
                self.name(anchor, id);
                self.mapping(depth)?
            }
            EventData::Alias { anchor } => self.alias(anchor)?,
            _ => return Err(YamlError::Yaml("unexpected event".into())),
        };
        Ok(id)
    }

    fn name(&mut self, anchor: Option<String>, id: NodeId) {
        self.anchors.extend(anchor.map(|anchor| (anchor, id)));
    }

    fn alias(&self, anchor: String) -> Result<Content, YamlError> {
        match self.anchors.get(&anchor) {
            Some(&target) => Ok(Content::Alias { anchor, target }),
            None => {
                let text = format!("unknown anchor '{anchor}' referenced");
                Err(YamlError::Yaml(text))
            }
        }
    }

    fn sequence(&mut self, depth: usize) -> Result<Content, YamlError> {
        let mut items = Vec::new();
        loop {
            let event = self.next()?;
            if event.data == EventData::SequenceEnd {
                return Ok(Content::Sequence(items));
            }
            items.push(self.node(event, depth + 1)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Content, YamlError> {
        let mut entries = Vec::new();
        loop {
            let event = self.next()?;
            if event.data == EventData::MappingEnd {
                return Ok(Content::Mapping(entries));
            }
            let key = self.node(event, depth + 1)?;
            let event = self.next()?;
            entries.push((key, self.node(event, depth + 1)?));
        }
    }
}

/// Go's text, with its way to count lines: from 0 in the parser, from 1 in the scanner, and
/// never telling line 0.
pub(super) fn syntax(error: &Error) -> YamlError {
    let problem = error.problem_mark().map_or(0, |mark| mark.line);
    let context = error.context_mark().map_or(0, |mark| mark.line);
    let line = match problem {
        0 => context,
        line if error.kind() == ErrorKind::Scanner => line + 1,
        line => line,
    };
    let text = error.problem();
    YamlError::Yaml(if line == 0 {
        text.to_owned()
    } else {
        format!("line {line}: {text}")
    })
}
