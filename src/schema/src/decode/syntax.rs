//! `serde_json`'s syntax errors in Go's words, which clients and users know.

use std::borrow::Cow;

use serde_json::error::Category;

use super::DecodeError;

/// What `serde_json` says, and where Go says the wrong character stands.
const PLACES: &[(&str, &str)] = &[
    ("trailing comma", "looking for beginning of value"),
    (
        "key must be a string",
        "looking for beginning of object key string",
    ),
    ("expected `:`", "after object key"),
    ("expected `,` or `}`", "after object key:value pair"),
    ("expected `,` or `]`", "after array element"),
    ("trailing characters", "after top-level value"),
    ("control character", "in string literal"),
    ("invalid escape", "in string escape code"),
    ("invalid number", "in numeric literal"),
];

/// Longer numbers are not quoted whole.
const MAX_SHOWN: usize = 1024;

/// The text of a body. Bytes that are no UTF-8 read as U+FFFD, as Go reads them.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Parses a text, and once more with its lone surrogates mended if that is what is wrong: Go
/// reads `\ud800` as U+FFFD.
pub(super) fn parse<'t, T>(
    text: &'t str,
    mended: &'t mut String,
    mut read: impl FnMut(&'t str) -> serde_json::Result<T>,
) -> Result<T, DecodeError> {
    let first = match read(text) {
        Err(error) if is_surrogate(&error) => error,
        read => return read.map_err(|failed| error(&failed, text.as_bytes())),
    };
    *mended = mend_surrogates(text);
    read(mended).map_err(|failed| {
        let failed = if is_surrogate(&failed) { first } else { failed };
        error(&failed, mended.as_bytes())
    })
}

fn is_surrogate(error: &serde_json::Error) -> bool {
    let said = error.to_string();
    said.contains("surrogate") || said.starts_with("unexpected end of hex escape")
}

/// Replaces escapes of lone surrogates by that of U+FFFD.
fn mend_surrogates(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match (escaped(rest), rest.get(6..).and_then(escaped)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                out.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            (Some(_), _) => 6,
            // Another escape: its character may be a backslash.
            (None, _) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out + rest
}

/// The code of an escape like `\ud83d` that a text begins with.
fn escaped(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

/// The error in Go's words.
pub(super) fn error(error: &serde_json::Error, bytes: &[u8]) -> DecodeError {
    let said = error.to_string();
    let text = match error.classify() {
        Category::Eof => "unexpected end of JSON input".to_owned(),
        Category::Data => return DecodeError::Mismatch(said),
        _ if said.starts_with("recursion limit") => "exceeded max depth".to_owned(),
        _ if said.starts_with("number out of range") => {
            let number = number_at(bytes, offset(error, bytes));
            let text =
                format!("json: cannot unmarshal number {number} into Go value of type float64");
            return DecodeError::Mismatch(text);
        }
        _ if said.contains("surrogate") => said,
        _ if said.starts_with("expected ident") => {
            format!(
                "invalid character {} {}",
                culprit(error, bytes),
                literal(error, bytes)
            )
        }
        _ => format!(
            "invalid character {} {}",
            culprit(error, bytes),
            place(&said)
        ),
    };
    DecodeError::Syntax(text)
}

fn place(said: &str) -> &'static str {
    PLACES
        .iter()
        .find(|(prefix, _)| said.starts_with(prefix))
        .map_or("looking for beginning of value", |(_, place)| place)
}

/// `in literal null (expecting 'u')`, from the letters before the wrong one.
fn literal(error: &serde_json::Error, bytes: &[u8]) -> String {
    let read = &bytes[..offset(error, bytes).min(bytes.len())];
    let words = ["true", "false", "null"];
    let fits = |word: &&str| {
        (1..word.len())
            .rev()
            .find(|n| read.ends_with(&word.as_bytes()[..*n]))
    };
    let begun = words.iter().find_map(|word| fits(word).map(|n| (word, n)));
    begun.map_or_else(
        || "looking for beginning of value".to_owned(),
        |(word, n)| format!("in literal {word} (expecting '{}')", &word[n..=n]),
    )
}

/// The first number in a JSON text that reads as this one.
pub(super) fn written(text: &str, number: f64) -> Option<&str> {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        rest = &rest[at..];
        if rest.starts_with('"') {
            rest = after_string(rest);
            continue;
        }
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (literal, after) = rest.split_at(end);
        if literal.len() <= MAX_SHOWN && literal.parse() == Ok(number) {
            return Some(literal);
        }
        rest = after;
    }
    None
}

/// What follows the string that a text begins with.
fn after_string(text: &str) -> &str {
    let mut escaped = false;
    let closes = |c: char| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    };
    text[1..].split_once(closes).map_or("", |(_, rest)| rest)
}

/// The number that stands around a place.
fn number_at(bytes: &[u8], at: usize) -> Cow<'_, str> {
    let is_part = |b: &&u8| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    let (before, after) = bytes.split_at(at.min(bytes.len()));
    let begin = before.len() - before.iter().rev().take_while(is_part).count();
    let end = before.len() + after.iter().take_while(is_part).count();
    String::from_utf8_lossy(&bytes[begin..end.min(begin + MAX_SHOWN)])
}

fn offset(error: &serde_json::Error, bytes: &[u8]) -> usize {
    let line_start = bytes
        .split_inclusive(|b| *b == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum::<usize>();
    line_start + error.column().saturating_sub(1)
}

/// The byte at the error's place, as Go quotes a byte that it takes for a character.
fn culprit(error: &serde_json::Error, bytes: &[u8]) -> String {
    let byte = bytes.get(offset(error, bytes)).copied().unwrap_or(b' ');
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        0x07 => r"'\a'".to_owned(),
        0x08 => r"'\b'".to_owned(),
        0x0b => r"'\v'".to_owned(),
        0x0c => r"'\f'".to_owned(),
        b'\t' | b'\n' | b'\r' | b'\\' => format!("'{}'", byte.escape_ascii()),
        0..0x20 | 0x7f => format!(r"'\x{byte:02x}'"),
        0x80..=0xa0 | 0xad => format!(r"'\u{byte:04x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}
