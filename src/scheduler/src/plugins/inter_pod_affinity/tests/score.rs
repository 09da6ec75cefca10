//! Which nodes pods like because of other pods.

use serde_json::{Value, json};

use super::super::score::Preferences;
use super::{app, cluster, near, of_app};
use crate::testing::{HOST, scores};

fn preferred(kind: &str, terms: &[(i64, Value)]) -> Value {
    let terms: Vec<Value> = terms
        .iter()
        .map(|(weight, term)| json!({"weight": weight, "podAffinityTerm": term}))
        .collect();
    json!({"affinity": {kind: {"preferredDuringSchedulingIgnoredDuringExecution": terms}}})
}

#[test]
fn preferences_count_in_both_directions() {
    let mut cluster = cluster();
    let likes = |kind: &str, weight: i64, of: &str| preferred(kind, &[(weight, app(of, "zone"))]);
    let rows = [
        ("indifferent", "x", json!({}), "nothing to say"),
        (
            "likes web",
            "x",
            likes("podAffinity", 5, "web"),
            "[5, 5, 0, 0] [100, 100, 0, 0]",
        ),
        (
            "dislikes web",
            "x",
            likes("podAntiAffinity", 5, "web"),
            "[-5, -5, 0, 0] [0, 0, 100, 100]",
        ),
        (
            "likes web's host, dislikes db's zone",
            "x",
            json!({"affinity": {
                "podAffinity": preferred("p", &[(8, app("web", HOST))])["affinity"]["p"],
                "podAntiAffinity": preferred("p", &[(2, app("db", "zone"))])["affinity"]["p"],
            }}),
            "[8, 0, -2, 0] [100, 20, 0, 20]",
        ),
        // `fan` requires its likes near, `foe` would rather not have them near.
        (
            "liked",
            "idol",
            json!({}),
            "[1, 1, -3, 0] [100, 100, 0, 75]",
        ),
    ];
    cluster.place(
        of_app("fan", "fan", &near(&[app("idol", "zone")])),
        "a2",
        false,
    );
    let foe = likes("podAntiAffinity", 3, "idol");
    cluster.place(of_app("foe", "foe", &foe), "b1", false);
    for (name, app, spec, expected) in rows {
        let pod = of_app("incoming", app, &spec);
        assert_eq!(scores(&Preferences, &cluster, &pod), expected, "{name}");
    }
}
