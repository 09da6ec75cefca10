//! The table, printed as it grows and whole at the end.

use std::io::{self, Write};

#[derive(Default)]
pub struct Table(Vec<[String; 4]>);

impl Table {
    /// What, how much, how much the reference, and the aim of the row.
    pub fn row(&mut self, what: impl Into<String>, ours: String, reference: String, aim: &str) {
        let row = [what.into(), ours, reference, aim.to_owned()];
        say(&row.join(" | "));
        self.0.push(row);
    }

    pub fn print(&self) {
        say("\n| what | rk3s | reference | aim |\n|---|---|---|---|");
        for row in &self.0 {
            say(&format!("| {} |", row.join(" | ")));
        }
    }
}

fn say(line: &str) {
    // A closed standard output leaves nobody to tell.
    let _ = writeln!(io::stdout(), "{line}");
}

/// `12,345`.
pub fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}
