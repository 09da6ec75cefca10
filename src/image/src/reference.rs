//! Image references: what a Pod's `image` may say. Grammar, normalisation and error texts are
//! those of Docker's `distribution/reference`, because users see them: the kubelet shows
//! `couldn't parse image name "X": <ReferenceError>` with the reason InvalidImageName.

use std::fmt;
use std::str::FromStr;

use crate::digest::{Digest, DigestError};

mod grammar;

/// The registry of names that do not begin with one.
pub const DEFAULT_DOMAIN: &str = "docker.io";
/// The tag of names that carry neither tag nor digest.
pub const DEFAULT_TAG: &str = "latest";

/// A normalised reference: `busybox` is `docker.io/library/busybox`.
///
/// Shown in full, with tag and digest as far as they are there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    domain: String,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a text is no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The empty text.
    #[error("invalid reference format")]
    Empty,
    /// The grammar does not match.
    #[error("invalid reference format")]
    Format,
    /// Upper-case letters after the registry.
    #[error("invalid reference format: repository name ({0}) must be lowercase")]
    Uppercase(String),
    /// Exactly 64 hex digits would be taken for an image id.
    #[error("invalid repository name ({0}), cannot specify 64-byte hexadecimal strings")]
    Identifier(String),
    /// More than 255 characters of path.
    #[error("repository name must not be more than 255 characters")]
    TooLong,
    /// After `@` stands no digest this node can verify.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

impl Reference {
    /// Parses and normalises, without adding a default tag ([`Reference::tagged`] does).
    ///
    /// # Errors
    /// [`ReferenceError`], with Docker's texts.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        if text.len() == 64 && Digest::from_hex(text).is_ok() {
            return Err(ReferenceError::Identifier(text.to_owned()));
        }
        let (domain, remainder) = split_domain(text);
        let name = remainder.split(':').next().unwrap_or(&remainder);
        if name.chars().any(char::is_uppercase) {
            return Err(ReferenceError::Uppercase(name.to_owned()));
        }
        let (named, digest) = match remainder.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (remainder.as_str(), None),
        };
        let (path, tag) = match named.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (named, None),
        };
        let fits = grammar::is_domain(&domain)
            && grammar::is_path(path)
            && tag.is_none_or(grammar::is_tag)
            && digest.is_none_or(grammar::is_digest);
        if !fits {
            return Err(ReferenceError::Format);
        }
        if path.len() > 255 {
            return Err(ReferenceError::TooLong);
        }
        Ok(Self {
            path: path.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::parse).transpose()?,
            domain,
        })
    }

    /// The registry's host, with its port if one is named: `docker.io`, `localhost:5000`.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The repository within the registry: `library/busybox`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Registry and repository: `docker.io/library/busybox`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.domain, self.path)
    }

    /// The tag, if one is named.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one is named.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The same with the tag `latest` when neither tag nor digest is named.
    #[must_use]
    pub fn tagged(mut self) -> Self {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some(DEFAULT_TAG.to_owned());
        }
        self
    }

    /// What a store looks up: a digest decides and drops the tag, otherwise the tag, `latest` by
    /// default.
    #[must_use]
    pub fn key(mut self) -> Self {
        if self.digest.is_some() {
            self.tag = None;
        }
        self.tagged()
    }

    /// The same without its digest, `latest` by default; `None` for a name with a digest alone.
    #[must_use]
    pub fn tag_only(&self) -> Option<Self> {
        if self.tag.is_none() && self.digest.is_some() {
            return None;
        }
        Some(
            Self {
                digest: None,
                ..self.clone()
            }
            .tagged(),
        )
    }

    /// The same repository at `digest`, without a tag.
    #[must_use]
    pub fn at_digest(&self, digest: Digest) -> Self {
        Self {
            tag: None,
            digest: Some(digest),
            ..self.clone()
        }
    }
}

/// Splits off the registry: the first component is one only if it holds a dot or a colon, is
/// `localhost`, or is not all lower case.
fn split_domain(text: &str) -> (String, String) {
    let (domain, remainder) = match text.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.to_lowercase() != first =>
        {
            (first, rest)
        }
        _ => (DEFAULT_DOMAIN, text),
    };
    let domain = if domain == "index.docker.io" {
        DEFAULT_DOMAIN
    } else {
        domain
    };
    if domain == DEFAULT_DOMAIN && !remainder.contains('/') {
        (domain.to_owned(), format!("library/{remainder}"))
    } else {
        (domain.to_owned(), remainder.to_owned())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.domain, self.path)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        Self::parse(text)
    }
}

impl serde::Serialize for Reference {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Reference {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
