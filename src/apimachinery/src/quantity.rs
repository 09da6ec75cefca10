//! `resource.Quantity`: fixed-point numbers with SI and binary suffixes.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

/// The unit of `nanos`.
const NANO: i128 = 1_000_000_000;

/// A number down to nano units, printed in the form it was written in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Format {
    /// `100m`, `1k`, `2M`.
    #[default]
    DecimalSi,
    /// `1Ki`, `512Mi`.
    BinarySi,
    /// `1e3`.
    DecimalExponent,
}

/// The text is no quantity; the message is upstream's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseQuantityError {
    #[error(
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    )]
    Format,
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

const BINARY: [(&str, u32); 6] = [
    ("Ki", 10),
    ("Mi", 20),
    ("Gi", 30),
    ("Ti", 40),
    ("Pi", 50),
    ("Ei", 60),
];
const DECIMAL: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

impl Quantity {
    /// A whole number.
    #[must_use]
    pub fn from_units(units: i64) -> Self {
        Self {
            nanos: i128::from(units) * NANO,
            format: Format::DecimalSi,
        }
    }

    /// Thousandths, as CPU is counted.
    #[must_use]
    pub fn from_milli(milli: i64) -> Self {
        Self {
            nanos: i128::from(milli) * (NANO / 1000),
            format: Format::DecimalSi,
        }
    }

    /// Bytes, printed with binary suffixes.
    #[must_use]
    pub fn from_bytes(bytes: i64) -> Self {
        Self {
            nanos: i128::from(bytes) * NANO,
            format: Format::BinarySi,
        }
    }

    /// Rounded up to a whole number (`Value()`), capped at the range of i64.
    #[must_use]
    pub fn units(&self) -> i64 {
        ceil_div(self.nanos, NANO)
    }

    /// Rounded up to thousandths (`MilliValue()`), capped at the range of i64.
    #[must_use]
    pub fn milli(&self) -> i64 {
        ceil_div(self.nanos, NANO / 1000)
    }

    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.nanos == 0
    }

    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.nanos < 0
    }
}

fn ceil_div(value: i128, by: i128) -> i64 {
    let quotient = value.div_euclid(by) + i128::from(value.rem_euclid(by) != 0);
    i64::try_from(quotient).unwrap_or(if quotient < 0 { i64::MIN } else { i64::MAX })
}

impl FromStr for Quantity {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, suffix) = unsigned.split_at(end.unwrap_or(unsigned.len()));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(ParseQuantityError::Format);
        }
        let (format, scale) = parse_suffix(suffix)?;
        let nanos = scaled(whole, fraction, scale);
        let nanos = if text.starts_with('-') { -nanos } else { nanos };
        Ok(Self { nanos, format })
    }
}

/// What one unit of the written number is worth: 2^binary · 10^decimal.
#[derive(Clone, Copy)]
struct Scale {
    binary: u32,
    decimal: i32,
}

fn parse_suffix(suffix: &str) -> Result<(Format, Scale), ParseQuantityError> {
    if let Some((_, bits)) = BINARY.iter().find(|(s, _)| *s == suffix) {
        return Ok((
            Format::BinarySi,
            Scale {
                binary: *bits,
                decimal: 0,
            },
        ));
    }
    if let Some((_, power)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
        return Ok((
            Format::DecimalSi,
            Scale {
                binary: 0,
                decimal: *power,
            },
        ));
    }
    let exponent = suffix
        .strip_prefix(['e', 'E'])
        .ok_or(ParseQuantityError::Suffix)?;
    let decimal: i32 = exponent.parse().map_err(|_| ParseQuantityError::Suffix)?;
    Ok((Format::DecimalExponent, Scale { binary: 0, decimal }))
}

/// The number in nano units, rounded up, capped at 2^63 - 1 whole units as upstream caps. Exact
/// whatever the number of digits.
fn scaled(whole: &str, fraction: &str, scale: Scale) -> i128 {
    const CAP: i128 = i64::MAX as i128 * NANO;
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    digits.iter_mut().for_each(|digit| *digit -= b'0');
    if scale.binary > 0 {
        digits = times(&digits, 1 << scale.binary);
    }
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    let digits = &digits[zeros..];
    if digits.is_empty() {
        return 0;
    }
    // The number is 0.digits · 10^point nano units.
    let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let point = count(digits.len()) - count(fraction.len()) + i64::from(scale.decimal) + 9;
    match usize::try_from(point) {
        // Between zero and one.
        Err(_) | Ok(0) => 1,
        // One digit more than the cap has.
        Ok(29..) => CAP,
        Ok(point) => {
            let (before, after) = digits.split_at(point.min(digits.len()));
            let padding = std::iter::repeat_n(&0, point - before.len());
            let number = before.iter().chain(padding);
            let number = number.fold(0, |number, digit| number * 10 + i128::from(*digit));
            let up = i128::from(after.iter().any(|digit| *digit != 0));
            CAP.min(number + up)
        }
    }
}

