//! What `/metrics` tells: names, types and labels whole, and a few numbers.

use std::collections::BTreeMap;

use expect_test::expect_file;
use serde_json::json;

use crate::world::{Said, World};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// `name type {labels}` of each family, without values.
fn families(text: &str) -> String {
    let mut families: BTreeMap<&str, (&str, Vec<&str>)> = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            families.insert(name, (kind, Vec::new()));
            continue;
        }
        let Some((series, _)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let family = ["", "_bucket", "_sum", "_count"].iter().find_map(|end| {
            families
                .contains_key(name.strip_suffix(end)?)
                .then(|| name.len() - end.len())
        });
        let family = &name[..family.unwrap_or_else(|| panic!("{name} has no type"))];
        let names = labels.trim_end_matches('}').split("\",");
        let names = names
            .filter_map(|label| Some(label.split_once('=')?.0))
            .filter(|n| *n != "le");
        if let Some((_, known)) = families.get_mut(family) {
            *known = names.collect();
        }
    }
    let line = |(name, (kind, labels)): (&str, (&str, Vec<&str>))| {
        format!("{name} {kind} {{{}}}\n", labels.join(","))
    };
    families.into_iter().map(line).collect()
}

/// The value of a series, 0 when there is none.
fn value(text: &str, series: &str) -> f64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().expect("a number"))
}

#[tokio::test]
async fn metrics_have_upstreams_names_and_count_what_is_served() {
    let world = World::new().await;
    world
        .create(MAPS, &json!({"metadata": {"name": "a"}}))
        .await;
    for _ in 0..3 {
        world.get(&format!("{MAPS}/a")).await;
    }
    // What a client makes up gets no series of its own.
    for made_up in ["/api/v1/nothings/x", "/apis/made.up/v1/things", "/nothing"] {
        world.expect(404, "GET", made_up, &Said::nothing()).await;
    }
    world.expect(405, "BREW", MAPS, &Said::nothing()).await;
    world.get("/readyz").await;
    let text = world.get("/metrics").await.body;
    let text = String::from_utf8(text.to_vec()).expect("UTF-8");
    expect_file!["../golden/api/metrics.txt"].assert_eq(&families(&text));
    let of = |verb: &str, scope: &str, code: u16| {
        format!(
            "apiserver_request_total{{code=\"{code}\",component=\"apiserver\",dry_run=\"\",group=\"\",\
             resource=\"configmaps\",scope=\"{scope}\",subresource=\"\",verb=\"{verb}\",version=\"v1\"}}"
        )
    };
    assert_eq!(value(&text, &of("GET", "resource", 200)), 3.0);
    assert_eq!(value(&text, &of("POST", "resource", 201)), 1.0);
    assert_eq!(value(&text, &of("other", "namespace", 405)), 1.0);
    assert_eq!(
        value(&text, "apiserver_storage_objects{resource=\"configmaps\"}"),
        1.0
    );
    assert!(text.contains("apiserver_storage_objects{resource=\"events\"}"));
    assert!(!text.contains("events.k8s.io"), "stored once, counted once");
    assert!(
        !text.contains("nothing") && !text.contains("made.up"),
        "{text}"
    );
    assert!(value(&text, "process_resident_memory_bytes") > 1e6);

    let levels = world.get("/metrics/slis").await.body;
    let levels = String::from_utf8(levels.to_vec()).expect("UTF-8");
    assert_eq!(
        value(
            &levels,
            "kubernetes_healthcheck{name=\"etcd\",type=\"readyz\"}"
        ),
        1.0
    );
}
