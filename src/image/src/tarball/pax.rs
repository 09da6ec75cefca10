//! PAX extended headers: `<length> <key>=<value>\n`, the length in decimal and counting itself.

use super::header::{Time, owner};

/// The keys that concern an image; others are passed over.
#[derive(Debug, Default)]
pub struct Records {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub mtime: Option<Time>,
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Any `GNU.sparse.` key.
    pub sparse: bool,
}

pub fn parse(mut bytes: &[u8]) -> Result<Records, &'static str> {
    let mut records = Records::default();
    while !bytes.is_empty() {
        let (record, rest) = split_record(bytes).ok_or("a record's length does not fit")?;
        bytes = rest;
        let equals = record
            .iter()
            .position(|b| *b == b'=')
            .ok_or("a record without `=`")?;
        apply(&mut records, &record[..equals], &record[equals + 1..])?;
    }
    Ok(records)
}

/// The first record without its length and line end, and what follows it.
fn split_record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(&bytes[..blank])?).ok()?;
    let record = bytes.get(blank + 1..length)?;
    let record = record.strip_suffix(b"\n")?;
    Some((record, &bytes[length..]))
}

fn apply(records: &mut Records, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
    match key {
        b"path" => records.path = text(value)?,
        b"linkpath" => records.link = text(value)?,
        b"size" => records.size = number(value, |n| (n <= 1 << 62).then_some(n))?,
        b"uid" => records.uid = number(value, owner)?,
        b"gid" => records.gid = number(value, owner)?,
        b"mtime" if value.is_empty() => records.mtime = None,
        b"mtime" => records.mtime = Some(time(value).ok_or("an invalid time")?),
        _ => {
            records.sparse |= key.starts_with(b"GNU.sparse.");
            if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                let name = text(name)?.ok_or("an attribute without a name")?;
                records.xattrs.push((name, value.to_vec()));
            }
        }
    }
    Ok(())
}

/// An empty value takes an override back.
fn text(value: &[u8]) -> Result<Option<Vec<u8>>, &'static str> {
    if value.contains(&0) {
        return Err("a NUL in a name");
    }
    Ok((!value.is_empty()).then(|| value.to_vec()))
}

fn number<T>(value: &[u8], fit: impl Fn(u64) -> Option<T>) -> Result<Option<T>, &'static str> {
    if value.is_empty() {
        return Ok(None);
    }
    decimal(value)
        .and_then(fit)
        .map(Some)
        .ok_or("a number out of range")
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    // Rust's parser would take a plus sign.
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// Seconds with an optional fraction, negative before 1970: `-1.5` is half a second before -1.
fn time(value: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(value).ok()?;
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds = sign * i64::try_from(decimal(whole.as_bytes())?).ok()?;
    let digits: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(9)
        .collect();
    let nanoseconds = u32::try_from(decimal(digits.as_bytes())?).ok()?;
    Some(match (sign, nanoseconds) {
        (-1, 1..) => Time {
            seconds: seconds - 1,
            nanoseconds: 1_000_000_000 - nanoseconds,
        },
        _ => Time {
            seconds,
            nanoseconds,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &str, value: &str) -> Vec<u8> {
        let body = format!(" {key}={value}\n");
        let length = (1..).find(|n: &usize| n.to_string().len() + body.len() == *n);
        format!("{}{body}", length.expect("some length fits")).into_bytes()
    }

    #[test]
    fn times_before_1970_round_down() {
        for (text, seconds, nanoseconds) in [
            ("1.5", 1, 500_000_000),
            ("-1.5", -2, 500_000_000),
            ("-1", -1, 0),
            ("3.1234567891", 3, 123_456_789),
        ] {
            assert_eq!(
                time(text.as_bytes()),
                Some(Time {
                    seconds,
                    nanoseconds
                }),
                "{text}"
            );
        }
        assert_eq!(time(b"1.x"), None);
        assert_eq!(time(b""), None);
    }

    #[test]
    fn records_are_taken_or_refused() {
        let good = [
            record("path", "a/b"),
            record("SCHILY.xattr.user.x", "y"),
            record("uid", "7"),
        ];
        let records = parse(&good.concat()).expect("valid");
        assert_eq!(records.path.as_deref(), Some(&b"a/b"[..]));
        assert_eq!(records.xattrs, [(b"user.x".to_vec(), b"y".to_vec())]);
        assert_eq!(records.uid, Some(7));
        for (bad, reason) in [
            (&b"99 path=a\n"[..], "a record's length does not fit"),
            (b"3 a\n", "a record's length does not fit"),
            (b"5 ab\n", "a record without `=`"),
            (b"+9 path=a\n", "a record's length does not fit"),
            (&record("path", "a\0b"), "a NUL in a name"),
            (&record("uid", "4294967295"), "a number out of range"),
            (
                &record("size", "99999999999999999999"),
                "a number out of range",
            ),
        ] {
            assert_eq!(parse(bad).expect_err("refused"), reason);
        }
    }
}
