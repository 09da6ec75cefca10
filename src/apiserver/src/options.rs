//! Options of each verb, from the query and, for deletes, the body.

mod delete;
mod log;
mod read;

use std::num::{IntErrorKind, ParseIntError};

use apimachinery::{FieldError, FieldErrors, GroupVersionKind, Path, StatusError};
use http::Uri;
use registry::WriteOptions;
use schema::Validation;
use serde_json::{Value, json};

use crate::request_info::{queries, query};

pub use delete::{delete, read as delete_of};
pub use log::log;
pub use read::{list, reached, timeout, watch};

const MANAGER_SIZE: usize = 128;

/// Options of a create, update or patch.
///
/// # Errors
/// Invalid, naming every option that cannot be.
pub fn write(
    uri: &Uri,
    kind: &'static str,
    subresource: &'static str,
) -> Result<(WriteOptions, Validation), StatusError> {
    let mut errors = FieldErrors::new();
    if kind == "PatchOptions" && queries(uri, "force").next().is_some() {
        let text = "may not be specified for non-apply patch";
        errors.push(FieldError::forbidden(&Path::new("force"), text));
    }
    let field_manager = query(uri, "fieldManager");
    check_manager(&field_manager, &mut errors);
    let dry_run = dry_run(&queries(uri, "dryRun").collect::<Vec<_>>(), &mut errors);
    let text = query(uri, "fieldValidation");
    let validation = Validation::parse(&text);
    if validation.is_none() {
        let path = Path::new("fieldValidation");
        let known = ["", "Ignore", "Strict", "Warn"];
        errors.push(FieldError::not_supported(&path, text, &known));
    }
    valid(kind, &errors)?;
    let options = WriteOptions {
        dry_run,
        field_manager,
        subresource,
    };
    Ok((options, validation.unwrap_or(Validation::Warn)))
}

/// Invalid, of an options kind, unless there are no errors.
fn valid(kind: &'static str, errors: &FieldErrors) -> Result<(), StatusError> {
    if errors.is_empty() {
        return Ok(());
    }
    let kind = GroupVersionKind::new("meta.k8s.io", "v1", kind);
    Err(StatusError::invalid(&kind, "", errors))
}

fn check_manager(manager: &str, errors: &mut FieldErrors) {
    let path = Path::new("fieldManager");
    if manager.len() > MANAGER_SIZE {
        errors.push(FieldError::too_long(&path, MANAGER_SIZE));
    }
    if manager.chars().any(char::is_control) {
        errors.push(FieldError::invalid(
            &path,
            manager,
            "should only contain printable characters",
        ));
    }
}

/// Whether nothing may last; `All` is the one word for it.
fn dry_run(words: &[String], errors: &mut FieldErrors) -> bool {
    let words: Vec<&String> = words.iter().filter(|word| !word.is_empty()).collect();
    if words.iter().any(|word| *word != "All") {
        let path = Path::new("dryRun");
        let value: Value = json!(words);
        errors.push(FieldError::not_supported(&path, value, &["All"]));
    }
    !words.is_empty()
}

/// A number of a query, as Go's `strconv.ParseInt` reads it.
fn number(text: &str) -> Result<i64, StatusError> {
    text.parse().map_err(|error| {
        let why = why_no_number(&error);
        StatusError::bad_request(format!("strconv.ParseInt: parsing {text:?}: {why}"))
    })
}

fn why_no_number(error: &ParseIntError) -> &'static str {
    match error.kind() {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
        _ => "invalid syntax",
    }
}
