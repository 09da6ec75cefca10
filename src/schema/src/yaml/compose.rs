//! From events to a tree of nodes with its anchors resolved to places in the tree.

use std::collections::HashMap;

use libyaml_safer::{Error, ErrorKind, Event, EventData, Parser};

use super::{MAX_DEPTH, YamlError};

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
    let mut bytes = text.as_bytes();
    let mut parser = Parser::new();
    parser.set_input(&mut bytes);
    let mut composer = Composer {
        parser,
        nodes: Vec::new(),
        anchors: HashMap::new(),
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
                value,
                plain_implicit,
                ..
            } => {
                self.name(anchor, id);
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
fn syntax(error: &Error) -> YamlError {
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
