//! Errors as kubectl prints them.

use std::io;

use apimachinery::{Status, StatusError};
use client::{ClientError, TransportError};

/// An error that a message was already printed for.
#[derive(Debug, thiserror::Error)]
#[error("failed")]
pub(crate) struct AlreadyTold;

/// A server's refusal with what was done when it came: `error when creating "web.yaml"`.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {error}")]
pub(crate) struct While {
    pub doing: String,
    #[source]
    pub error: ClientError,
}

/// The lines for an error; nothing when there is nothing to say.
pub(crate) fn text(error: &anyhow::Error, host: &str) -> String {
    if error.is::<AlreadyTold>() || is_broken_pipe(error) {
        return String::new();
    }
    if let Some(error) = error.downcast_ref::<While>() {
        return client_error(&error.error, &format!("{}: ", error.doing), host);
    }
    match error.downcast_ref::<ClientError>() {
        Some(error) => client_error(error, "", host),
        None => format!("error: {error:#}"),
    }
}

/// The reader of our output has gone; that is no news.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn client_error(error: &ClientError, doing: &str, host: &str) -> String {
    match error {
        ClientError::Status(StatusError(status)) => refusal(status, doing),
        ClientError::Transport(TransportError::Unreachable(cause)) => {
            if is_refused(cause.as_ref()) {
                return format!(
                    "The connection to the server {host} was refused - did you specify the right \
                     host or port?"
                );
            }
            format!("Unable to connect to the server: {cause}")
        }
        ClientError::Transport(error) => format!("Unable to connect to the server: {error}"),
        ClientError::Unreadable(_) => format!("error: {error}"),
    }
}

fn is_refused(cause: &(dyn std::error::Error + 'static)) -> bool {
    let io = cause.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        || cause.source().is_some_and(is_refused)
}

fn refusal(status: &Status, doing: &str) -> String {
    let reason = status
        .reason
        .as_ref()
        .map_or("", |reason| reason.0.as_ref());
    let message = &status.message;
    match reason {
        "Unauthorized" => "error: You must be logged in to the server (Unauthorized)".into(),
        "Invalid" => invalid(status)
            .unwrap_or_else(|| format!("Error from server (Invalid): {doing}{message}")),
        "" => format!("Error from server: {doing}{message}"),
        _ => format!("Error from server ({reason}): {doing}{message}"),
    }
}

/// `The Pod "x" is invalid: spec: Required value`, or a list of causes.
fn invalid(status: &Status) -> Option<String> {
    let details = status.details.as_ref()?;
    let kind = &details.kind;
    let start = format!("The {kind} {:?} is invalid", details.name);
    let causes: Vec<String> = details
        .causes
        .iter()
        .map(|cause| format!("{}: {}", cause.field, cause.message))
        .collect();
    Some(match causes.as_slice() {
        [] => format!("{start}: {}", status.message),
        [only] => format!("{start}: {only}"),
        several => format!("{start}: \n* {}", several.join("\n* ")),
    })
}
