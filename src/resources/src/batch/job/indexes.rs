//! Lists of indexes as text: `1,3-5,7`.

/// How many indexes a text lists, of `completions` from 0 on; they must rise.
///
/// # Errors
/// With upstream's text.
pub(super) fn count_indexes(text: &str, completions: i64) -> Result<i64, String> {
    if text.is_empty() {
        return Ok(0);
    }
    let (mut last, mut total) = (None, 0);
    for interval in text.split(',') {
        let parts: Vec<&str> = interval.split('-').collect();
        if parts.len() > 2 {
            return Err(format!(
                "the fragment \"{interval}\" violates the requirement that an index interval can have at most two parts separated by '-'"
            ));
        }
        let first = index(parts[0], completions)?;
        let end = match parts.get(1) {
            None => first,
            Some(part) => index(part, completions)?,
        };
        if let Some(last) = last
            && last >= first
        {
            return Err(format!(
                "non-increasing order, previous: {last}, current: {first}"
            ));
        }
        if parts.len() == 2 && first >= end {
            return Err(format!(
                "non-increasing order, previous: {first}, current: {end}"
            ));
        }
        total += end - first + 1;
        last = Some(end);
    }
    Ok(total)
}

fn index(text: &str, completions: i64) -> Result<i64, String> {
    let Ok(index) = text.parse::<i64>() else {
        return Err(format!(
            "cannot convert string to integer for index: \"{text}\""
        ));
    };
    if index >= completions {
        return Err(format!("too large index: \"{text}\""));
    }
    Ok(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_listed() {
        let rows = [
            ("", Ok(0)),
            ("1,3-5,7", Ok(5)),
            ("0-9", Ok(10)),
            ("10", Err("too large index: \"10\"")),
            (
                "a",
                Err("cannot convert string to integer for index: \"a\""),
            ),
            (
                "1-2-3",
                Err(
                    "the fragment \"1-2-3\" violates the requirement that an index interval can have at most two parts separated by '-'",
                ),
            ),
            ("3,1", Err("non-increasing order, previous: 3, current: 1")),
            ("5-4", Err("non-increasing order, previous: 5, current: 4")),
        ];
        for (text, expected) in rows {
            assert_eq!(
                count_indexes(text, 10),
                expected.map_err(str::to_owned),
                "{text}"
            );
        }
    }
}
