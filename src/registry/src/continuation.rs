//! Continue tokens: how a client asks for the next page. Opaque to it.

use apimachinery::StatusError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Where a list goes on.
#[derive(Debug, PartialEq, Eq)]
pub struct Continuation {
    /// The revision of every page; `None` where that is forgotten and the client goes on anyway.
    pub revision: Option<u64>,
    /// The last key of the page before.
    pub after: String,
}

/// The text of a token, in base64.
#[derive(Serialize, Deserialize)]
struct Token {
    /// Of the encoding.
    v: u8,
    rv: Option<u64>,
    /// The key without the list's prefix: a token fits one collection.
    after: String,
}

const TOKEN_VERSION: u8 = 1;

/// A token for what follows `last` in the list below `prefix`.
pub fn token(prefix: &str, last: &str, revision: u64) -> String {
    print(&Token {
        v: TOKEN_VERSION,
        rv: Some(revision),
        after: last.strip_prefix(prefix).unwrap_or(last).to_owned(),
    })
}

/// Reads a token that was given for `prefix`.
///
/// # Errors
/// BadRequest when this server has not made it.
pub fn parse(prefix: &str, text: &str) -> Result<Continuation, StatusError> {
    let token = read(text)?;
    Ok(Continuation {
        revision: token.rv,
        after: format!("{prefix}{}", token.after),
    })
}

/// The refusal of a token whose revision is forgotten. It carries a token with which the client
/// can go on, at the price of consistency.
pub fn expired(text: &str) -> StatusError {
    let mut error = StatusError::expired(
        "The provided continue parameter is too old to display a consistent list result. You can \
         start a new list without the continue parameter, or use the continue token in this \
         response to retrieve the remainder of the results. Continuing with the provided token \
         results in an inconsistent list - objects that were created, modified, or deleted \
         between the time the first chunk was returned and now may show up in the list.",
    );
    if let Ok(token) = read(text) {
        let onward = print(&Token { rv: None, ..token });
        error.0.metadata.insert("continue".into(), json!(onward));
    }
    error
}

fn print(token: &Token) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(token).expect("plain fields always print"))
}

/// The refusal of a token that this server cannot have given.
pub fn invalid(why: &str) -> StatusError {
    StatusError::bad_request(format!("continue key is not valid: {why}"))
}

fn read(text: &str) -> Result<Token, StatusError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| invalid("it is not encoded as it was given"))?;
    let token: Token =
        serde_json::from_slice(&bytes).map_err(|_| invalid("it does not hold what was given"))?;
    if token.v == TOKEN_VERSION {
        Ok(token)
    } else {
        Err(invalid("another version of the server has given it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_where_to_go_on() {
        let given = token("/registry/pods/", "/registry/pods/a/b", 7);
        let parsed = parse("/registry/pods/", &given).expect("its own token");
        let expected = Continuation {
            revision: Some(7),
            after: "/registry/pods/a/b".to_owned(),
        };
        assert_eq!(parsed, expected);
        let error = expired(&given);
        let onward = error.0.metadata["continue"].as_str().expect("a token");
        let parsed = parse("/registry/pods/", onward).expect("its own token");
        assert_eq!(parsed.revision, None);
        for foreign in ["", "x", "e30"] {
            assert_eq!(
                parse("/", foreign).map_err(|e| e.code()),
                Err(400),
                "{foreign}"
            );
        }
    }
}
