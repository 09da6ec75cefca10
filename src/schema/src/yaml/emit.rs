//! JSON as kubectl prints it in YAML.

use std::borrow::Cow;
use std::collections::HashSet;

use libyaml_safer::{Emitter, Encoding, Error, Event, MappingStyle, ScalarStyle, SequenceStyle};
use serde_json::Value;

use super::{number, order, resolve};

/// A value as a YAML document with a line end, without `---`.
#[must_use]
pub fn encode(value: &Value) -> String {
    let marks = Marks::unused_in(value);
    let mut out = Vec::new();
    write(value, &marks, &mut out).expect("a balanced series of events, written to memory");
    let text = String::from_utf8(out).expect("the emitter writes UTF-8");
    marks.put_back(text)
}

fn write(value: &Value, marks: &Marks, out: &mut Vec<u8>) -> Result<(), Error> {
    let mut emitter = Emitter::new();
    emitter.set_output_string(out);
    emitter.set_unicode(true);
    emitter.emit(Event::stream_start(Encoding::Utf8))?;
    emitter.emit(Event::document_start(None, &[], true))?;
    node(&mut emitter, value, marks)?;
    emitter.emit(Event::document_end(true))?;
    emitter.emit(Event::stream_end())?;
    emitter.flush()
}

fn node(emitter: &mut Emitter<'_>, value: &Value, marks: &Marks) -> Result<(), Error> {
    match value {
        Value::Null => plain(emitter, "null"),
        Value::Bool(flag) => plain(emitter, if *flag { "true" } else { "false" }),
        Value::Number(number) => plain(emitter, &number::print(number)),
        Value::String(text) => string(emitter, text, marks),
        Value::Array(items) => {
            let style = if items.is_empty() {
                SequenceStyle::Flow
            } else {
                SequenceStyle::Block
            };
            emitter.emit(Event::sequence_start(None, None, true, style))?;
            for item in items {
                node(emitter, item, marks)?;
            }
            emitter.emit(Event::sequence_end())
        }
        Value::Object(map) => {
            let style = if map.is_empty() {
                MappingStyle::Flow
            } else {
                MappingStyle::Block
            };
            emitter.emit(Event::mapping_start(None, None, true, style))?;
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| order::natural(a.0, b.0));
            for (key, value) in entries {
                string(emitter, key, marks)?;
                node(emitter, value, marks)?;
            }
            emitter.emit(Event::mapping_end())
        }
    }
}

fn plain(emitter: &mut Emitter<'_>, text: &str) -> Result<(), Error> {
    scalar(emitter, text, ScalarStyle::Plain)
}

/// The emitter falls back from a style that cannot hold the text.
fn string(emitter: &mut Emitter<'_>, text: &str, marks: &Marks) -> Result<(), Error> {
    let marked = marks.put_in(text);
    let style = if text.contains(is_escaped) {
        ScalarStyle::DoubleQuoted
    } else if text.contains('\n') {
        ScalarStyle::Literal
    } else if text.ends_with(SEPARATORS) {
        ScalarStyle::SingleQuoted
    } else if resolve::is_plain_text(text) {
        ScalarStyle::Plain
    } else {
        ScalarStyle::DoubleQuoted
    };
    scalar(emitter, &marked, style)
}

fn scalar(emitter: &mut Emitter<'_>, text: &str, style: ScalarStyle) -> Result<(), Error> {
    emitter.emit(Event::scalar(None, None, text, true, true, style))
}

/// Where Go's emitter and this one differ, private characters that no text of the document has
/// tell what to change in the printed one.
struct Marks {
    /// Stands for the backslash of `"\U0001F600"`: Go escapes what lies above the basic plane,
    /// libyaml prints it.
    escape: char,
    /// Stands behind a text that ends in one of [`SEPARATORS`]. libyaml indents the line that
    /// these begin, although nothing follows; the mark goes away with that indentation.
    end: char,
}

const SEPARATORS: [char; 2] = ['\u{2028}', '\u{2029}'];

fn is_escaped(char: char) -> bool {
    char > '\u{ffff}'
}

impl Marks {
    /// With all 6400 private characters in use the last one is taken; it comes out wrong.
    fn unused_in(value: &Value) -> Self {
        let mut used = HashSet::new();
        collect_private(value, &mut used);
        let mut free = ('\u{e000}'..='\u{f8ff}').filter(|c| !used.contains(c));
        let mut next = || free.next().unwrap_or('\u{f8ff}');
        Self {
            escape: next(),
            end: next(),
        }
    }

    fn put_in<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let ends = text.ends_with(SEPARATORS) && !text.contains('\n');
        if !ends && !text.contains(is_escaped) {
            return Cow::Borrowed(text);
        }
        let mut marked = String::with_capacity(text.len() + 8);
        for char in text.chars() {
            if is_escaped(char) {
                marked.push(self.escape);
                marked.push_str(&format!("U{:08X}", u32::from(char)));
            } else {
                marked.push(char);
            }
        }
        marked.extend(ends.then_some(self.end));
        Cow::Owned(marked)
    }

    fn put_back(&self, text: String) -> String {
        if !text.contains([self.escape, self.end]) {
            return text;
        }
        let mut out = String::with_capacity(text.len());
        for char in text.chars() {
            if char == self.end {
                out.truncate(out.trim_end_matches(' ').len());
            } else {
                out.push(if char == self.escape { '\\' } else { char });
            }
        }
        out
    }
}

fn is_private(char: char) -> bool {
    ('\u{e000}'..='\u{f8ff}').contains(&char)
}

fn collect_private(value: &Value, into: &mut HashSet<char>) {
    match value {
        Value::String(text) => into.extend(text.chars().filter(|c| is_private(*c))),
        Value::Array(items) => items.iter().for_each(|item| collect_private(item, into)),
        Value::Object(map) => {
            for (key, value) in map {
                into.extend(key.chars().filter(|c| is_private(*c)));
                collect_private(value, into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
