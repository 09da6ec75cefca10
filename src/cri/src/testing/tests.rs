//! The fake passes what it can of the suite.

use base::Clock;

use super::{FakeImages, FakeRuntime, Subject, run_all};
use crate::{Error, ImageService, ImageSpec, RuntimeService};

fn subject(runtime: &FakeRuntime) -> Subject<'_> {
    Subject {
        runtime,
        image_id: "sha256:none".to_owned(),
        logs: "/nowhere".into(),
        cgroup_parent: "/kubepods".to_owned(),
        executes: false,
    }
}

#[tokio::test]
async fn the_fake_passes_the_suite() {
    run_all(&subject(&FakeRuntime::new(Clock::system()))).await;
}

#[tokio::test]
async fn failures_and_exits_come_as_ordered() {
    let fake = FakeRuntime::new(Clock::system());
    let subject = subject(&fake);
    let sandbox = subject.run_sandbox("pod").await;
    fake.fail_next("create_container", Error::Internal("no".into()));
    let config = subject.container("app", &["serve"]);
    assert!(
        fake.create_container(&sandbox, config.clone())
            .await
            .is_err()
    );
    let id = subject.run_container(&sandbox, config).await;
    fake.exit(&id, 3);
    assert_eq!(subject.wait(&id).await.exit_code, 3);
    assert_eq!(
        fake.calls(),
        [
            "run_pod_sandbox pod",
            "create_container app",
            "create_container app",
            "start_container app"
        ]
    );
}

#[tokio::test]
async fn images_are_pulled_and_removed() {
    let images = FakeImages::default();
    let spec = ImageSpec {
        image: "busybox".into(),
        ..ImageSpec::default()
    };
    assert_eq!(images.image_status(&spec).await.expect("answered"), None);
    images.fail_next_pull(Error::Internal("no registry".into()));
    assert!(images.pull_image(&spec, None).await.is_err());
    let id = images.pull_image(&spec, None).await.expect("pulled");
    let found = images
        .image_status(&spec)
        .await
        .expect("answered")
        .expect("there");
    assert_eq!(found.id, id);
    images.remove_image(&spec).await.expect("removed");
    assert!(images.list_images().await.expect("listed").is_empty());
}
