//! Which form of an answer the client accepts.

use apimachinery::StatusError;
use http::{HeaderMap, header};

/// The media types a resource can be answered in.
const ACCEPTED: [&str; 2] = ["application/json", "application/yaml"];

/// How an object or a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// The object itself.
    Object,
    /// `as=Table`.
    Table,
    /// `as=PartialObjectMetadata`, or its list.
    Metadata,
}

/// One entry of an Accept header.
#[derive(Debug)]
struct Entry<'a> {
    media: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Entry<'a> {
    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| *value)
    }
}

fn entries(header: &str) -> impl Iterator<Item = Entry<'_>> {
    header.split(',').map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let parameters = parts.filter_map(|p| p.split_once('=')).collect();
        Entry { media, parameters }
    })
}

fn accept(headers: &HeaderMap) -> &str {
    headers
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .unwrap_or("*/*")
}

/// The first form that the client accepts and that exists.
///
/// # Errors
/// NotAcceptable when there is none, as for protobuf alone: clients then ask for JSON.
pub fn form(headers: &HeaderMap) -> Result<Form, StatusError> {
    form_among(headers, true)
}

/// Refuses a request whose answer the client does not take, where only some kinds have a Table.
///
/// # Errors
/// NotAcceptable, as [`form`].
pub fn acceptable(headers: &HeaderMap, has_table: bool) -> Result<(), StatusError> {
    form_among(headers, has_table).map(drop)
}

fn form_among(headers: &HeaderMap, has_table: bool) -> Result<Form, StatusError> {
    for entry in entries(accept(headers)) {
        if !is_json(entry.media) && !is_yaml(entry.media) {
            continue;
        }
        match (
            entry.parameter("as"),
            entry.parameter("g"),
            entry.parameter("v"),
        ) {
            (None, ..) => return Ok(Form::Object),
            (Some("Table"), Some("meta.k8s.io"), Some("v1" | "v1beta1")) if has_table => {
                return Ok(Form::Table);
            }
            (
                Some("PartialObjectMetadata" | "PartialObjectMetadataList"),
                Some("meta.k8s.io"),
                Some("v1" | "v1beta1"),
            ) => return Ok(Form::Metadata),
            _ => {}
        }
    }
    Err(StatusError::not_acceptable(&ACCEPTED))
}

fn is_json(media: &str) -> bool {
    matches!(media, "" | "*/*" | "application/*" | "application/json")
}

fn is_yaml(media: &str) -> bool {
    media == "application/yaml"
}

/// Whether the client names YAML before JSON.
#[must_use]
pub fn prefers_yaml(headers: &HeaderMap) -> bool {
    let known = |entry: &Entry<'_>| is_json(entry.media) || is_yaml(entry.media);
    entries(accept(headers))
        .find(known)
        .is_some_and(|entry| is_yaml(entry.media))
}

/// Refuses a watch in a form that has no frames.
///
/// # Errors
/// NotAcceptable for YAML.
pub fn watchable(headers: &HeaderMap) -> Result<(), StatusError> {
    if prefers_yaml(headers) {
        return Err(StatusError::not_acceptable(&ACCEPTED[..1]));
    }
    Ok(())
}

/// The version of aggregated discovery that the client asks for first, if any.
pub fn aggregated_discovery(headers: &HeaderMap) -> Option<&'static str> {
    entries(accept(headers)).find_map(|entry| {
        let aggregated = entry.parameter("g") == Some("apidiscovery.k8s.io")
            && entry.parameter("as") == Some("APIGroupDiscoveryList");
        match entry.parameter("v") {
            Some("v2") if aggregated => Some("v2"),
            Some("v2beta1") if aggregated => Some("v2beta1"),
            _ => None,
        }
    })
}

/// Whether any entry names a media type that starts like this.
pub fn accepts(headers: &HeaderMap, prefix: &str) -> bool {
    entries(accept(headers)).any(|entry| entry.media.starts_with(prefix))
}

/// Whether an entry names exactly this media type; a request without Accept names `*/*`.
pub fn names(headers: &HeaderMap, media: &str) -> bool {
    entries(accept(headers)).any(|entry| entry.media == media)
}

/// The media type of the body, without parameters; JSON when the client names none.
pub fn content_type(headers: &HeaderMap) -> &str {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok());
    let media = value
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if media.is_empty() {
        "application/json"
    } else {
        media
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(accept: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT, http::HeaderValue::from_static(accept))])
    }

    #[test]
    fn the_first_known_form_wins() {
        let rows = [
            ("application/json", Some(Form::Object)),
            ("*/*", Some(Form::Object)),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
                Some(Form::Table),
            ),
            (
                "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,\
                 application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
                Some(Form::Metadata),
            ),
            (
                "application/json;as=Table;v=v9;g=meta.k8s.io,application/json",
                Some(Form::Object),
            ),
            (
                "application/vnd.kubernetes.protobuf,application/json",
                Some(Form::Object),
            ),
            ("application/vnd.kubernetes.protobuf", None),
            ("text/html", None),
        ];
        for (accept, expected) in rows {
            assert_eq!(form(&headers(accept)).ok(), expected, "{accept}");
        }
    }

    #[test]
    fn aggregated_discovery_names_its_version() {
        let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                      application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,\
                      application/json";
        assert_eq!(aggregated_discovery(&headers(accept)), Some("v2"));
        assert_eq!(aggregated_discovery(&headers("application/json")), None);
    }
}
