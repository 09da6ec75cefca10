//! What is worth another try.

use serde_json::json;

use super::super::PLUGIN;
use super::{apart, app, near, of_app};
use crate::testing::{node_with, with};
use crate::wakeup::{ClusterEvent, EventKind};

#[test]
fn wakes_for_what_may_help() {
    let plain = |app: &str| of_app("other", app, &json!({}));
    let wanting = of_app("pod", "x", &near(&[app("web", "zone")]));
    let apart_from_web = of_app("pod", "x", &apart(&[app("web", "zone")]));
    let refused = of_app("pod", "x", &json!({}));
    let red = json!({"matchLabels": {"team": "red"}});
    let selecting = with(app("web", "zone"), "namespaceSelector", red);
    let selecting = of_app("pod", "x", &near(&[selecting]));
    let refusing = of_app("other", "y", &apart(&[app("x", "zone")]));
    let (web, db) = (plain("web"), plain("db"));
    let (add, delete) = (EventKind::AssignedPodAdd, EventKind::AssignedPodDelete);
    let zoned = node_with("n", &json!({"zone": "a"}));
    let bare = node_with("n", &json!({}));
    let elsewhere = of_app("far/other", "web", &json!({}));
    let rows = [
        (&wanting, ClusterEvent::pod(add, &web), true),
        (&wanting, ClusterEvent::pod(add, &db), false),
        (&wanting, ClusterEvent::pod(add, &elsewhere), false),
        (&selecting, ClusterEvent::pod(add, &elsewhere), true),
        (&wanting, ClusterEvent::pod(delete, &web), true),
        (&wanting, ClusterEvent::pod(delete, &db), false),
        (&wanting, ClusterEvent::relabelled(&db, &web), true),
        (&wanting, ClusterEvent::relabelled(&db, &refused), false),
        (
            &wanting,
            ClusterEvent::node(EventKind::NodeAdd, &zoned),
            true,
        ),
        (
            &wanting,
            ClusterEvent::node(EventKind::NodeAdd, &bare),
            false,
        ),
        (
            &wanting,
            ClusterEvent::node(EventKind::NodeLabel, &bare),
            true,
        ),
        (
            &wanting,
            ClusterEvent::node(EventKind::NodeTaint, &zoned),
            false,
        ),
        (&apart_from_web, ClusterEvent::pod(add, &web), false),
        (&apart_from_web, ClusterEvent::pod(delete, &web), true),
        (&apart_from_web, ClusterEvent::pod(delete, &db), false),
        (&apart_from_web, ClusterEvent::relabelled(&web, &db), true),
        (&apart_from_web, ClusterEvent::relabelled(&db, &web), false),
        (
            &apart_from_web,
            ClusterEvent::node(EventKind::NodeAdd, &bare),
            true,
        ),
        (&refused, ClusterEvent::pod(delete, &refusing), true),
        (&refused, ClusterEvent::pod(delete, &web), false),
        (
            &refused,
            ClusterEvent::pod(EventKind::PodLabel, &refused),
            true,
        ),
        (&refused, ClusterEvent::namespace("default"), true),
        (&refused, ClusterEvent::namespace("far"), false),
        (&selecting, ClusterEvent::namespace("far"), true),
    ];
    for (pod, event, expected) in rows {
        assert_eq!(PLUGIN.wakes(pod, &event), expected, "{event:?}");
    }
}
