//! Rules of Secrets, by type.

use apimachinery::{FieldError, FieldErrors, Object};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::super::data;
use crate::at::{At, immutable};

const REDACTED: &str = "<secret contents redacted>";
const ACCOUNT: &str = "kubernetes.io/service-account.name";

/// Keys without which a secret of a type is of no use.
const NEEDED: [(&str, &[&str]); 2] = [
    ("kubernetes.io/ssh-auth", &["ssh-privatekey"]),
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
];

pub(super) fn validate_secret(secret: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let content = At::root(secret, "data");
    data::validate_keys(&content, &mut errors);
    let size: usize = content
        .entries()
        .map(|(_, value)| data::decoded_size(&value))
        .sum();
    if size > data::MAX_SIZE {
        errors.push(FieldError::too_long(&content.path, data::MAX_SIZE));
    }
    validate_type(secret, &content, &mut errors);
    errors
}

fn validate_type(secret: &Object, content: &At<'_>, errors: &mut FieldErrors) {
    let kind = At::root(secret, "type").text();
    let entry = |key: &str| At {
        path: content.path.key(key),
        value: content.value.get(key).unwrap_or(&Value::Null),
    };
    match kind {
        "kubernetes.io/service-account-token" => {
            if secret.annotation(ACCOUNT).unwrap_or("").is_empty() {
                let annotations = At::root(secret, "metadata").child("annotations");
                errors.push(FieldError::required(&annotations.path.key(ACCOUNT), ""));
            }
        }
        "kubernetes.io/dockercfg" => validate_json(&entry(".dockercfg"), errors),
        "kubernetes.io/dockerconfigjson" => validate_json(&entry(".dockerconfigjson"), errors),
        "kubernetes.io/basic-auth" => {
            let both = ["username", "password"].map(entry);
            if both.iter().all(|at| !at.is_present()) {
                errors.0.extend(both.iter().map(|at| at.required("")));
            }
        }
        _ => {
            let needed = NEEDED.iter().find(|(name, _)| *name == kind);
            for key in needed.map_or(&[][..], |(_, keys)| keys) {
                let at = entry(key);
                // A certificate may still be empty, to be filled in; a private key may not.
                let is_missing = match *key {
                    "ssh-privatekey" => at.text().is_empty(),
                    _ => !at.is_present(),
                };
                if is_missing {
                    errors.push(at.required(""));
                }
            }
        }
    }
}

/// The text of the error must not quote the secret.
fn validate_json(at: &At<'_>, errors: &mut FieldErrors) {
    if !at.is_present() {
        errors.push(at.required(""));
        return;
    }
    let bytes = BASE64_STANDARD.decode(at.text()).unwrap_or_default();
    if let Err(error) = schema::decode::map(&bytes) {
        errors.push(FieldError::invalid(&at.path, REDACTED, error.to_string()));
    }
}

pub(super) fn validate_change(new: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    immutable(&At::root(new, "type"), &At::root(old, "type"), &mut errors);
    data::validate_frozen(new, old, &["data"], &mut errors);
    errors.extend(validate_secret(new));
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refusal_quotes_nothing_of_the_secret() {
        for content in [
            "\"hunter2\"",
            "hunter2",
            "{\"hunter2\": hunter2}",
            "[\"hunter2\"]",
        ] {
            let secret = Object::from_value(json!({
                "metadata": {"name": "s"}, "type": "kubernetes.io/dockerconfigjson",
                "data": {".dockerconfigjson": BASE64_STANDARD.encode(content)},
            }));
            let errors = validate_secret(&secret.expect("an object"));
            assert_eq!(errors.0.len(), 1);
            let text = errors.0[0].to_string();
            assert!(
                text.contains(REDACTED) && !text.contains("hunter2"),
                "{text}"
            );
        }
    }
}
