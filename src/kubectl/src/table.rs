//! The server's Tables as lines.

use serde::Deserialize;
use serde_json::Value;

use crate::tabwriter::{TABLE, push_line};

/// `meta.k8s.io/v1` Table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Table {
    /// Watches name the columns only once; Go writes an empty list as `null`.
    pub column_definitions: Option<Vec<Column>>,
    pub rows: Option<Vec<Row>>,
}

impl Table {
    pub(crate) fn rows(&self) -> &[Row] {
        self.rows.as_deref().unwrap_or_default()
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Column {
    pub name: String,
    /// Columns above 0 show only when the output is wide.
    #[serde(default)]
    pub priority: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Row {
    pub cells: Vec<Value>,
    pub object: Value,
}

/// What to show beside the server's cells.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableOptions {
    pub wide: bool,
    pub headers: bool,
    pub namespaces: bool,
    pub labels: bool,
    /// `-L`: a column for each.
    pub label_columns: Vec<String>,
    /// Stands before names: `pod/`.
    pub prefix: String,
}

/// Prints Tables of one resource, one after another: columns never get narrower, the header
/// comes once.
#[derive(Debug, Default)]
pub(crate) struct TablePrinter {
    widths: Vec<usize>,
    columns: Vec<Column>,
    started: bool,
}

impl TablePrinter {
    /// The lines of a Table, with the header if it is the first.
    pub(crate) fn lines(&mut self, table: &Table, options: &TableOptions) -> String {
        let columns = table.column_definitions.as_ref();
        if let Some(columns) = columns.filter(|columns| !columns.is_empty()) {
            self.columns.clone_from(columns);
        }
        let mut lines = Vec::new();
        if options.headers && !self.started {
            lines.push(self.header(options));
        }
        self.started = true;
        lines.extend(table.rows().iter().map(|row| self.row(row, options)));
        for line in &lines {
            self.widen(line);
        }
        let mut out = String::new();
        for line in &lines {
            push_line(&mut out, line, &self.widths);
        }
        out
    }

    fn shown(&self, options: &TableOptions) -> impl Iterator<Item = (usize, &Column)> {
        let wide = options.wide;
        let columns = self.columns.iter().enumerate();
        columns.filter(move |(_, column)| wide || column.priority == 0)
    }

    fn header(&self, options: &TableOptions) -> Vec<String> {
        let mut cells = Vec::new();
        cells.extend(options.namespaces.then(|| "NAMESPACE".to_owned()));
        cells.extend(
            self.shown(options)
                .map(|(_, column)| column.name.to_uppercase()),
        );
        let last = |key: &String| key.rsplit('/').next().unwrap_or_default().to_uppercase();
        cells.extend(options.label_columns.iter().map(last));
        cells.extend(options.labels.then(|| "LABELS".to_owned()));
        cells
    }

    fn row(&self, row: &Row, options: &TableOptions) -> Vec<String> {
        let metadata = &row.object["metadata"];
        let mut cells = Vec::new();
        if options.namespaces {
            cells.push(
                metadata["namespace"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
            );
        }
        for (place, (at, _)) in self.shown(options).enumerate() {
            let text = row.cells.get(at).map_or_else(String::new, cell);
            let prefix = if place == 0 {
                options.prefix.as_str()
            } else {
                ""
            };
            cells.push(format!("{prefix}{text}"));
        }
        for key in &options.label_columns {
            let label = metadata["labels"][key].as_str();
            cells.push(label.unwrap_or_default().to_owned());
        }
        if options.labels {
            cells.push(labels(&metadata["labels"]));
        }
        cells
    }

    fn widen(&mut self, line: &[String]) {
        self.widths.resize(self.widths.len().max(line.len()), 0);
        for (width, cell) in self.widths.iter_mut().zip(line) {
            let wanted = (cell.chars().count() + TABLE.padding).max(TABLE.least);
            *width = (*width).max(wanted);
        }
    }
}

/// A cell on one line, without what could steer a terminal.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => match text.find(['\x0c', '\n', '\r']) {
            Some(end) => format!("{}...", escaped(&text[..end])),
            None => escaped(text),
        },
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('\x1b', "^[")
}

/// `a=b,c=d`, or `<none>`.
pub(crate) fn labels(labels: &Value) -> String {
    let Some(map) = labels.as_object().filter(|map| !map.is_empty()) else {
        return "<none>".into();
    };
    let pair =
        |(key, value): (&String, &Value)| format!("{key}={}", value.as_str().unwrap_or_default());
    map.iter().map(pair).collect::<Vec<_>>().join(",")
}
