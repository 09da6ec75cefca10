//! Command, environment, user, directory, limits.

use libcontainer::oci_spec::runtime::{
    PosixRlimit, PosixRlimitBuilder, PosixRlimitType, Process, User as OciUser,
};

use super::{Input, SpecError};

/// What a process finds when neither image nor Pod says otherwise.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Open files of a container, where the host allows as many (systemd's and Docker's number).
const OPEN_FILES: u64 = 1_048_576;

/// The container's first process.
pub fn process(input: &Input<'_>) -> Result<Process, SpecError> {
    let mut process = Process::default();
    process
        .set_terminal(Some(false))
        .set_console_size(None)
        .set_user(user(input))
        .set_args(Some(args(input)?))
        .set_command_line(None)
        .set_env(Some(env(input)))
        .set_cwd(cwd(input).into())
        // In the plan: they are dropped after the seccomp filter is loaded.
        .set_capabilities(None)
        .set_rlimits(Some(vec![open_files(input.host.open_files)]))
        .set_no_new_privileges(Some(input.config.security.no_new_privs))
        .set_apparmor_profile(None)
        // Written to init from outside; see the plan.
        .set_oom_score_adj(None)
        .set_selinux_label(None)
        .set_io_priority(None)
        .set_scheduler(None)
        .set_exec_cpu_affinity(None);
    Ok(process)
}

fn user(input: &Input<'_>) -> OciUser {
    let mut user = OciUser::default();
    user.set_uid(input.user.uid)
        .set_gid(input.user.gid)
        .set_umask(Some(0o022))
        .set_additional_gids(Some(input.user.groups.clone()))
        .set_username(None);
    user
}

/// The Pod's command replaces the image's entrypoint and drops its arguments; the Pod's
/// arguments replace the image's.
fn args(input: &Input<'_>) -> Result<Vec<String>, SpecError> {
    let (config, image) = (input.config, input.image);
    let mut command = config.command.clone();
    let mut args = config.args.clone();
    if command.is_empty() {
        if args.is_empty() {
            args.clone_from(&image.cmd);
        }
        command.clone_from(&image.entrypoint);
    }
    command.extend(args);
    if command.is_empty() {
        return Err(SpecError::Invalid("no command specified".to_owned()));
    }
    Ok(command)
}

/// The image's variables, ours where it has none, and the Pod's over both.
fn env(input: &Input<'_>) -> Vec<String> {
    let mut env: Vec<(String, String)> = vec![
        ("PATH".to_owned(), PATH.to_owned()),
        ("HOSTNAME".to_owned(), input.sandbox.hostname.clone()),
    ];
    let image = input
        .image
        .env
        .iter()
        .filter_map(|entry| entry.split_once('='));
    let image = image.map(|(name, value)| (name.to_owned(), value.to_owned()));
    for (name, value) in image.chain(input.config.envs.iter().cloned()) {
        match env.iter_mut().find(|(known, _)| *known == name) {
            Some(entry) => entry.1 = value,
            None => env.push((name, value)),
        }
    }
    // Without it libcontainer asks the C library, which would load the image's modules.
    let home = env.iter_mut().find(|(name, _)| name == "HOME");
    match home {
        Some((_, value)) if value.is_empty() => value.clone_from(&input.user.home),
        Some(_) => {}
        None => env.push(("HOME".to_owned(), input.user.home.clone())),
    }
    env.into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

/// Where the process starts.
pub fn cwd(input: &Input<'_>) -> String {
    let choices = [&input.config.working_dir, &input.image.working_dir];
    let chosen = choices.into_iter().find(|directory| !directory.is_empty());
    match chosen {
        Some(directory) if directory.starts_with('/') => directory.clone(),
        Some(directory) => format!("/{directory}"),
        None => "/".to_owned(),
    }
}

fn open_files(hard: u64) -> PosixRlimit {
    let limit = OPEN_FILES.min(hard);
    PosixRlimitBuilder::default()
        .typ(PosixRlimitType::RlimitNofile)
        .soft(limit)
        .hard(limit)
        .build()
        .expect("all fields are given")
}
