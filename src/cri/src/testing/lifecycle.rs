//! What holds for every runtime, even one that executes nothing: states, lists, errors, events.

use std::time::Duration;

use futures::StreamExt;

use super::Subject;
use crate::{ContainerFilter, ContainerState, Error, EventKind, PodSandboxState};

/// Long enough to be found running.
const SLEEP: &[&str] = &["/bin/sleep", "1000"];

pub async fn run(subject: &Subject<'_>) {
    sandboxes_come_and_go(subject).await;
    containers_go_through_their_states(subject).await;
    exit_codes_and_reasons_are_told(subject).await;
    unknown_ids(subject).await;
    calls_in_the_wrong_state_are_refused(subject).await;
    containers_go_with_their_sandbox(subject).await;
}

async fn sandboxes_come_and_go(subject: &Subject<'_>) {
    let runtime = subject.runtime;
    let id = subject.run_sandbox("comes").await;
    let status = runtime
        .pod_sandbox_status(&id)
        .await
        .expect("it has a status");
    assert_eq!(status.state, PodSandboxState::Ready);
    assert_eq!(status.metadata, subject.sandbox("comes").metadata);
    let listed = runtime.list_pod_sandboxes().await.expect("listed");
    let row = listed
        .iter()
        .find(|row| row.id == id)
        .expect("it is in the list");
    assert_eq!(row.labels, subject.sandbox("comes").labels);
    for _ in 0..2 {
        runtime
            .stop_pod_sandbox(&id)
            .await
            .expect("stopping may be repeated");
        let status = runtime
            .pod_sandbox_status(&id)
            .await
            .expect("it still has a status");
        assert_eq!(status.state, PodSandboxState::NotReady);
    }
    for _ in 0..2 {
        runtime
            .remove_pod_sandbox(&id)
            .await
            .expect("removing may be repeated");
    }
    assert_not_found(runtime.pod_sandbox_status(&id).await);
    let listed = runtime.list_pod_sandboxes().await.expect("listed");
    assert!(listed.iter().all(|row| row.id != id));
}

async fn containers_go_through_their_states(subject: &Subject<'_>) {
    let runtime = subject.runtime;
    let mut events = runtime.events();
    let sandbox = subject.run_sandbox("states").await;
    let config = subject.container("app", SLEEP);
    let id = runtime
        .create_container(&sandbox, config.clone())
        .await
        .expect("created");
    let created = subject.status(&id).await;
    assert_eq!(created.state, ContainerState::Created);
    assert_eq!((created.started_at, created.finished_at), (None, None));
    assert_eq!(created.log_path, subject.logs.join("states/app/0.log"));
    for _ in 0..2 {
        runtime
            .start_container(&id)
            .await
            .expect("starting may be repeated");
    }
    let running = subject.status(&id).await;
    assert_eq!(running.state, ContainerState::Running);
    assert!(running.started_at >= Some(created.created_at));
    assert_eq!((running.reason.as_str(), running.finished_at), ("", None));
    check_lists(subject, &sandbox, &id).await;
    for _ in 0..2 {
        runtime
            .stop_container(&id, Duration::ZERO)
            .await
            .expect("stopping may be repeated");
    }
    let exited = subject.status(&id).await;
    assert_eq!(exited.state, ContainerState::Exited);
    assert_eq!((exited.exit_code, exited.reason.as_str()), (137, "Error"));
    assert!(exited.finished_at >= running.started_at && exited.pid.is_none());
    for _ in 0..2 {
        runtime
            .remove_container(&id)
            .await
            .expect("removing may be repeated");
    }
    assert_not_found(runtime.container_status(&id).await);
    subject.remove(&sandbox).await;
    let mut kinds = Vec::new();
    while kinds.last() != Some(&EventKind::Deleted) {
        let event = events.next().await.expect("events go on");
        if event.container_id == id {
            assert_eq!(event.pod_sandbox_id, sandbox);
            kinds.push(event.kind);
        }
    }
    use EventKind::{Created, Deleted, Started, Stopped};
    assert_eq!(kinds, [Created, Started, Stopped, Deleted]);
}

