//! List: pages at one revision, selected, without parsing what no selector asks about.

use apimachinery::{Encoded, StatusError};
use base::TraceId;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use resources::Resource;
use serde::{Deserialize, Serialize};
use store::{KeyValue, Revision};

use crate::error::from_store;
use crate::options::{ListOptions, VersionMatch};
use crate::watch::Selection;
use crate::{Registry, codec, key};

/// A page, or the whole list.
pub struct ListResult {
    pub items: Vec<Encoded>,
    /// The revision of the list, in the number space of the objects' own.
    pub revision: u64,
    /// Present when there is more.
    pub continue_token: Option<String>,
    /// How many items come after this page; unknown when a selector is given.
    pub remaining: Option<u64>,
}

/// What a continue token says. Opaque to clients.
#[derive(Serialize, Deserialize)]
struct Continue {
    /// Of the encoding.
    v: u8,
    /// The revision of every page.
    rv: u64,
    /// The last key of the page before.
    after: String,
}

const TOKEN_VERSION: u8 = 1;
/// Keys read at once while a selector passes over some.
const CHUNK: usize = 500;

impl Registry {
    /// The objects of a kind, of one namespace or of all, in key order.
    ///
    /// # Errors
    /// BadRequest for options that do not go together, Expired for a page that is too old.
    pub async fn list(
        &self,
        row: &Resource,
        namespace: Option<&str>,
        options: &ListOptions,
    ) -> Result<ListResult, StatusError> {
        let prefix = key::below(row, namespace);
        let (mut at, mut after) = self.start(options)?;
        let selection = Selection::new(row, &options.labels, &options.fields);
        let selects = !selection.is_everything();
        let mut items = Vec::new();
        loop {
            let wanted = match options.limit {
                0 => 0,
                limit if selects => CHUNK.max(limit),
                limit => limit,
            };
            let page = self
                .store
                .list(&prefix, after.as_deref(), at, wanted)
                .await
                .map_err(too_old)?;
            at = at.or(Some(page.revision));
            let revision = page.revision.0;
            let count = page.items.len();
            for (index, stored) in page.items.into_iter().enumerate() {
                let key = stored.key.to_string();
                let item = decode(stored)?;
                if selects && !selection.matches(&item)? {
                    continue;
                }
                items.push(item);
                let more = page.more || index + 1 < count;
                if options.limit > 0 && items.len() == options.limit && more {
                    let remaining = if selects { None } else { page.remaining };
                    let continue_token = Some(token(revision, key));
                    return Ok(ListResult {
                        items,
                        revision,
                        continue_token,
                        remaining,
                    });
                }
                after = Some(key);
            }
            if !page.more {
                return Ok(ListResult {
                    items,
                    revision,
                    continue_token: None,
                    remaining: None,
                });
            }
        }
    }

    /// At which revision, and after which key, a list begins.
    fn start(
        &self,
        options: &ListOptions,
    ) -> Result<(Option<Revision>, Option<String>), StatusError> {
        if !options.continue_token.is_empty() {
            let token = parse_token(&options.continue_token)?;
            return Ok((Some(Revision(token.rv)), Some(token.after)));
        }
        let current = self.store.revision();
        match (options.resource_version, options.version_match) {
            (Some(0) | None, VersionMatch::Exact) => Err(StatusError::bad_request(
                "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            )),
            (Some(version), _) if version > current.0 => Err(StatusError::timeout(format!(
                "Too large resource version: {version}, current: {current}"
            ))),
            (Some(version), VersionMatch::Exact) => Ok((Some(Revision(version)), None)),
            _ => Ok((None, None)),
        }
    }
}

fn decode(stored: KeyValue) -> Result<Encoded, StatusError> {
    codec::decode(stored.value, stored.modified.0, TraceId::NONE)
}

fn token(revision: u64, after: String) -> String {
    let token = Continue {
        v: TOKEN_VERSION,
        rv: revision,
        after,
    };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).expect("plain fields always print"))
}

fn parse_token(text: &str) -> Result<Continue, StatusError> {
    let invalid =
        || StatusError::bad_request("continue key is not valid: it was not given by this server");
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
    let token: Continue = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
    if token.v == TOKEN_VERSION {
        Ok(token)
    } else {
        Err(invalid())
    }
}

fn too_old(error: store::Error) -> StatusError {
    match error {
        store::Error::Compacted { .. } => StatusError::expired(
            "The provided continue parameter is too old to display a consistent list result. You \
             must start a new list without the continue parameter.",
        ),
        other => from_store(other),
    }
}
