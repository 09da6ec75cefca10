//! A tag that a comma follows at once, as in `[!x,y]`: the scanner panics there, where Go's says
//! `did not find expected whitespace or line break`.
//!
//! The text is scanned once more with a space before each such comma. A space there changes no
//! other token's bounds, and it keeps the scanner from its panic; a tag that ends at one of these
//! spaces is the fault. Texts without `!` before a comma, nearly all, are not scanned twice.

use libyaml_safer::{Encoding, Scanner, TokenData};

use super::YamlError;
use super::compose::{NEVER, compose_closed, syntax, without_mark};

/// Not a separator, though it looks like one: `!<tag:yaml.org,2002:str>`.
const LONG_FORM: &str = "!<tag:yaml.org";

/// Why the text cannot be read, when it holds such a tag.
pub(super) fn refuse_before_comma(text: &str) -> Result<(), YamlError> {
    let (spaced, commas) = space_out(without_mark(text));
    if commas.is_empty() {
        return Ok(());
    }
    let mut bytes = spaced.as_bytes();
    let mut scanner = Scanner::new();
    scanner.set_encoding(Encoding::Utf8);
    scanner.set_input(&mut bytes);
    let mut depth = 0_usize;
    for token in scanner {
        let token = token.map_err(|error| syntax(&error))?;
        match token.data {
            TokenData::FlowSequenceStart | TokenData::FlowMappingStart => depth += 1,
            TokenData::FlowSequenceEnd | TokenData::FlowMappingEnd => {
                depth = depth.saturating_sub(1);
            }
            TokenData::Tag { .. } if depth > 0 => {
                let at = commas.binary_search_by_key(&token.end_mark.index, |comma| comma.space);
                if let Ok(at) = at {
                    // A quote ends a tag as well, and there the scanner has its words.
                    let at = commas[at].byte;
                    let fault = format!("{}\"{}", &text[..at], &text[at + 1..]);
                    return compose_closed(&fault, NEVER).map(drop);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

struct Comma {
    /// Where it is in the text.
    byte: usize,
    /// Where the space before it is in the spaced text.
    space: u64,
}

/// The text with a space before each comma that may follow a tag.
fn space_out(text: &str) -> (String, Vec<Comma>) {
    let (mut spaced, mut commas) = (String::new(), Vec::new());
    // Where the run of characters that are no space began, and whether it has a `!`.
    let (mut run, mut tagged) = (0, false);
    for (byte, character) in text.char_indices() {
        match character {
            ',' if tagged && !text[run..byte].ends_with(LONG_FORM) => {
                let space = spaced.len() as u64;
                commas.push(Comma { byte, space });
                spaced.push(' ');
                (run, tagged) = (byte + 1, false);
            }
            '!' => tagged = true,
            _ if character.is_whitespace() => {
                (run, tagged) = (byte + character.len_utf8(), false);
            }
            _ => {}
        }
        spaced.push(character);
    }
    (spaced, commas)
}
