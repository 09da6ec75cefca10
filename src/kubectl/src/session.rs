//! What a command works with: the server, the namespace, where it prints.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{self, Write};

use anyhow::{Context, Result, anyhow};
use apimachinery::StatusError;
use base::Clock;
use bytes::{Bytes, BytesMut};
use client::{Client, ClientError};
use futures::TryStreamExt;
use http::{HeaderMap, Method, Request};
use serde_json::Value;

use crate::discovery::Discovery;

/// One invocation.
pub(crate) struct Session {
    /// Absent when the configuration cannot be used; then `refusal` says why.
    pub client: Option<Client>,
    pub refusal: String,
    /// Where the server is, for messages: `127.0.0.1:6443`.
    pub host: String,
    /// `--namespace`, else the context's, else `default`.
    pub namespace: String,
    /// Whether `--namespace` was given.
    pub namespace_given: bool,
    pub clock: Clock,
    pub out: Box<dyn Write + Send>,
    err: RefCell<Box<dyn Write + Send>>,
    /// The server's warnings so far: each is told once.
    warned: RefCell<HashSet<String>>,
    discovered: Option<Discovery>,
}

/// A body and its media type.
pub(crate) struct Body {
    pub media_type: &'static str,
    pub json: Value,
}

impl Body {
    pub(crate) fn json(json: Value) -> Self {
        Self {
            media_type: "application/json",
            json,
        }
    }
}

impl Session {
    pub(crate) fn new(
        client: Option<Client>,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
    ) -> Self {
        Self {
            client,
            refusal: String::new(),
            host: String::new(),
            namespace: "default".into(),
            namespace_given: false,
            clock: Clock::system(),
            out,
            err: RefCell::new(err),
            warned: RefCell::default(),
            discovered: None,
        }
    }

    /// # Errors
    /// Why the configuration cannot be used.
    pub(crate) fn client(&self) -> Result<&Client> {
        self.client
            .as_ref()
            .ok_or_else(|| anyhow!("{}", self.refusal))
    }

    /// What the server serves, asked once.
    ///
    /// # Errors
    /// As the server refuses.
    pub(crate) async fn discovery(&mut self) -> Result<&Discovery> {
        if self.discovered.is_none() {
            let discovered = Discovery::ask(self.client()?).await?;
            self.discovered = Some(discovered);
        }
        self.discovered.as_ref().context("just asked")
    }

    /// # Errors
    /// As the server refuses, or when the answer is no JSON.
    pub(crate) async fn request(
        &self,
        method: Method,
        uri: &str,
        accept: &'static str,
        body: Option<Body>,
    ) -> Result<Value, ClientError> {
        let client = self
            .client()
            .map_err(|error| StatusError::service_unavailable(error.to_string()))?;
        let (head, answer) = exchange(client, method, uri, accept, body).await?;
        self.pass_on_warnings(&head);
        Ok(answer)
    }

    /// A GET as JSON.
    ///
    /// # Errors
    /// As [`Session::request`].
    pub(crate) async fn get(&self, uri: &str) -> Result<Value, ClientError> {
        self.request(Method::GET, uri, JSON, None).await
    }

    /// Prints to standard output.
    ///
    /// # Errors
    /// When the reader is gone.
    pub(crate) fn print(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// A line to standard error.
    pub(crate) fn warn(&self, line: &str) {
        // Nobody reads the warnings: nobody to tell.
        let _unread = writeln!(self.err.borrow_mut(), "{line}");
    }

    /// Tells what the server warned of in an answer's head.
    fn pass_on_warnings(&self, head: &HeaderMap) {
        for value in head.get_all(http::header::WARNING) {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let Some(text) = warning(&text) else { continue };
            if self.warned.borrow_mut().insert(text.clone()) {
                self.warn(&format!("Warning: {text}"));
            }
        }
    }
}

pub(crate) const JSON: &str = "application/json";

/// The text of `299 - "text"`, whose quotes and backslashes are escaped.
fn warning(header: &str) -> Option<String> {
    let quoted = header.strip_prefix("299 ")?.split_once(" \"")?.1;
    let mut text = String::new();
    let mut chars = quoted.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => return Some(text),
            '\\' => text.extend(chars.next()),
            other => text.push(other),
        }
    }
    None
}

/// One request as JSON: the answer's head and body.
pub(crate) async fn exchange(
    client: &Client,
    method: Method,
    uri: &str,
    accept: &'static str,
    body: Option<Body>,
) -> Result<(HeaderMap, Value), ClientError> {
    let mut request = Request::builder()
        .method(method)
        .uri(uri)
        .header(http::header::ACCEPT, accept);
    let mut bytes = Bytes::new();
    if let Some(body) = body {
        request = request.header(http::header::CONTENT_TYPE, body.media_type);
        bytes = body.json.to_string().into();
    }
    let request = request
        .body(bytes)
        .map_err(|error| StatusError::bad_request(error.to_string()))?;
    let (head, chunks) = client.raw(request).await?.into_parts();
    let whole = chunks.try_fold(BytesMut::new(), |mut whole, chunk| {
        whole.extend_from_slice(&chunk);
        std::future::ready(Ok(whole))
    });
    let answer = serde_json::from_slice(&whole.await?).map_err(ClientError::unreadable)?;
    Ok((head.headers, answer))
}

#[cfg(test)]
mod tests {
    use super::warning;

    #[test]
    fn warnings_are_unquoted() {
        let rows = [
            (r#"299 - "spec.x: old""#, Some("spec.x: old")),
            (
                r#"299 - "unknown field \"spec.y\"" "date""#,
                Some(r#"unknown field "spec.y""#),
            ),
            ("214 - \"x\"", None),
            ("299 - \"open", None),
        ];
        for (header, text) in rows {
            assert_eq!(warning(header).as_deref(), text, "{header}");
        }
    }
}
