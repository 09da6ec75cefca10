//! The column of what an autoscaler measures and wants.

use apimachinery::Object;

use crate::cells::{NONE, UNKNOWN, spec, status};
use crate::json::{self, Json};

/// At most two metrics, and how many more.
pub(super) fn targets(autoscaler: &Object) -> String {
    let mut now = json::maps(status(autoscaler), "currentMetrics");
    let all: Vec<String> = json::maps(spec(autoscaler), "metrics")
        .map(|metric| shown(metric, now.next()))
        .collect();
    match all.len() {
        0 => NONE.to_owned(),
        count if count > 2 => format!("{} + {} more...", all[..2].join(", "), count - 2),
        _ => all.join(", "),
    }
}

fn shown(metric: &Json, now: Option<&Json>) -> String {
    let (field, prefers_average) = match json::text(metric, "type") {
        "Resource" => ("resource", true),
        "ContainerResource" => ("containerResource", true),
        "Pods" => ("pods", true),
        "Object" => ("object", false),
        "External" => ("external", false),
        _ => return "<unknown type>".to_owned(),
    };
    let Some(source) = json::map(metric, field) else {
        return "<unknown type>".to_owned();
    };
    let current = now
        .and_then(|now| json::map(now, field))
        .and_then(|source| json::map(source, "current"));
    let target = json::map(source, "target");
    match field {
        "resource" | "containerResource" => {
            let name = json::text(source, "name");
            format!("{name}: {}", of_resource(target, current))
        }
        _ => of_metric(target, current, prefers_average),
    }
}

fn quantity<'a>(map: Option<&'a Json>, field: &str) -> Option<&'a str> {
    map.and_then(|map| map.get(field)?.as_str())
}

/// A share of the request in percent, or an amount.
fn of_resource(target: Option<&Json>, current: Option<&Json>) -> String {
    if let Some(wanted) = quantity(target, "averageValue") {
        let found = quantity(current, "averageValue").unwrap_or(UNKNOWN);
        return format!("{found}/{wanted}");
    }
    let percent = |map: Option<&Json>| map.and_then(|map| json::int(map, "averageUtilization"));
    let text = |percent: Option<i64>, absent: &str| {
        percent.map_or_else(|| absent.to_owned(), |percent| format!("{percent}%"))
    };
    let found = text(percent(current), UNKNOWN);
    format!("{found}/{}", text(percent(target), "<auto>"))
}

fn of_metric(target: Option<&Json>, current: Option<&Json>, is_average: bool) -> String {
    let average = quantity(target, "averageValue");
    let (field, mark) = match average {
        Some(_) if is_average => ("averageValue", ""),
        Some(_) => ("averageValue", " (avg)"),
        None => ("value", ""),
    };
    let found = quantity(current, field).unwrap_or(UNKNOWN);
    let wanted = quantity(target, field).unwrap_or("<auto>");
    format!("{found}/{wanted}{mark}")
}
