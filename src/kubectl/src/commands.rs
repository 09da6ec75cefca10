//! The commands there are, and their help.

use std::fmt::Write;

use anyhow::Result;
use futures::future::{FutureExt, LocalBoxFuture};

use crate::flags::{self, Flag, Parsed, Takes};
use crate::session::Session;
use crate::{about, apply, config, delete, describe, get, logs, scale};

type Run = for<'a> fn(&'a mut Session, &'a Parsed) -> LocalBoxFuture<'a, Result<()>>;

/// One row of the table.
struct Command {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    flags: &'static [Flag],
    run: Run,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "get",
        usage: "(TYPE[,TYPE] [NAME ...] | TYPE/NAME ... | -f FILE)",
        about: "Display one or many resources",
        flags: get::FLAGS,
        run: |session, parsed| get::run(session, parsed).boxed_local(),
    },
    Command {
        name: "describe",
        usage: "(TYPE [NAME ...] | TYPE/NAME ...)",
        about: "Show details of a resource",
        flags: describe::FLAGS,
        run: |session, parsed| describe::run(session, parsed).boxed_local(),
    },
    Command {
        name: "apply",
        usage: "-f FILE",
        about: "Apply the configuration of files to the cluster",
        flags: apply::APPLY_FLAGS,
        run: |session, parsed| apply::apply(session, parsed).boxed_local(),
    },
    Command {
        name: "create",
        usage: "-f FILE",
        about: "Create the objects of files",
        flags: apply::CREATE_FLAGS,
        run: |session, parsed| apply::create(session, parsed).boxed_local(),
    },
    Command {
        name: "delete",
        usage: "(TYPE NAME ... | TYPE/NAME ... | TYPE -l SELECTOR | TYPE --all | -f FILE)",
        about: "Delete resources",
        flags: delete::FLAGS,
        run: |session, parsed| delete::run(session, parsed).boxed_local(),
    },
    Command {
        name: "scale",
        usage: "--replicas=COUNT (TYPE NAME ... | TYPE/NAME ...)",
        about: "Set a new size of a workload",
        flags: scale::FLAGS,
        run: |session, parsed| scale::run(session, parsed).boxed_local(),
    },
    Command {
        name: "logs",
        usage: "[-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]",
        about: "Print the logs of a container",
        flags: logs::FLAGS,
        run: |session, parsed| logs::run(session, parsed).boxed_local(),
    },
    Command {
        name: "api-resources",
        usage: "",
        about: "Print the resources the server has",
        flags: about::RESOURCES_FLAGS,
        run: |session, parsed| about::api_resources(session, parsed).boxed_local(),
    },
    Command {
        name: "version",
        usage: "",
        about: "Print the versions of client and server",
        flags: about::VERSION_FLAGS,
        run: |session, parsed| about::version(session, parsed).boxed_local(),
    },
];

/// What a full kubectl has beside them.
const ELSEWHERE: &[&str] = &[
    "alpha",
    "annotate",
    "api-versions",
    "attach",
    "auth",
    "autoscale",
    "certificate",
    "cluster-info",
    "completion",
    "config",
    "cordon",
    "cp",
    "debug",
    "diff",
    "drain",
    "edit",
    "events",
    "exec",
    "explain",
    "expose",
    "kustomize",
    "label",
    "options",
    "patch",
    "plugin",
    "port-forward",
    "proxy",
    "replace",
    "rollout",
    "run",
    "set",
    "taint",
    "top",
    "uncordon",
    "wait",
];

/// What a command line asks for.
pub(crate) enum Asked {
    Run(Invocation),
    Help(String),
}

pub(crate) struct Invocation {
    pub run: Run,
    pub parsed: Parsed,
}

