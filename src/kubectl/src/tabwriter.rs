//! Columns of text, aligned as Go's `text/tabwriter` does.
//!
//! A cell ends at a tab, so a line's last cell belongs to no column; a column is a block of
//! adjacent lines that have such a cell, and is as wide as the widest of them.

/// How columns are spaced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spacing {
    pub least: usize,
    pub padding: usize,
}

/// Of `kubectl describe`.
pub(crate) const DESCRIBE: Spacing = Spacing {
    least: 0,
    padding: 2,
};

/// Of `kubectl get` and other tables.
pub(crate) const TABLE: Spacing = Spacing {
    least: 6,
    padding: 3,
};

/// Aligns a text whose cells end in tabs.
pub(crate) fn align(text: &str, spacing: Spacing) -> String {
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    let mut widths = vec![Vec::new(); lines.len()];
    measure(&lines, &mut widths, 0..lines.len(), 0, spacing);
    let mut out = String::with_capacity(text.len() * 2);
    for (line, widths) in lines.iter().zip(&widths) {
        push_line(&mut out, line, widths);
    }
    out
}

/// One line of cells, each but the last padded to its width.
pub(crate) fn push_line(out: &mut String, cells: &[impl AsRef<str>], widths: &[usize]) {
    for (at, cell) in cells.iter().enumerate() {
        let cell = cell.as_ref();
        out.push_str(cell);
        if at + 1 < cells.len() {
            let width = widths.get(at).copied().unwrap_or(0);
            let blanks = width.saturating_sub(cell.chars().count());
            out.extend(std::iter::repeat_n(' ', blanks));
        }
    }
    out.push('\n');
}

/// Finds the blocks of a column within some lines, then of the next one within each block.
fn measure(
    lines: &[Vec<&str>],
    widths: &mut [Vec<usize>],
    within: std::ops::Range<usize>,
    column: usize,
    spacing: Spacing,
) {
    let has = |line: usize| column + 1 < lines[line].len();
    let mut at = within.start;
    while at < within.end {
        if !has(at) {
            at += 1;
            continue;
        }
        let end = (at..within.end)
            .find(|line| !has(*line))
            .unwrap_or(within.end);
        let cells = lines[at..end]
            .iter()
            .map(|line| line[column].chars().count());
        let width = spacing
            .least
            .max(cells.max().unwrap_or(0) + spacing.padding);
        widths[at..end].iter_mut().for_each(|line| line.push(width));
        measure(lines, widths, at..end, column + 1, spacing);
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn columns_are_blocks_of_adjacent_lines() {
        let text = "Name:\tx\nNamespace:\tdefault\nPlain\nA:\tb\n  Type\tReason\tMessage\n  \
                    Normal\tx\tlong\n";
        expect![[r#"
            Name:       x
            Namespace:  default
            Plain
            A:        b
              Type    Reason  Message
              Normal  x       long
        "#]]
        .assert_eq(&align(text, DESCRIBE));
    }
}
