//! What a client is warned of, as headers of bounded number and size.

use http::HeaderValue;

/// Upstream's limits, in characters: when all texts together are longer than the first, each is
/// cut to the second, and those that still do not fit are left out.
const ALL: usize = 4096;
const EACH: usize = 256;
/// So many headers at most, which upstream does not bound: common clients refuse an answer with
/// more than a hundred headers.
const COUNT: usize = 64;

/// A `Warning: 299` header for each text, in their order.
pub(crate) fn headers(texts: &[String]) -> Vec<HeaderValue> {
    let length: usize = texts.iter().map(|text| text.chars().count()).sum();
    let each = if length > ALL { EACH } else { ALL };
    let mut written = 0;
    let fitting = texts.iter().take_while(|text| {
        let fits = written < ALL;
        written += text.chars().count().min(each);
        fits
    });
    let headers = fitting.filter_map(|text| header(text, each));
    headers.take(COUNT).collect()
}

/// A text that is no header value (a line break) is left out: the answer still stands.
fn header(text: &str, length: usize) -> Option<HeaderValue> {
    let end = text.char_indices().nth(length);
    let text = end.map_or(text, |(end, _)| &text[..end]);
    let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
    HeaderValue::from_str(&format!("299 - \"{quoted}\"")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_bounded_in_number_and_size() {
        let texts = |count, length| vec!["ä".repeat(length); count];
        // Texts, their length, headers, the length of each.
        let rows = [
            (1, 1, 1, 1),
            (1, 4096, 1, 4096),
            (1, 4097, 1, 256),
            (2, 2048, 2, 2048),
            (2, 2049, 2, 256),
            (64, 64, 64, 64),
            (20, 1000, 16, 256),
            (150, 27, 64, 27),
        ];
        for (count, length, headers_expected, length_expected) in rows {
            let headers = headers(&texts(count, length));
            assert_eq!(headers.len(), headers_expected, "{count} of {length}");
            let expected = format!("299 - \"{}\"", "ä".repeat(length_expected));
            let first = headers[0].as_bytes();
            assert_eq!(first, expected.as_bytes(), "{count} of {length}");
        }
    }

    #[test]
    fn warnings_are_quoted() {
        let texts = ["a \"b\" \\".to_owned(), "two\nlines".to_owned()];
        assert_eq!(headers(&texts), [r#"299 - "a \"b\" \\""#]);
    }
}
