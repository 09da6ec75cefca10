//! Formats of names and values, with upstream's texts.
//!
//! Every function answers `Err` with the text that belongs behind `Invalid value: "x": `. Where
//! upstream reports several texts for one value, they are lines of it; each is an error of its
//! own.

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const WILDCARD: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const TWO_SLASHES: &str = "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

const DOMAIN_PATH: &str = "must be a domain-prefixed path (such as \"acme.io/foo\")";
const INVALID_PATH: &str =
    "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";

/// What a format check answers.
pub type Checked = Result<(), String>;

fn at_most(text: &str, max: usize) -> Checked {
    if text.len() > max {
        return Err(format!("must be no more than {max} characters"));
    }
    Ok(())
}

/// Both texts, when both checks fail.
fn both(first: Checked, second: Checked) -> Checked {
    match (first, second) {
        (Err(first), Err(second)) => Err(format!("{first}\n{second}")),
        (first, second) => first.and(second),
    }
}

fn ensure(holds: bool, text: &str) -> Checked {
    if holds { Ok(()) } else { Err(text.to_owned()) }
}

/// Non-empty, `inner` bytes throughout, alphanumeric ends.
fn is_word(text: &str, inner: fn(u8) -> bool, end: fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    end(*first) && end(*last) && bytes.iter().all(|byte| inner(*byte))
}

fn is_lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_label(text: &str) -> bool {
    is_word(text, |byte| is_lower(byte) || byte == b'-', is_lower)
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    is_word(text, inner, |byte| byte.is_ascii_alphanumeric())
}

/// RFC 1123 label, at most 63 characters: namespaces, containers, volumes.
///
/// # Errors
/// With upstream's text.
pub fn dns_label(text: &str) -> Checked {
    let wrong = if is_subdomain(text) {
        "must not contain dots"
    } else {
        LABEL
    };
    let shape = ensure(is_label(text), wrong);
    both(at_most(text, 63), shape)
}

/// Most kinds' names are no longer, in bytes.
pub(crate) const NAME_SIZE: usize = 253;

/// RFC 1123 subdomain, at most 253 characters: most kinds' names.
///
/// # Errors
/// With upstream's text.
pub fn dns_subdomain(text: &str) -> Checked {
    both(
        at_most(text, NAME_SIZE),
        ensure(is_subdomain(text), SUBDOMAIN),
    )
}

/// `*.` and an RFC 1123 subdomain: hosts of an Ingress.
///
/// # Errors
/// With upstream's text.
pub fn wildcard(text: &str) -> Checked {
    let is_wildcard = text.strip_prefix("*.").is_some_and(is_subdomain);
    both(at_most(text, NAME_SIZE), ensure(is_wildcard, WILDCARD))
}

/// RFC 1035 label, which begins with a letter: services.
///
/// # Errors
/// With upstream's text.
pub fn dns1035_label(text: &str) -> Checked {
    let starts_with_letter = text.starts_with(|c: char| c.is_ascii_lowercase());
    both(
        at_most(text, 63),
        ensure(is_label(text) && starts_with_letter, LABEL_1035),
    )
}

/// Whatever may stand between two slashes of a path.
///
/// # Errors
/// With upstream's text.
pub fn path_segment(text: &str) -> Checked {
    ensure(text != "." && text != "..", &format!("may not be '{text}'"))?;
    both(
        ensure(!text.contains('/'), "may not contain '/'"),
        ensure(!text.contains('%'), "may not contain '%'"),
    )
}

/// `name` or `prefix/name`: label keys, resource names, condition types.
///
/// # Errors
/// With upstream's text.
pub fn qualified_name(text: &str) -> Checked {
    let (prefix, name) = match text.split_once('/') {
        None => (None, text),
        Some((prefix, name)) => (Some(prefix), name),
    };
    ensure(!name.contains('/'), TWO_SLASHES)?;
    let prefix = match prefix {
        None => Ok(()),
        Some("") => Err("prefix part must be non-empty".to_owned()),
        Some(prefix) => dns_subdomain(prefix).map_err(|texts| {
            let lines: Vec<String> = texts.lines().map(|t| format!("prefix part {t}")).collect();
            lines.join("\n")
        }),
    };
    let length = ensure(!name.is_empty(), "name part must be non-empty").and(ensure(
        name.len() <= 63,
        "name part must be no more than 63 bytes",
    ));
    both(both(prefix, length), ensure(is_name(name), NAME_PART))
}

/// `example.com/name`: who manages an object, or what class it is of.
///
/// # Errors
/// With upstream's text.
pub fn domain_path(text: &str) -> Checked {
    let Some((domain, path)) = text.split_once('/') else {
        return Err(DOMAIN_PATH.to_owned());
    };
    ensure(!domain.is_empty() && !path.is_empty(), DOMAIN_PATH)?;
    dns_subdomain(domain)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:%".contains(&byte);
    ensure(path.bytes().all(plain), INVALID_PATH)
}

