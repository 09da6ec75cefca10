//! The order of keys in printed YAML: natural, so that `a2` comes before `a10`.

use std::cmp::Ordering;

/// Letters by their code, digits by their number, all else before letters.
pub(super) fn natural(left: &str, right: &str) -> Ordering {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    for at in 0..left.len().min(right.len()) {
        let (l, r) = (left[at], right[at]);
        if l == r {
            continue;
        }
        return match (l.is_alphabetic(), r.is_alphabetic()) {
            (true, true) => l.cmp(&r),
            // What ends a run of digits comes before a letter that goes on.
            (true, false) if in_digits(&left, at) => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if in_digits(&left, at) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => by_number(&left, &right, at),
        };
    }
    left.len().cmp(&right.len())
}

/// Whether a run of digits leads up to here.
fn in_digits(text: &[char], at: usize) -> bool {
    at > 0 && text[at - 1].is_ascii_digit()
}

fn by_number(left: &[char], right: &[char], at: usize) -> Ordering {
    // Zeros within a number count, leading ones do not.
    let zero = left[at] == '0' || right[at] == '0';
    let before = left[..at].iter().rev().take_while(|c| c.is_ascii_digit());
    let start = i64::from(zero && before.into_iter().any(|c| *c != '0'));
    let ((l, l_end), (r, r_end)) = (number(left, at, start), number(right, at, start));
    l.cmp(&r)
        .then(l_end.cmp(&r_end))
        .then(left[at].cmp(&right[at]))
}

/// The number that goes on here, and where it ends.
fn number(text: &[char], at: usize, start: i64) -> (i64, usize) {
    let digits = text[at..].iter().map_while(|c| c.to_digit(10));
    let (mut value, mut end) = (start, at);
    for digit in digits {
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
        end += 1;
    }
    (value, end)
}