/// Long multiplication of decimal digits.
fn times(digits: &[u8], factor: u64) -> Vec<u8> {
    let (mut product, mut carry) = (Vec::with_capacity(digits.len() + 20), 0_u128);
    let mut push = |carry: &mut u128| {
        product.push(u8::try_from(*carry % 10).expect("a digit"));
        *carry /= 10;
    };
    for digit in digits.iter().rev() {
        carry += u128::from(*digit) * u128::from(factor);
        push(&mut carry);
    }
    while carry > 0 {
        push(&mut carry);
    }
    product.reverse();
    product
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format {
            Format::BinarySi if self.nanos % NANO == 0 => {
                let units = self.nanos / NANO;
                if units.abs() >= 1024 {
                    let fits = |bits: &u32| units % (1i128 << *bits) == 0;
                    let suffix = BINARY.iter().rev().find(|(_, bits)| fits(bits));
                    return match suffix {
                        Some((suffix, bits)) => write!(f, "{}{suffix}", units >> bits),
                        None => write!(f, "{units}"),
                    };
                }
                write!(f, "{units}")
            }
            Format::BinarySi | Format::DecimalSi => {
                let (mantissa, power) = self.shortest();
                let suffix = DECIMAL
                    .iter()
                    .find(|(_, p)| *p == power)
                    .map_or("", |(s, _)| s);
                write!(f, "{mantissa}{suffix}")
            }
            Format::DecimalExponent => {
                let (mantissa, power) = self.shortest();
                if power == 0 {
                    write!(f, "{mantissa}")
                } else {
                    write!(f, "{mantissa}e{power}")
                }
            }
        }
    }
}

impl Quantity {
    /// The largest power of 1000 that leaves a whole mantissa.
    fn shortest(&self) -> (i128, i32) {
        let (mut mantissa, mut power) = (self.nanos, -9);
        while mantissa != 0 && mantissa % 1000 == 0 && power < 18 {
            mantissa /= 1000;
            power += 3;
        }
        if mantissa == 0 {
            (0, 0)
        } else {
            (mantissa, power)
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl Add for Quantity {
    type Output = Self;

    /// The sum takes the left side's form, or the right's when the left is zero.
    fn add(self, other: Self) -> Self {
        let format = if self.is_zero() {
            other.format
        } else {
            self.format
        };
        Self {
            nanos: self.nanos.saturating_add(other.nanos),
            format,
        }
    }
}

impl Sub for Quantity {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        let format = if self.is_zero() {
            other.format
        } else {
            self.format
        };
        Self {
            nanos: self.nanos.saturating_sub(other.nanos),
            format,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_canonical_form() {
        let rows = [
            ("0", "0"),
            ("100m", "100m"),
            ("0.1", "100m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("1.5", "1500m"),
            ("1k", "1k"),
            ("1000", "1k"),
            ("1024", "1024"),
            ("1Ki", "1Ki"),
            ("1024Ki", "1Mi"),
            ("0.5Gi", "512Mi"),
            ("100Ki", "100Ki"),
            ("1000Ki", "1000Ki"),
            ("0.5Ki", "512"),
            ("1e3", "1e3"),
            ("1E", "1E"),
            ("12e6", "12e6"),
            ("-5m", "-5m"),
            ("0.1n", "1n"),
            ("9223372036854775807E", "9223372036854775807"),
            (".5", "500m"),
            ("5.", "5"),
            // More digits than a machine's number holds.
            (
                "854775802203685492512036800n",
                "854775802203685492512036800n",
            ),
            (
                "854775802203685492.51203685477580220368547758006",
                "854775802203685492512036855n",
            ),
            ("100000000000000000000000000000000000000000e-41", "1"),
            (
                "1.000000000000000000000000000000000000000000000001Ki",
                "1024000000001n",
            ),
            (
                "1.0000000000000000000000000000000000000000000000000Ki",
                "1Ki",
            ),
            ("0000000000000000000000000000000000000000000000000001", "1"),
        ];
        for (text, printed) in rows {
            assert_eq!(
                text.parse::<Quantity>().expect(text).to_string(),
                printed,
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_what_is_no_quantity() {
        for text in ["", ".", "1.2.3", "a", "1K", "1 ", "--1", "1kk", "1eX", "1i"] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }

    #[test]
    fn counts_and_compares() {
        let quantity = |text: &str| text.parse::<Quantity>().expect("valid");
        assert_eq!(quantity("1.1").units(), 2);
        assert_eq!(quantity("1.1").milli(), 1100);
        assert_eq!(quantity("128Mi").units(), 134_217_728);
        assert!(quantity("1Gi") > quantity("1G"));
        assert_eq!(quantity("1"), quantity("1000m"));
        assert_eq!((quantity("500m") + quantity("600m")).to_string(), "1100m");
        assert_eq!((Quantity::default() + quantity("1Mi")).to_string(), "1Mi");
    }
}
