//! Errors as kubectl prints them.

use std::collections::HashSet;
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
        "Invalid" => invalid(status),
        "" => format!("Error from server: {doing}{message}"),
        _ => format!("Error from server ({reason}): {doing}{message}"),
    }
}

/// `The Pod "x" is invalid: spec: Required value`, or a list of causes; where the server names no
/// object, what it says.
fn invalid(status: &Status) -> String {
    let details = status.details.as_ref();
    let named = details.filter(|details| !details.kind.is_empty() || !details.name.is_empty());
    let start = named.map_or("The request is invalid".to_owned(), |details| {
        format!("The {} {:?} is invalid", details.kind, details.name)
    });
    let causes = details.map_or(&[][..], |details| &details.causes).iter();
    let causes = causes.map(|cause| format!("{}: {}", cause.field, cause.message));
    let mut seen = HashSet::new();
    let causes: Vec<String> = causes.filter(|cause| seen.insert(cause.clone())).collect();
    match causes.as_slice() {
        [] if named.is_some() || status.message.is_empty() => start,
        [] => format!("{start}: {}", status.message),
        [only] => format!("{start}: {only}"),
        several => format!("{start}: \n* {}", several.join("\n* ")),
    }
}

#[cfg(test)]
mod tests {
    use apimachinery::{Cause, Details};
    use expect_test::expect;

    use super::*;

    #[test]
    fn what_is_invalid_is_told_as_kubectl_does() {
        let cause = |field: &str| Cause {
            field: field.to_owned(),
            message: "Required value".to_owned(),
            ..Cause::default()
        };
        let details = |kind: &str, causes: Vec<Cause>| Details {
            kind: kind.to_owned(),
            name: if kind.is_empty() { "" } else { "a" }.to_owned(),
            causes,
            ..Details::default()
        };
        let rows = [
            None,
            Some(details("", Vec::new())),
            Some(details("", vec![cause("spec")])),
            Some(details("Pod", Vec::new())),
            Some(details("Pod", vec![cause("spec"), cause("spec")])),
            Some(details("Pod", vec![cause("spec"), cause("status")])),
        ];
        let shown = rows.map(|details| {
            let mut error = StatusError::unprocessable("it says so");
            error.0.details = details;
            refusal(&error.0, "error when doing it: ")
        });
        expect![[r#"
            The request is invalid: it says so
            The request is invalid: it says so
            The request is invalid: spec: Required value
            The Pod "a" is invalid
            The Pod "a" is invalid: spec: Required value
            The Pod "a" is invalid: 
            * spec: Required value
            * status: Required value"#]]
        .assert_eq(&shown.join("\n"));
    }
}
