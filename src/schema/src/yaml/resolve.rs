//! What a scalar's text means, by the rules of YAML 1.1 as Go's reader keeps them.

use base64::Engine;

use super::YamlError;
use super::number::{digits, go_int};

/// A scalar's meaning.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// Above what fits an `i64`.
    Uint(u64),
    Float(f64),
    Text(String),
}

const PREFIX: &str = "tag:yaml.org,2002:";

/// A scalar with its tag, in its long form; without one, only plain texts have a meaning.
pub(super) fn scalar(text: &str, tag: Option<&str>, plain: bool) -> Result<Scalar, YamlError> {
    let Some(tag) = tag.filter(|tag| !tag.is_empty()) else {
        return Ok(if plain {
            resolve(text)
        } else {
            Scalar::Text(text.to_owned())
        });
    };
    match tag.strip_prefix(PREFIX) {
        Some("binary") => binary(text).map(Scalar::Text),
        Some("timestamp") if is_timestamp(text) => Ok(Scalar::Text(text.to_owned())),
        Some(wanted @ ("bool" | "int" | "float" | "null" | "timestamp")) => typed(text, wanted),
        _ => Ok(Scalar::Text(text.to_owned())),
    }
}

fn binary(text: &str) -> Result<String, YamlError> {
    let packed: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let decoded = base64::engine::general_purpose::STANDARD.decode(packed);
    let bytes = decoded
        .map_err(|_| YamlError::Yaml("!!binary value contains invalid base64 data".into()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn typed(text: &str, wanted: &str) -> Result<Scalar, YamlError> {
    let found = resolve(text);
    match (wanted, &found) {
        ("bool", Scalar::Bool(_))
        | ("int", Scalar::Int(_) | Scalar::Uint(_))
        | ("float", Scalar::Float(_))
        | ("null", Scalar::Null) => Ok(found),
        #[expect(
            clippy::cast_precision_loss,
            reason = "a float was asked for, as Go gives it"
        )]
        ("float", Scalar::Int(int)) => Ok(Scalar::Float(*int as f64)),
        _ => {
            let is = if is_timestamp(text) {
                "timestamp"
            } else {
                found.tag()
            };
            let text = format!("cannot decode !!{is} `{text}` as a !!{wanted}");
            Err(YamlError::Yaml(text))
        }
    }
}

impl Scalar {
    fn tag(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Uint(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
        }
    }
}

/// What an untagged plain text means.
fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => number(text).unwrap_or_else(|| Scalar::Text(text.to_owned())),
    }
}

fn number(text: &str) -> Option<Scalar> {
    if text.starts_with('.') {
        return float(text);
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '-') {
        return None;
    }
    let text = text.replace('_', "");
    match go_int(&text) {
        Some(int) => i64::try_from(int)
            .map(Scalar::Int)
            .or_else(|_| u64::try_from(int).map(Scalar::Uint))
            .ok()
            .or_else(|| float(&text)),
        None => float(&text),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, when it is finite.
fn float(text: &str) -> Option<Scalar> {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (rest, None),
    };
    let exponent_fits = exponent
        .is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)));
    let mantissa_fits = match mantissa.split_once('.') {
        None => digits(mantissa),
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
    };
    let value: f64 = text.parse().ok()?;
    (mantissa_fits && exponent_fits && value.is_finite()).then_some(Scalar::Float(value))
}

/// Whether a text, printed plain, would be read as that text again.
pub(super) fn is_plain_text(text: &str) -> bool {
    matches!(resolve(text), Scalar::Text(_)) && !is_timestamp(text) && !is_base60(text)
}

/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`: numbers in old parsers, texts in this one.
fn is_base60(text: &str) -> bool {
    let digit_or_low = |c: char| c.is_ascii_digit() || c == '_';
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (places, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut places = places.split(':');
    let first = places.next().unwrap_or_default();
    let rest: Vec<&str> = places.collect();
    let sixtieth = |place: &&str| match place.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
        _ => false,
    };
    first.starts_with(|c: char| c.is_ascii_digit())
        && first.chars().all(digit_or_low)
        && !rest.is_empty()
        && rest.iter().all(sixtieth)
        && fraction.chars().all(digit_or_low)
}

/// One of Go's four forms: `2006-1-2`, and with a time behind `T`, `t` or a blank.
fn is_timestamp(text: &str) -> bool {
    let Some((year, rest)) = text.split_once('-') else {
        return false;
    };
    let (date, time) = match rest.find(['T', 't', ' ']) {
        Some(at) => (&rest[..at], Some((rest.as_bytes()[at], &rest[at + 1..]))),
        None => (rest, None),
    };
    let Some((month, day)) = date.split_once('-') else {
        return false;
    };
    let date_fits = || {
        let year: u16 = year.parse().ok()?;
        let month = up_to(month, 12).filter(|month| *month > 0)?;
        up_to(day, days(year, month)).filter(|day| *day > 0)
    };
    year.len() == 4
        && digits(year)
        && date_fits().is_some()
        && match time {
            None => true,
            Some((b' ', time)) => is_time(time),
            Some((_, time)) => zone_cut(time).is_some_and(is_time),
        }
}

fn days(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The time before `Z`, `+01:00` or `-01:00`.
fn zone_cut(text: &str) -> Option<&str> {
    if let Some(time) = text.strip_suffix('Z') {
        return Some(time);
    }
    let (time, zone) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let (hours, minutes) = zone.strip_prefix(['+', '-'])?.split_once(':')?;
    (hours.len() == 2 && up_to(hours, 24).is_some() && up_to(minutes, 60).is_some()).then_some(time)
}

fn is_time(text: &str) -> bool {
    let (clock, fraction) = match text.split_once(['.', ',']) {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let places: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = places[..] else {
        return false;
    };
    up_to(hour, 23).is_some()
        && up_to(minute, 59).is_some()
        && up_to(second, 59).is_some()
        && fraction.is_none_or(digits)
}

/// One or two digits, at most this.
fn up_to(text: &str, most: u8) -> Option<u8> {
    let fits = (1..=2).contains(&text.len()) && digits(text);
    let value = text.parse().ok().filter(|_| fits)?;
    (value <= most).then_some(value)
}
