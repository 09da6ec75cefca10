//! What holds where programs really run: their surroundings, output, commands, signals.

use std::time::Duration;

use super::Subject;
use crate::{ContainerConfig, Error, Mount, SeccompProfile, SecurityContext};

pub async fn run(subject: &Subject<'_>) {
    let sandbox = subject.run_sandbox("process").await;
    output_becomes_log_lines(subject, &sandbox).await;
    environment_and_directory(subject, &sandbox).await;
    users_groups_and_rights(subject, &sandbox).await;
    mounts_are_made(subject, &sandbox).await;
    a_missing_program_is_a_start_error(subject, &sandbox).await;
    commands_run_inside(subject, &sandbox).await;
    commands_end_in_time(subject, &sandbox).await;
    stopping_is_graceful_then_not(subject, &sandbox).await;
    logs_are_reopened(subject, &sandbox).await;
    subject.remove(&sandbox).await;
}

fn shell(subject: &Subject<'_>, name: &str, script: &str) -> ContainerConfig {
    subject.container(name, &["/bin/sh", "-c", script])
}

async fn output_becomes_log_lines(subject: &Subject<'_>, sandbox: &str) {
    let script = "echo out; echo err >&2; printf tail";
    let (_, log) = subject
        .run_to_end(sandbox, shell(subject, "lines", script))
        .await;
    let mut lines: Vec<&str> = log.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["stderr F err", "stdout F out", "stdout P tail"]);
    // All of it is there when the exit is told, however much it is.
    let script = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done";
    let (_, log) = subject
        .run_to_end(sandbox, shell(subject, "many", script))
        .await;
    let text: String = log.lines().map(joined).collect();
    let expected: String = (0..20000)
        .map(|number| format!("line {number}\n"))
        .collect();
    assert!(text == expected, "the log is not what was written");
}

/// A line's text, with its newline when it was whole.
fn joined(line: &str) -> String {
    let (_, rest) = line.split_once(' ').expect("a stream");
    match rest.split_once(' ').expect("a tag") {
        ("F", text) => format!("{text}\n"),
        (_, text) => text.to_owned(),
    }
}

async fn environment_and_directory(subject: &Subject<'_>, sandbox: &str) {
    let mut config = shell(
        subject,
        "env",
        "echo $A-$HOSTNAME-$HOME-$PATH; pwd; cat /etc/hostname",
    );
    config.envs = vec![("A".into(), "b=c".into())];
    config.working_dir = "/new/dir".into();
    let (_, log) = subject.run_to_end(sandbox, config).await;
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    assert_eq!(
        log,
        format!("stdout F b=c-process-/root-{path}\nstdout F /new/dir\nstdout F process\n")
    );
}

async fn users_groups_and_rights(subject: &Subject<'_>, sandbox: &str) {
    let script = "id -u; id -g; id -G; grep -E 'CapEff|CapBnd|NoNewPrivs|Seccomp:' /proc/self/status \
                  | tr '\\t' ' '; umask";
    let mut config = shell(subject, "user", script);
    config.security = SecurityContext {
        run_as_user: Some(1000),
        run_as_group: Some(2000),
        supplemental_groups: vec![3000],
        no_new_privs: true,
        seccomp: SeccompProfile::RuntimeDefault,
        drop_capabilities: vec!["KILL".into()],
        ..SecurityContext::default()
    };
    let (_, log) = subject.run_to_end(sandbox, config.clone()).await;
    assert_eq!(
        text(&log),
        "1000\n2000\n2000 3000\nCapEff: 0000000000000000\nCapBnd: 00000000a80425db\n\
         NoNewPrivs: 1\nSeccomp: 2\n0022\n"
    );
    config.metadata.name = "root".into();
    config.log_path = "root/0.log".into();
    config.security = SecurityContext {
        seccomp: SeccompProfile::RuntimeDefault,
        ..SecurityContext::default()
    };
    let (_, log) = subject.run_to_end(sandbox, config).await;
    assert_eq!(
        text(&log),
        "0\n0\n0\nCapEff: 00000000a80425fb\nCapBnd: 00000000a80425fb\nNoNewPrivs: 0\n\
         Seccomp: 2\n0022\n"
    );
}

