use std::collections::BTreeSet;

use expect_test::expect;

use crate::testing::{World, run};
use crate::{CONTROLLERS, run as run_all};

/// Every row starts, under a name of its own, with a queue that is measured, and ends with the
/// process.
#[test]
fn every_row_starts_and_ends() {
    let names: BTreeSet<&str> = CONTROLLERS.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), CONTROLLERS.len());
    run(async {
        let world = World::new();
        let roster = base::tasks::Roster::default();
        let all = base::tasks::spawn("all", run_all(world.cx.clone(), roster.clone()));
        world.settle().await;
        assert!(!all.is_finished());
        assert_eq!(roster.check(), Ok(()));
        let text = base::metrics::encode(&world.registry);
        let queues = text.lines().filter_map(|line| {
            let (name, _) = line
                .strip_prefix("workqueue_depth{name=\"")?
                .split_once('"')?;
            Some(name)
        });
        expect![[r#"
            ClusterRoleAggregator
            deployment
            garbage_collector_attempt_to_delete
            namespace
            node_lifecycle_controller
            orphaned_pods_nodes
            replicaset
            resourcequota_primary
            root_ca_cert_publisher
            serviceaccount
            serviceaccount_tokens_secret
            terminated_pods
            token_cleaner"#]]
        .assert_eq(&queues.collect::<Vec<_>>().join("\n"));
        world.cx.shutdown.stop();
        assert_eq!(all.await.expect("not aborted"), Some(()));
        assert!(roster.check().is_err());
    });
}