/// A label's value; may be empty.
///
/// # Errors
/// With upstream's text.
pub fn label_value(text: &str) -> Checked {
    both(
        ensure(text.len() <= 63, "must be no more than 63 bytes"),
        ensure(text.is_empty() || is_name(text), VALUE),
    )
}

/// A key of a ConfigMap or Secret, and so a file name.
///
/// # Errors
/// With upstream's text.
pub fn config_map_key(text: &str) -> Checked {
    at_most(text, NAME_SIZE)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    ensure(!text.is_empty() && text.bytes().all(plain), CONFIG_KEY)?;
    ensure(text != ".", "must not be '.'")?;
    ensure(text != "..", "must not be '..'")?;
    ensure(!text.starts_with(".."), "must not start with '..'")
}

/// An environment variable's name: anything printable but `=`.
///
/// # Errors
/// With upstream's text.
pub fn env_name(text: &str) -> Checked {
    let printable = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'=';
    ensure(
        !text.is_empty() && text.bytes().all(printable),
        "a valid environment variable name must consist only of printable ASCII characters other than '='",
    )
}

/// A container port's name.
///
/// # Errors
/// With upstream's text.
pub fn port_name(text: &str) -> Checked {
    at_most(text, 15)?;
    let plain = |byte: u8| is_lower(byte) || byte == b'-';
    ensure(
        text.bytes().all(plain),
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    )?;
    ensure(
        text.bytes().any(|byte| byte.is_ascii_lowercase()),
        "must contain at least one letter (a-z)",
    )?;
    ensure(!text.contains("--"), "must not contain consecutive hyphens")?;
    ensure(
        !text.starts_with('-') && !text.ends_with('-'),
        "must not begin or end with a hyphen",
    )
}

/// 1 to 65535.
///
/// # Errors
/// With upstream's text.
pub fn port_number(port: i64) -> Checked {
    ensure(
        (1..=65535).contains(&port),
        "must be between 1 and 65535, inclusive",
    )
}

/// `25%`.
///
/// # Errors
/// With upstream's text.
pub fn percent(text: &str) -> Checked {
    let digits = text.strip_suffix('%').unwrap_or("");
    ensure(
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()),
        PERCENT,
    )
}

/// An IP address of either family. Leading zeros of IPv4 parts pass, as upstream still lets
/// them.
///
/// # Errors
/// With upstream's text.
pub fn ip(text: &str) -> Checked {
    let valid = parse_ip(text).is_some();
    ensure(
        valid,
        "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
    )
}

/// The address, leading zeros of IPv4 parts read as decimal.
pub(crate) fn parse_ip(text: &str) -> Option<std::net::IpAddr> {
    if let Ok(ip) = text.parse() {
        return Some(ip);
    }
    let part = |part: &str| match part.trim_start_matches('0') {
        "" if !part.is_empty() => "0".to_owned(),
        rest => rest.to_owned(),
    };
    let stripped: Vec<String> = text.split('.').map(part).collect();
    stripped
        .join(".")
        .parse::<std::net::Ipv4Addr>()
        .ok()
        .map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Check = fn(&str) -> Checked;

    #[test]
    fn formats() {
        let long = "a".repeat(64);
        let empty_name = format!("name part must be non-empty\n{NAME_PART}");
        let rows: &[(Check, &str, &str)] = &[
            (dns_label, "my-name", ""),
            (dns_label, "a.b", "must not contain dots"),
            (dns_label, "A", LABEL),
            (dns_label, "-a", LABEL),
            (dns_label, &long, "must be no more than 63 characters"),
            (dns_subdomain, "a.b-c.d", ""),
            (dns_subdomain, "a..b", SUBDOMAIN),
            (dns_subdomain, "", SUBDOMAIN),
            (dns1035_label, "1a", LABEL_1035),
            (dns1035_label, "a1", ""),
            (path_segment, "..", "may not be '..'"),
            (path_segment, "a:b", ""),
            (path_segment, "a%b", "may not contain '%'"),
            (qualified_name, "example.com/My_Name", ""),
            (qualified_name, "/x", "prefix part must be non-empty"),
            (qualified_name, "x/", &empty_name),
            (qualified_name, "a/b/c", TWO_SLASHES),
            (qualified_name, "a b", NAME_PART),
            (label_value, "", ""),
            (label_value, "a b", VALUE),
            (label_value, &long, "must be no more than 63 bytes"),
            (config_map_key, "..data", "must not start with '..'"),
            (config_map_key, "a/b", CONFIG_KEY),
            (config_map_key, ".x_Y", ""),
            (env_name, "1.a b", ""),
            (port_name, "http", ""),
            (port_name, "80", "must contain at least one letter (a-z)"),
            (port_name, "a--b", "must not contain consecutive hyphens"),
            (port_name, "b-", "must not begin or end with a hyphen"),
            (percent, "25%", ""),
            (percent, "%", PERCENT),
            (ip, "010.0.0.1", ""),
            (ip, "::1", ""),
            (
                ip,
                "1.2.3",
                "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            ),
        ];
        for (check, text, expected) in rows {
            let answer = check(text).err().unwrap_or_default();
            assert_eq!(&answer, expected, "{text:?}");
        }
    }
}