fn text(log: &str) -> String {
    log.lines().map(joined).collect()
}

async fn mounts_are_made(subject: &Subject<'_>, sandbox: &str) {
    let source = subject.logs.join("volume");
    std::fs::create_dir_all(source.join("sub")).expect("a directory to mount");
    std::fs::write(source.join("file"), "content\n").expect("a file to mount");
    let script = "cat /data/file; echo no > /data/file; touch /data/sub/new && echo made; \
                  echo x > /ro 2>/dev/null || echo sealed";
    let mut config = shell(subject, "mounts", script);
    config.security.readonly_rootfs = true;
    config.mounts = vec![
        Mount {
            container_path: "/data/sub".into(),
            host_path: source.join("sub"),
            ..Mount::default()
        },
        Mount {
            container_path: "/data".into(),
            host_path: source.clone(),
            readonly: true,
            recursive_read_only: true,
            ..Mount::default()
        },
    ];
    let (_, log) = subject.run_to_end(sandbox, config).await;
    let out: String = log
        .lines()
        .filter(|line| line.starts_with("stdout"))
        .map(joined)
        .collect();
    assert_eq!(out, "content\nmade\nsealed\n");
    assert!(source.join("sub/new").exists());
}

async fn a_missing_program_is_a_start_error(subject: &Subject<'_>, sandbox: &str) {
    let config = subject.container("missing", &["/no/such/program"]);
    let id = subject
        .runtime
        .create_container(sandbox, config)
        .await
        .expect("created");
    let error = subject
        .runtime
        .start_container(&id)
        .await
        .expect_err("it cannot start");
    assert!(error.to_string().contains("/no/such/program"), "{error}");
    let status = subject.wait(&id).await;
    assert_eq!(
        (status.exit_code, status.reason.as_str()),
        (128, "StartError")
    );
    assert!(
        status.message.contains("no such file"),
        "{}",
        status.message
    );
}

async fn commands_run_inside(subject: &Subject<'_>, sandbox: &str) {
    let mut config = subject.container("inside", &["/bin/sleep", "1000"]);
    config.envs = vec![("A".into(), "b".into())];
    config.security = SecurityContext {
        run_as_user: Some(1000),
        seccomp: SeccompProfile::RuntimeDefault,
        ..SecurityContext::default()
    };
    let id = subject.run_container(sandbox, config).await;
    let exec = async |script: &str| {
        let command = vec!["sh".into(), "-c".into(), script.into()];
        subject
            .runtime
            .exec_sync(&id, command, None)
            .await
            .expect("the command runs")
    };
    let result = exec("echo $A; id -u; echo err >&2; exit 7").await;
    assert_eq!(result.stdout, b"b\n1000\n");
    assert_eq!(
        (result.stderr.as_slice(), result.exit_code),
        (&b"err\n"[..], 7)
    );
    let result = exec("grep -E 'CapBnd|Seccomp:' /proc/self/status | tr '\\t' ' '").await;
    assert_eq!(result.stdout, b"CapBnd: 00000000a80425fb\nSeccomp: 2\n");
    assert_eq!(exec("kill -9 $$").await.exit_code, 137);
    let result = exec("i=0; while [ $i -lt 30000 ]; do echo 0123456789; i=$((i+1)); done").await;
    assert_eq!(result.stdout.len(), 330_000);
    // What a command leaves behind does not hold its answer up.
    assert_eq!(exec("sleep 1000 & echo ok").await.stdout, b"ok\n");
    let missing = vec!["no-such-command".to_owned()];
    let result = subject
        .runtime
        .exec_sync(&id, missing, None)
        .await
        .expect("answered");
    assert_eq!(result.exit_code, 127);
    let directory = vec!["/bin".to_owned()];
    let result = subject
        .runtime
        .exec_sync(&id, directory, None)
        .await
        .expect("answered");
    assert_eq!(result.exit_code, 126);
    let many = (0..16).map(|number| {
        let command = vec!["echo".to_owned(), number.to_string()];
        subject.runtime.exec_sync(&id, command, None)
    });
    for (number, result) in futures::future::join_all(many)
        .await
        .into_iter()
        .enumerate()
    {
        let result = result.expect("it runs");
        let told = format!("{number}\n").into_bytes();
        assert_eq!(result.stdout, told, "{result:?}");
    }
    subject
        .runtime
        .remove_container(&id)
        .await
        .expect("a running one is removed");
}