async fn check_lists(subject: &Subject<'_>, sandbox: &str, id: &str) {
    let filter = |id: &str, sandbox: &str, state| ContainerFilter {
        id: Some(id.to_owned()),
        pod_sandbox_id: Some(sandbox.to_owned()),
        state: Some(state),
    };
    let cases = [
        (filter(id, sandbox, ContainerState::Running), 1),
        (filter(id, sandbox, ContainerState::Exited), 0),
        (filter(id, "other", ContainerState::Running), 0),
        (filter("other", sandbox, ContainerState::Running), 0),
    ];
    for (filter, expected) in cases {
        let listed = subject
            .runtime
            .list_containers(filter.clone())
            .await
            .expect("listed");
        assert_eq!(listed.len(), expected, "{filter:?}");
    }
    let all = subject
        .runtime
        .list_containers(ContainerFilter::default())
        .await
        .expect("listed");
    let row = all
        .iter()
        .find(|row| row.id == id)
        .expect("it is in the list");
    assert_eq!(row.metadata.name, "app");
    assert_eq!(row.labels, subject.container("app", SLEEP).labels);
}

async fn exit_codes_and_reasons_are_told(subject: &Subject<'_>) {
    let sandbox = subject.run_sandbox("codes").await;
    for (command, code, reason) in [("/bin/true", 0, "Completed"), ("/bin/false", 1, "Error")] {
        let config = subject.container(command.trim_start_matches("/bin/"), &[command]);
        let id = subject.run_container(&sandbox, config).await;
        let status = subject.wait(&id).await;
        assert_eq!(
            (status.exit_code, status.reason.as_str()),
            (code, reason),
            "{command}"
        );
        assert_eq!(status.signal, None);
    }
    subject.remove(&sandbox).await;
}

async fn unknown_ids(subject: &Subject<'_>) {
    let runtime = subject.runtime;
    runtime
        .stop_pod_sandbox("none")
        .await
        .expect("nothing to stop");
    runtime
        .remove_pod_sandbox("none")
        .await
        .expect("nothing to remove");
    runtime
        .stop_container("none", Duration::ZERO)
        .await
        .expect("nothing to stop");
    runtime
        .remove_container("none")
        .await
        .expect("nothing to remove");
    assert_not_found(runtime.pod_sandbox_status("none").await);
    assert_not_found(runtime.container_status("none").await);
    assert_not_found(runtime.start_container("none").await);
    assert_not_found(runtime.exec_sync("none", vec!["true".into()], None).await);
    assert_not_found(
        runtime
            .create_container("none", subject.container("app", SLEEP))
            .await,
    );
}

async fn calls_in_the_wrong_state_are_refused(subject: &Subject<'_>) {
    let runtime = subject.runtime;
    let sandbox = subject.run_sandbox("wrong").await;
    let created = runtime
        .create_container(&sandbox, subject.container("app", SLEEP))
        .await;
    let id = created.expect("created");
    assert_precondition(runtime.exec_sync(&id, vec!["true".into()], None).await);
    runtime
        .stop_container(&id, Duration::ZERO)
        .await
        .expect("a created one can be stopped");
    assert_precondition(runtime.start_container(&id).await);
    assert_precondition(runtime.exec_sync(&id, vec!["true".into()], None).await);
    runtime.stop_pod_sandbox(&sandbox).await.expect("stopped");
    assert_precondition(
        runtime
            .create_container(&sandbox, subject.container("b", SLEEP))
            .await,
    );
    subject.remove(&sandbox).await;
}

async fn containers_go_with_their_sandbox(subject: &Subject<'_>) {
    let runtime = subject.runtime;
    let sandbox = subject.run_sandbox("together").await;
    let first = subject
        .run_container(&sandbox, subject.container("a", SLEEP))
        .await;
    let second = subject
        .run_container(&sandbox, subject.container("b", SLEEP))
        .await;
    runtime.stop_pod_sandbox(&sandbox).await.expect("stopped");
    for id in [&first, &second] {
        assert_eq!(subject.status(id).await.state, ContainerState::Exited);
    }
    runtime
        .remove_container(&first)
        .await
        .expect("removed one by one");
    subject.remove(&sandbox).await;
    assert_not_found(runtime.container_status(&second).await);
}

fn assert_not_found<T: std::fmt::Debug>(result: crate::Result<T>) {
    assert!(matches!(result, Err(Error::NotFound { .. })), "{result:?}");
}

fn assert_precondition<T: std::fmt::Debug>(result: crate::Result<T>) {
    assert!(
        matches!(result, Err(Error::FailedPrecondition(_))),
        "{result:?}"
    );
}
