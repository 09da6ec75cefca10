//! What can go wrong with a request.

use apimachinery::StatusError;

use crate::transport::TransportError;

/// A request without the answer it asked for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused it.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// There is no whole answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The answer is not what this request is answered with.
    #[error("the API server's answer cannot be read: {0}")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ClientError {
    /// An answer that is not what the request is answered with.
    pub fn unreadable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unreadable(cause.into())
    }

    /// Whether a write may have been committed although it failed here. Before repeating a
    /// create with `generateName`, wait until the cache has seen a newer consistent list.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::Status(status) => status.code() == 504,
            Self::Transport(error) => error.sent(),
            Self::Unreadable(_) => true,
        }
    }

    /// The server's refusal, when there is one.
    #[must_use]
    pub fn status(&self) -> Option<&StatusError> {
        match self {
            Self::Status(status) => Some(status),
            Self::Transport(_) | Self::Unreadable(_) => None,
        }
    }

    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status().is_some_and(StatusError::is_not_found)
    }

    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        self.status().is_some_and(StatusError::is_already_exists)
    }

    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.status().is_some_and(StatusError::is_conflict)
    }

    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.status().is_some_and(StatusError::is_expired)
    }

    /// Whether the reason is `Forbidden`: a terminating namespace, a quota, missing rights.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.status()
            .is_some_and(|status| status.reason() == "Forbidden")
    }
}

/// What was asked of an object that may be gone: `None` when it is.
///
/// # Errors
/// Any other than NotFound.
pub fn if_present<T>(asked: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
    match asked {
        Err(error) if error.is_not_found() => Ok(None),
        asked => asked.map(Some),
    }
}

impl From<ClientError> for StatusError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Status(status) => status,
            ClientError::Transport(error) => Self::service_unavailable(error.to_string()),
            ClientError::Unreadable(_) => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use apimachinery::GroupResource;

    use super::*;

    #[test]
    fn what_is_gone_is_none_and_other_refusals_stay() {
        let pods = GroupResource {
            group: "".into(),
            resource: "pods".into(),
        };
        let gone = StatusError::not_found(&pods, "a");
        let taken = StatusError::already_exists(&pods, "a");
        assert!(matches!(if_present(Ok(7)), Ok(Some(7))));
        assert!(matches!(if_present::<()>(Err(gone.into())), Ok(None)));
        let refused = if_present::<()>(Err(taken.clone().into()));
        assert_eq!(refused.expect_err("a refusal").status(), Some(&taken));
    }
}
