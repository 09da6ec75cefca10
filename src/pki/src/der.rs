//! A writer of DER: enough for the certificates of [`crate::by_hand`].

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(crate) const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The content octets of the object identifiers that certificates need.
pub(crate) mod oid {
    pub(crate) const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
    pub(crate) const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
    pub(crate) const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
    pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
    pub(crate) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
    pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
    pub(crate) const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
    pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
    pub(crate) const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
    pub(crate) const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
}

/// One value: tag, length, content.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let significant = &bytes[length.leading_zeros() as usize / 8..];
            let count = u8::try_from(significant.len()).expect("a usize has at most 8 bytes");
            out.push(0x80 | count);
            out.extend_from_slice(significant);
        }
    }
    out.extend_from_slice(content);
    out
}

pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

pub(crate) fn set(content: &[u8]) -> Vec<u8> {
    tlv(SET, content)
}

/// `[number]`, around other values.
pub(crate) fn constructed(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0xa0 | number, content)
}

/// `[number]`, in place of a plain value's own tag.
pub(crate) fn implicit(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0x80 | number, content)
}

/// A non-negative integer from its big-endian octets.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut content = bytes[zeros..].to_vec();
    // A set top bit would read as a negative number.
    if content.first().is_none_or(|byte| byte & 0x80 != 0) {
        content.insert(0, 0);
    }
    tlv(INTEGER, &content)
}

pub(crate) fn boolean(value: bool) -> Vec<u8> {
    tlv(BOOLEAN, &[if value { 0xff } else { 0 }])
}

pub(crate) fn object_identifier(content: &[u8]) -> Vec<u8> {
    tlv(OBJECT_IDENTIFIER, content)
}

pub(crate) fn utf8(text: &str) -> Vec<u8> {
    tlv(UTF8_STRING, text.as_bytes())
}

pub(crate) fn octets(content: &[u8]) -> Vec<u8> {
    tlv(OCTET_STRING, content)
}

pub(crate) fn bits(unused: u8, content: &[u8]) -> Vec<u8> {
    tlv(BIT_STRING, &[&[unused], content].concat())
}

/// RFC 5280 section 4.1.2.5: two-digit years until 2049, four digits from 2050 on.
pub(crate) fn time(at: Timestamp) -> Vec<u8> {
    let short = at.to_zoned(TimeZone::UTC).year() < 2050;
    let (tag, format) = if short {
        (UTC_TIME, "%y%m%d%H%M%SZ")
    } else {
        (GENERALIZED_TIME, "%Y%m%d%H%M%SZ")
    };
    tlv(tag, at.strftime(format).to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn writes_values_as_x690_shows_them() {
        let early: Timestamp = "2049-12-31T23:59:59Z".parse().expect("valid");
        let late: Timestamp = "2050-01-01T00:00:00Z".parse().expect("valid");
        let rows = [
            (unsigned(&[]), "020100"),
            (unsigned(&[0, 0, 5]), "020105"),
            (unsigned(&[0x80]), "02020080"),
            (boolean(true), "0101ff"),
            (utf8("ä"), "0c02c3a4"),
            (bits(5, &[0xa0]), "030205a0"),
            (constructed(0, &unsigned(&[2])), "a003020102"),
            (time(early), "170d3439313233313233353935395a"),
            (time(late), "180f32303530303130313030303030305a"),
        ];
        for (bytes, expected) in rows {
            assert_eq!(hex(&bytes), expected);
        }
    }

    #[test]
    fn long_lengths_take_as_many_octets_as_needed() {
        let rows = [(0x7f, "307f"), (0x80, "308180"), (0x100, "30820100")];
        for (length, head) in rows {
            let bytes = tlv(SEQUENCE, &vec![0; length]);
            assert_eq!(hex(&bytes[..head.len() / 2]), head);
            assert_eq!(bytes.len(), head.len() / 2 + length);
        }
    }
}
