use std::collections::BTreeSet;

use crate::testing::{World, run};
use crate::{CONTROLLERS, run as run_all};

/// Every row starts, under a name of its own, and ends with the process.
#[test]
fn every_row_starts_and_ends() {
    let names: BTreeSet<&str> = CONTROLLERS.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), CONTROLLERS.len());
    run(async {
        let world = World::new();
        let all = base::tasks::spawn("all", run_all(world.cx.clone()));
        world.settle().await;
        assert!(!all.is_finished());
        world.cx.shutdown.stop();
        assert_eq!(all.await.expect("not aborted"), Some(()));
    });
}
