//! What a command works with: the server, the namespace, where it prints.

use std::io::{self, Write};

use anyhow::{Context, Result, anyhow};
use apimachinery::StatusError;
use base::Clock;
use bytes::{Bytes, BytesMut};
use client::{Client, ClientError};
use futures::TryStreamExt;
use http::{Method, Request};
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
    pub err: Box<dyn Write + Send>,
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
            err,
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
        request(client, method, uri, accept, body).await
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
    pub(crate) fn warn(&mut self, line: &str) {
        // Nobody reads the warnings: nobody to tell.
        let _unread = writeln!(self.err, "{line}");
    }
}

pub(crate) const JSON: &str = "application/json";

pub(crate) async fn request(
    client: &Client,
    method: Method,
    uri: &str,
    accept: &'static str,
    body: Option<Body>,
) -> Result<Value, ClientError> {
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
    let chunks = client.raw(request).await?.into_body();
    let whole = chunks.try_fold(BytesMut::new(), |mut whole, chunk| {
        whole.extend_from_slice(&chunk);
        std::future::ready(Ok(whole))
    });
    serde_json::from_slice(&whole.await?).map_err(ClientError::unreadable)
}
