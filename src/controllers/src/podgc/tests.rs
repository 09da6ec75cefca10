use serde_json::json;

use super::*;
use crate::testing::{World, run};

#[test]
fn pods_of_an_absent_node_go_after_the_quarantine() {
    run(async {
        let world = World::new();
        let mut node = Node::default();
        node.metadata.name = Some("n1".to_owned());
        world.server.put(&node);
        for (name, node) in [("a", "n1"), ("b", "n2"), ("c", "")] {
            let pod = json!({"metadata": {"name": name, "namespace": "n"},
                "spec": {"nodeName": node, "containers": []}, "status": {"phase": "Running"}});
            let pod = Pod::decode(pod.to_string().as_bytes()).expect("a pod");
            world.server.put(&pod);
        }
        world.start(&ROW);
        let names = |server: &client::testing::FakeServer| {
            let pods = server.list::<Pod>();
            pods.iter()
                .map(|pod| pod.name().to_owned())
                .collect::<String>()
        };
        world.settle().await;
        assert_eq!(names(&world.server), "abc");
        world.hands.advance(QUARANTINE);
        world.until("ac".to_owned(), names).await;
        world.server.remove(&Node::GVR, "", "n1");
        world.settle().await;
        assert_eq!(names(&world.server), "ac");
        world.hands.advance(QUARANTINE);
        world.until("c".to_owned(), names).await;
    });
}