/// Finds the command and reads its flags; global flags may stand before it.
///
/// # Errors
/// The lines to print, for a command or flag that is not there.
pub(crate) fn read(args: &[String]) -> Result<Asked, String> {
    let Some(at) = command_at(args) else {
        return Ok(Asked::Help(overview()));
    };
    let name = args[at].as_str();
    if name == "help" {
        let asked = args.get(at + 1).and_then(|name| find(name));
        return Ok(Asked::Help(asked.map_or_else(overview, help)));
    }
    let Some(command) = find(name) else {
        return Err(unknown(name));
    };
    let mut rest = args.to_vec();
    rest.remove(at);
    let parsed = flags::parse(&[command.flags, config::GLOBAL], &rest)
        .map_err(|why| format!("error: {why}\nSee 'kubectl {name} --help' for usage."))?;
    if parsed.is_true("help") {
        return Ok(Asked::Help(help(command)));
    }
    if name == "create" && !parsed.args.is_empty() {
        return Err(elsewhere(&format!("create {}", parsed.args[0])));
    }
    Ok(Asked::Run(Invocation {
        run: command.run,
        parsed,
    }))
}

fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// The first argument that is neither a flag nor a global flag's value.
fn command_at(args: &[String]) -> Option<usize> {
    let takes_next = |arg: &str| {
        let is = |flag: &Flag| match arg.strip_prefix("--") {
            Some(long) => flag.long == long,
            None => flag.short.is_some_and(|short| arg == format!("-{short}")),
        };
        config::GLOBAL
            .iter()
            .any(|flag| flag.takes == Takes::Value && is(flag))
    };
    let mut at = 0;
    while let Some(arg) = args.get(at) {
        if !arg.starts_with('-') {
            return Some(at);
        }
        at += 1 + usize::from(takes_next(arg));
    }
    None
}

fn unknown(name: &str) -> String {
    if ELSEWHERE.contains(&name) {
        return elsewhere(name);
    }
    format!("error: unknown command {name:?} for \"kubectl\"\nRun 'kubectl --help' for usage.")
}

fn elsewhere(name: &str) -> String {
    format!(
        "error: rk3s kubectl does not have {name:?} yet; use a kubectl of version 1.34 to 1.36 \
         with --kubeconfig /etc/rk3s/rk3s.yaml"
    )
}

fn overview() -> String {
    let mut text = String::from("kubectl of rk3s controls the cluster.\n\nCommands:\n");
    for command in COMMANDS {
        let (name, about) = (command.name, command.about);
        writeln!(text, "  {name:<15} {about}").expect("writing to a string cannot fail");
    }
    text.push_str("\nFlags of every command:\n");
    push_flags(&mut text, config::GLOBAL);
    text.push_str("\nUsage:\n  kubectl [command] [flags]\n");
    text
}

fn help(command: &Command) -> String {
    let mut text = format!("{}.\n\nFlags:\n", command.about);
    push_flags(&mut text, command.flags);
    text.push_str("\nFlags of every command:\n");
    push_flags(&mut text, config::GLOBAL);
    let usage = format!("kubectl {} {}", command.name, command.usage);
    writeln!(text, "\nUsage:\n  {} [flags]", usage.trim_end())
        .expect("writing to a string cannot fail");
    text
}

fn push_flags(text: &mut String, flags: &[Flag]) {
    for flag in flags {
        let short = flag
            .short
            .map_or("    ".into(), |short| format!("-{short}, "));
        let default = match flag.default {
            "" => String::new(),
            default => format!(" (default: {default})"),
        };
        writeln!(text, "  {short}--{:<26} {}{default}", flag.long, flag.help)
            .expect("writing to a string cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str) -> String {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match read(&args) {
            Ok(Asked::Run(invocation)) => format!("{:?}", invocation.parsed.args),
            Ok(Asked::Help(text)) => text.lines().next().unwrap_or_default().to_owned(),
            Err(text) => text,
        }
    }

    #[test]
    fn finds_commands_and_names_what_is_missing() {
        let rows = [
            ("", "kubectl of rk3s controls the cluster."),
            ("-n x get pods", r#"["pods"]"#),
            ("get pods -n get", r#"["pods"]"#),
            ("get --help", "Display one or many resources."),
            (
                "exec -it web -- sh",
                "error: rk3s kubectl does not have \"exec\" yet; use a kubectl of version 1.34 to \
                 1.36 with --kubeconfig /etc/rk3s/rk3s.yaml",
            ),
            (
                "gte",
                "error: unknown command \"gte\" for \"kubectl\"\nRun 'kubectl --help' for usage.",
            ),
            (
                "get --foo",
                "error: unknown flag: --foo\nSee 'kubectl get --help' for usage.",
            ),
        ];
        for (line, found) in rows {
            assert_eq!(check(line), found, "{line}");
        }
    }
}
