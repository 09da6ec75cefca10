//! `serde_json`'s syntax errors in Go's words, which clients and users know.

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

pub(super) fn utf8(bytes: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|error| {
        DecodeError::Syntax(format!("invalid UTF-8 at byte {}", error.valid_up_to()))
    })
}

/// The error in Go's words.
pub(super) fn error(error: &serde_json::Error, bytes: &[u8]) -> DecodeError {
    let said = error.to_string();
    let text = match error.classify() {
        Category::Eof => "unexpected end of JSON input".to_owned(),
        Category::Data => return DecodeError::Mismatch(said),
        _ if said.starts_with("recursion limit") => "exceeded max depth".to_owned(),
        _ if said.starts_with("number out of range") || said.contains("surrogate") => said,
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

fn offset(error: &serde_json::Error, bytes: &[u8]) -> usize {
    let line_start = bytes
        .split_inclusive(|b| *b == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum::<usize>();
    line_start + error.column().saturating_sub(1)
}

/// The character at the error's place, quoted as Go quotes it.
fn culprit(error: &serde_json::Error, bytes: &[u8]) -> String {
    let rest = bytes.get(offset(error, bytes)..);
    let rest = rest.and_then(|rest| std::str::from_utf8(rest).ok());
    match rest.and_then(|rest| rest.chars().next()) {
        None => "' '".to_owned(),
        Some('\'') => r"'\''".to_owned(),
        Some('"') => "'\"'".to_owned(),
        Some(c) => format!("'{}'", c.escape_default()),
    }
}
