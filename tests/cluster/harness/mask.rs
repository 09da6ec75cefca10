//! Replaces what differs from run to run, so that whole outputs can be compared.

use std::sync::LazyLock;

use regex::{Captures, Regex};

struct Mask {
    pattern: Regex,
    with: &'static str,
}

static MASKS: LazyLock<Vec<Mask>> = LazyLock::new(|| {
    let rows = [
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "<uid>",
        ),
        (r"sha256:[0-9a-f]{64}", "<digest>"),
        (r"\b[0-9a-f]{64}\b", "<id>"),
        (
            r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
            "<time>",
        ),
        (
            r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}",
            "<time>",
        ),
        (
            r#"(resourceVersion"?: "?|ResourceVersion: +)\d+"#,
            "$1<revision>",
        ),
        // The random end of a generated name, after upstream's alphabet.
        (r"([a-z0-9])-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "$1-xxxxx"),
        // The hash of a pod template.
        (
            r"\b([a-z]+)-[bcdfghjklmnpqrstvwxz2456789]{8,10}\b",
            "$1-<hash>",
        ),
        (
            r"(pod-template-hash[=:] ?)[bcdfghjklmnpqrstvwxz2456789]{8,10}\b",
            "$1<hash>",
        ),
        (r"\b10\.4[23]\.\d+\.\d+\b", "<ip>"),
        (r"\b\d+(\.\d+)?(ms|s|m|m\d+s)( ago)?\b", "<age>"),
        (r"by process \d+", "by process <pid>"),
        // The cell widths of tables follow the widest value.
        (r"(\S) {2,}", "$1  "),
        (r"\t+", "  "),
        (r"(?m) +$", ""),
    ];
    let compile = |(pattern, with)| Mask {
        pattern: Regex::new(pattern).expect("a valid pattern"),
        with,
    };
    rows.into_iter().map(compile).collect()
});

/// Uids, digests, times, ages, revisions, generated names, pod addresses and column widths.
pub fn mask(text: &str) -> String {
    MASKS.iter().fold(text.to_owned(), |text, mask| {
        mask.pattern.replace_all(&text, mask.with).into_owned()
    })
}

/// As [`mask`], with rows of a table (all but the first line) in order.
pub fn mask_table(text: &str) -> String {
    let text = mask(text);
    let mut lines: Vec<&str> = text.lines().collect();
    if let Some(rows) = lines.get_mut(1..) {
        rows.sort_unstable();
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Lines of one event of a watch: what matters is the order in which states appear.
pub fn column(table: &str, index: usize) -> Vec<&str> {
    let cells = table.lines().map(|line| line.split_whitespace().nth(index));
    cells.flatten().collect()
}

/// Checks the masks themselves, because a mask that eats too much hides a defect.
pub fn check() {
    let text =
        "web-5d6c7b8f9d-abcde  Running  0  10.42.0.7  12s\nconfig-map stays, port 8080/TCP\n";
    let masked = mask(text);
    let seen: Vec<Captures<'_>> = MASKS[0].pattern.captures_iter(&masked).collect();
    assert!(seen.is_empty());
    assert!(
        masked.contains("config-map stays, port 8080/TCP"),
        "{masked}"
    );
}
