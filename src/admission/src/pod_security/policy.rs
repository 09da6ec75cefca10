//! What a namespace's labels ask for.

use std::fmt;

use apimachinery::{FieldError, FieldErrors, Object, Path};

/// From the least to the most strict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    #[default]
    Privileged,
    Baseline,
    Restricted,
}

impl Level {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "privileged" => Some(Self::Privileged),
            "baseline" => Some(Self::Baseline),
            "restricted" => Some(Self::Restricted),
            _ => None,
        }
    }
}

/// A level as of a version of Kubernetes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Versioned {
    pub(super) level: Level,
    /// The minor version; `None` is the latest.
    pub(super) minor: Option<u32>,
}

impl Versioned {
    /// Whether pods that were fine may be no longer.
    pub(super) fn is_tighter_than(self, old: Self) -> bool {
        self != old
            && self.level != Level::Privileged
            && (self.minor != old.minor || self.level > old.level)
    }
}

impl fmt::Display for Versioned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        };
        match self.minor {
            None => write!(f, "{level}:latest"),
            Some(minor) => write!(f, "{level}:v1.{minor}"),
        }
    }
}

/// What a namespace enforces and warns of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) enforce: Versioned,
    pub(super) warn: Versioned,
}

impl Policy {
    /// Reads the labels. What is wrong is as strict as can be where it enforces, and nothing
    /// where it warns. Who enforces a level and says nothing of warnings is warned of that level,
    /// because it refuses the pods of workloads and not the workloads.
    pub(super) fn of(namespace: &Object) -> (Self, FieldErrors) {
        let mut errors = FieldErrors::default();
        let enforce = versioned(namespace, "enforce", Level::Restricted, &mut errors);
        versioned(namespace, "audit", Level::Privileged, &mut errors);
        let mut warn = versioned(namespace, "warn", Level::Privileged, &mut errors);
        let says = |mode: &str| namespace.label(&label(mode));
        if says("warn").is_none() && says("enforce").and_then(Level::parse).is_some() {
            warn.level = enforce.level;
            if says("warn-version").is_none() {
                warn.minor = enforce.minor;
            }
        }
        (Self { enforce, warn }, errors)
    }

    pub(super) fn is_privileged(self) -> bool {
        [self.enforce, self.warn].map(|v| v.level) == [Level::Privileged; 2]
    }
}

fn label(mode: &str) -> String {
    format!("pod-security.kubernetes.io/{mode}")
}

fn versioned(
    namespace: &Object,
    mode: &str,
    fallback: Level,
    errors: &mut FieldErrors,
) -> Versioned {
    let mut read = Versioned::default();
    let mut refuse = |label: &str, value: &str, why: &str| {
        let path = Path::new("metadata").child("labels").key(label);
        errors.0.push(FieldError::invalid(&path, value, why));
    };
    let label = label(mode);
    if let Some(text) = namespace.label(&label) {
        read.level = Level::parse(text).unwrap_or_else(|| {
            refuse(
                &label,
                text,
                "must be one of privileged, baseline, restricted",
            );
            fallback
        });
    }
    let label = format!("{label}-version");
    if let Some(text) = namespace.label(&label) {
        read.minor = minor(text).unwrap_or_else(|| {
            refuse(&label, text, "must be \"latest\" or \"v1.x\"");
            None
        });
    }
    read
}

/// `latest` or `v1.24`.
fn minor(text: &str) -> Option<Option<u32>> {
    if text == "latest" {
        return Some(None);
    }
    let digits = text.strip_prefix("v1.")?;
    let plain = digits == "0" || !digits.starts_with(['0', '+']);
    plain.then(|| digits.parse().ok().map(Some))?
}