async fn commands_end_in_time(subject: &Subject<'_>, sandbox: &str) {
    let id = subject
        .run_container(sandbox, subject.container("late", &["/bin/sleep", "1000"]))
        .await;
    let command = vec!["sh".into(), "-c".into(), "sleep 777; true".into()];
    let timeout = Some(Duration::from_millis(300));
    let result = subject.runtime.exec_sync(&id, command, timeout).await;
    assert!(
        matches!(result, Err(Error::DeadlineExceeded(_))),
        "{result:?}"
    );
    let script = "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $f; echo; done";
    let command = vec!["sh".into(), "-c".into(), script.into()];
    let left = subject
        .runtime
        .exec_sync(&id, command, None)
        .await
        .expect("it runs")
        .stdout;
    assert!(
        !String::from_utf8_lossy(&left).contains("sleep 777"),
        "it was not killed"
    );
    subject
        .runtime
        .remove_container(&id)
        .await
        .expect("removed");
}

async fn stopping_is_graceful_then_not(subject: &Subject<'_>, sandbox: &str) {
    let polite = "trap 'echo bye; exit 3' TERM; echo up; while true; do sleep 0.05; done";
    let id = subject
        .run_container(sandbox, shell(subject, "polite", polite))
        .await;
    wait_for_line(subject, &id, "stdout F up\n").await;
    subject
        .runtime
        .stop_container(&id, Duration::from_secs(15))
        .await
        .expect("stopped");
    let status = subject.status(&id).await;
    assert_eq!((status.exit_code, status.signal), (3, None));
    assert_eq!(subject.log(&status), "stdout F up\nstdout F bye\n");
    let deaf = "trap '' TERM; echo up; sleep 1000 & while true; do sleep 1; done";
    let id = subject
        .run_container(sandbox, shell(subject, "deaf", deaf))
        .await;
    wait_for_line(subject, &id, "stdout F up\n").await;
    let before = base::Clock::system();
    subject
        .runtime
        .stop_container(&id, Duration::from_millis(500))
        .await
        .expect("stopped");
    let took = before.monotonic();
    assert!(
        took >= Duration::from_millis(500) && took < Duration::from_millis(2500),
        "{took:?}"
    );
    let status = subject.status(&id).await;
    assert_eq!((status.exit_code, status.signal), (137, Some(9)));
}

/// Waits until the container's log begins so; it is running, so no event tells.
async fn wait_for_line(subject: &Subject<'_>, id: &str, expected: &str) {
    let clock = base::Clock::system();
    while !subject.log(&subject.status(id).await).starts_with(expected) {
        assert!(
            clock.monotonic() < Duration::from_secs(20),
            "no output in time"
        );
        clock.sleep(Duration::from_millis(5)).await;
    }
}

async fn logs_are_reopened(subject: &Subject<'_>, sandbox: &str) {
    let script = "echo one; while [ ! -e /go ]; do sleep 0.05; done; echo two";
    let id = subject
        .run_container(sandbox, shell(subject, "rotated", script))
        .await;
    wait_for_line(subject, &id, "stdout F one\n").await;
    let path = subject.status(&id).await.log_path;
    let rotated = path.with_extension("log.old");
    std::fs::rename(&path, &rotated).expect("rotated");
    subject
        .runtime
        .reopen_container_log(&id)
        .await
        .expect("reopened");
    let command = vec!["touch".to_owned(), "/go".to_owned()];
    subject
        .runtime
        .exec_sync(&id, command, None)
        .await
        .expect("it runs");
    let status = subject.wait(&id).await;
    assert_eq!(subject.log(&status), "stdout F two\n");
    let old = std::fs::read_to_string(rotated).expect("readable");
    assert!(old.ends_with("stdout F one\n") && old.lines().count() == 1);
}
