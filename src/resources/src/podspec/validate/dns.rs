//! Rules of a pod's own DNS settings.

use apimachinery::{FieldError, FieldErrors};

use crate::at::At;
use crate::meta;

const NAMESERVERS: usize = 3;
const SEARCHES: usize = 32;
const SEARCH_SIZE: usize = 2048;

pub(super) fn validate_dns_config(spec: &At<'_>, errors: &mut FieldErrors) {
    let config = spec.child("dnsConfig");
    let servers = config.child("nameservers");
    if spec.child("dnsPolicy").text() == "None" {
        if !config.is_present() {
            errors.push(config.required("must provide `dnsConfig` when `dnsPolicy` is None"));
            return;
        }
        if servers.is_zero() {
            errors.push(
                servers
                    .required("must provide at least one DNS nameserver when `dnsPolicy` is None"),
            );
            return;
        }
    }
    if servers.items().count() > NAMESERVERS {
        let detail = format!("must not have more than {NAMESERVERS} nameservers");
        errors.push(servers.invalid(detail));
    }
    for server in servers.items() {
        server.check(meta::ip, errors);
    }
    validate_searches(&config.child("searches"), errors);
    for option in config.child("options").items() {
        let name = option.child("name");
        if name.text().is_empty() {
            errors.push(FieldError::required(&option.path, "must not be empty"));
        }
    }
}

fn validate_searches(searches: &At<'_>, errors: &mut FieldErrors) {
    let paths: Vec<At<'_>> = searches.items().collect();
    if paths.len() > SEARCHES {
        let detail = format!("must not have more than {SEARCHES} search paths");
        errors.push(searches.invalid(detail));
    }
    let size: usize = paths.iter().map(|path| path.text().len()).sum();
    if size + paths.len().saturating_sub(1) > SEARCH_SIZE {
        errors.push(searches.invalid(format!(
            "must not have more than {SEARCH_SIZE} characters (including spaces) in the search list"
        )));
    }
    for path in paths {
        let text = path.text();
        if text == "." {
            continue;
        }
        if let Err(details) = meta::dns_subdomain(&plain(text)) {
            for detail in details.lines() {
                errors.push(path.invalid(detail));
            }
        }
    }
}

/// A search domain may end in a dot and have underscores, at the start of its labels too
/// (`_sip._tcp.example.com.`); without them it must be a plain subdomain.
fn plain(search: &str) -> String {
    let labels = search.strip_suffix('.').unwrap_or(search).split('.');
    let plain = labels.map(|label| label.strip_prefix('_').unwrap_or(label).replace('_', "-"));
    plain.collect::<Vec<_>>().join(".")
}
