//! The table, printed as it grows.

pub struct Table {
    beside: bool,
    behind: usize,
    rows: usize,
}

impl Table {
    /// `beside`: there is something to compare with.
    pub fn new(beside: bool) -> Self {
        println!("| what | unit | rk3s store | etcd | ratio |\n|---|---|---|---|---|");
        Self {
            beside,
            behind: 0,
            rows: 0,
        }
    }

    /// One row: ours, then theirs. Of seconds and bytes less is better.
    pub fn row(&mut self, name: &str, unit: &str, values: &[f64]) {
        let ours = values[0];
        let Some(theirs) = values.get(1).filter(|_| self.beside) else {
            return println!("| {name} | {unit} | {} | | |", shown(ours));
        };
        let ratio = if unit.ends_with("/s") {
            ours / theirs
        } else {
            theirs / ours
        };
        self.rows += 1;
        self.behind += usize::from(ratio < 1.0);
        println!(
            "| {name} | {unit} | {} | {} | {ratio:.1} |",
            shown(ours),
            shown(*theirs)
        );
    }

    pub fn finish(&self) {
        if self.beside {
            println!("\nbehind etcd in {} of {} rows", self.behind, self.rows);
        }
    }
}

fn shown(value: f64) -> String {
    if value < 100.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.0}")
    }
}
