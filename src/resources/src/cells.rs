//! What table cells have in common: ages, labels, joined names.

use std::sync::LazyLock;

use apimachinery::{LabelSelector, Object, time};
use jiff::Timestamp;
use serde_json::Value;

use crate::column::{Cell, Column, ColumnType};
use crate::json::{self, Json};

pub(crate) const NONE: &str = "<none>";
pub(crate) const UNKNOWN: &str = "<unknown>";

/// The first column of every kind.
pub(crate) const NAME: Column = Column {
    format: "name",
    ..text(
        "Name",
        "The object's name, unique in its namespace.",
        |cell| cell.object.name().into(),
    )
};

/// Since when the object exists.
pub(crate) const AGE: Column = text(
    "Age",
    "How long ago the server created the object.",
    |cell| since(cell.object.creation_timestamp(), cell.now).into(),
);

/// What upstream's default converter shows in place of an age.
pub(crate) const CREATED_AT: Column = Column {
    kind: ColumnType::Date,
    ..text(
        "Created At",
        "When the server created the object.",
        |cell| match cell.object.creation_timestamp() {
            Some(_) => cell.object.meta("creationTimestamp").into(),
            None => UNKNOWN.into(),
        },
    )
};

/// A column of texts.
pub(crate) const fn text(
    name: &'static str,
    description: &'static str,
    cell: fn(&Cell<'_>) -> Value,
) -> Column {
    Column {
        name,
        kind: ColumnType::String,
        format: "",
        description,
        priority: 0,
        cell,
    }
}

/// A column of whole numbers.
pub(crate) const fn integer(
    name: &'static str,
    description: &'static str,
    cell: fn(&Cell<'_>) -> Value,
) -> Column {
    Column {
        kind: ColumnType::Integer,
        ..text(name, description, cell)
    }
}

/// A column of flags.
pub(crate) const fn boolean(
    name: &'static str,
    description: &'static str,
    cell: fn(&Cell<'_>) -> Value,
) -> Column {
    Column {
        kind: ColumnType::Boolean,
        ..text(name, description, cell)
    }
}

/// Shown only with `-o wide`.
pub(crate) const fn wide(column: Column) -> Column {
    Column {
        priority: 1,
        ..column
    }
}

/// How long ago something was, as kubectl writes it; `<unknown>` when it never was.
pub(crate) fn since(then: Option<Timestamp>, now: Timestamp) -> String {
    then.map_or_else(
        || UNKNOWN.to_owned(),
        |then| human_duration(now.duration_since(then).as_millis()),
    )
}

/// As [`since`], of a time field.
pub(crate) fn since_text(then: &str, now: Timestamp) -> String {
    since(time::parse(then), now)
}

/// `duration.HumanDuration` of milliseconds: two units at most, and those only while short.
pub(crate) fn human_duration(milliseconds: i128) -> String {
    const YEAR: i128 = 24 * 365;
    let seconds = milliseconds / 1000;
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    if seconds < -1 {
        "<invalid>".to_owned()
    } else if seconds < 0 {
        "0s".to_owned()
    } else if seconds < 120 {
        format!("{seconds}s")
    } else if minutes < 10 {
        two_units(minutes, "m", seconds % 60, "s")
    } else if minutes < 180 {
        format!("{minutes}m")
    } else if hours < 8 {
        two_units(hours, "h", minutes % 60, "m")
    } else if hours < 48 {
        format!("{hours}h")
    } else if hours < 8 * 24 {
        two_units(hours / 24, "d", hours % 24, "h")
    } else if hours < 2 * YEAR {
        format!("{}d", hours / 24)
    } else if hours < 8 * YEAR {
        two_units(hours / YEAR, "y", (hours / 24) % 365, "d")
    } else {
        format!("{}y", hours / YEAR)
    }
}

fn two_units(big: i128, big_unit: &str, small: i128, small_unit: &str) -> String {
    if small == 0 {
        format!("{big}{big_unit}")
    } else {
        format!("{big}{big_unit}{small}{small_unit}")
    }
}

/// `spec`, or an empty object.
pub(crate) fn spec(object: &Object) -> &Json {
    section(object, "spec")
}

/// `status`, or an empty object.
pub(crate) fn status(object: &Object) -> &Json {
    section(object, "status")
}

fn section<'a>(object: &'a Object, field: &str) -> &'a Json {
    static EMPTY: LazyLock<Json> = LazyLock::new(Json::new);
    json::map(object, field).unwrap_or_else(|| &*EMPTY)
}

/// A text, or `<none>`.
pub(crate) fn or_none(text: &str) -> &str {
    if text.is_empty() { NONE } else { text }
}

/// A whole number at a pointer, 0 when absent.
pub(crate) fn number(object: &Object, pointer: &str) -> i64 {
    object.at(pointer).and_then(Value::as_i64).unwrap_or(0)
}

/// The first few of a list, and how many more there are.
pub(crate) fn first_of(texts: &[String], most: usize) -> String {
    let shown = &texts[..most.min(texts.len())];
    and_more(shown, texts.len())
}

/// As [`first_of`], of `count` texts whose first few are known.
pub(crate) fn and_more(shown: &[String], count: usize) -> String {
    match count.saturating_sub(shown.len()) {
        0 => shown.join(","),
        more => format!("{} + {more} more...", shown.join(",")),
    }
}

/// A number or a text (`intstr.IntOrString`) as text.
pub(crate) fn int_or_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A map of labels as `a=b,c=d`, sorted.
pub(crate) fn labels(map: Option<&Json>) -> String {
    let mut pairs: Vec<String> = map
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    pairs.sort();
    or_none(&pairs.join(",")).to_owned()
}

/// A `metav1.LabelSelector` in its text form; null reads as the selector of nothing.
pub(crate) fn selector(value: Option<&Value>) -> Result<String, apimachinery::SelectorError> {
    LabelSelector::from_value(value).map(|selector| selector.to_string())
}

/// Names of the containers of a workload's pods.
pub(crate) const CONTAINERS: Column =
    wide(text("Containers", "Names of the containers.", |cell| {
        containers(cell.object, "/spec/template/spec", "name")
    }));

/// Images of the containers of a workload's pods.
pub(crate) const IMAGES: Column = wide(text("Images", "Images of the containers.", |cell| {
    containers(cell.object, "/spec/template/spec", "image")
}));

/// The pods of a workload, as a selector.
pub(crate) const SELECTOR: Column = wide(text("Selector", "The pods it owns.", |cell| {
    selector_cell(cell.object, "/spec/selector")
}));

/// A `metav1.LabelSelector` at a pointer; `<none>` when it selects everything.
pub(crate) fn selector_cell(object: &Object, pointer: &str) -> Value {
    match selector(object.at(pointer)) {
        Ok(text) => or_none(&text).into(),
        Err(_) => "<error>".into(),
    }
}

/// One field of all containers of the pod spec at a pointer, joined by commas.
pub(crate) fn containers(object: &Object, spec: &str, field: &str) -> Value {
    let Some(spec) = object.at(spec).and_then(Value::as_object) else {
        return "".into();
    };
    let names: Vec<&str> = json::maps(spec, "containers")
        .map(|container| json::text(container, field))
        .collect();
    names.join(",").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_kubectl_writes_them() {
        const MINUTE: i128 = 60;
        const HOUR: i128 = 3600;
        const DAY: i128 = 24 * HOUR;
        let rows = [
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (121, "2m1s"),
            (9 * MINUTE + 59, "9m59s"),
            (10 * MINUTE + 30, "10m"),
            (179 * MINUTE, "179m"),
            (3 * HOUR, "3h"),
            (3 * HOUR + 5 * MINUTE, "3h5m"),
            (8 * HOUR + 5 * MINUTE, "8h"),
            (47 * HOUR, "47h"),
            (2 * DAY, "2d"),
            (2 * DAY + HOUR, "2d1h"),
            (8 * DAY + HOUR, "8d"),
            (729 * DAY, "729d"),
            (730 * DAY, "2y"),
            (731 * DAY, "2y1d"),
            (8 * 365 * DAY, "8y"),
        ];
        for (seconds, text) in rows {
            assert_eq!(human_duration(seconds * 1000), text, "{seconds}");
        }
    }
}
