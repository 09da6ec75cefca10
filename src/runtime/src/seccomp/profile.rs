//! Reading a profile and resolving it for one architecture and capability set.

use serde::{Deserialize, Serialize};

/// moby's default profile reduced to its facts: names, conditions, capabilities.
const DEFAULT: &str = include_str!("default.json");

/// A profile as its file spells it. `architectures` and `archMap` are not read: filters are
/// compiled for this machine's architecture, and any other kills the process.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    default_action: String,
    default_errno_ret: Option<u32>,
    #[serde(default)]
    syscalls: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    names: Vec<String>,
    action: String,
    errno_ret: Option<u32>,
    #[serde(default)]
    args: Option<Vec<RawCondition>>,
    #[serde(default)]
    includes: Scope,
    #[serde(default)]
    excludes: Scope,
}

/// When a group applies.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scope {
    #[serde(default)]
    caps: Vec<String>,
    #[serde(default)]
    arches: Vec<String>,
    /// Kernels older than 4.8 are not supported, so a minimum is always met.
    #[serde(default)]
    min_kernel: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawCondition {
    index: u8,
    value: u64,
    #[serde(default)]
    value_two: u64,
    op: String,
}

/// A profile with every choice made: what a plan carries to the shim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    pub default: Action,
    pub rules: Vec<Rule>,
}

/// System calls (by name; unknown ones are skipped) that get `action` when all conditions hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub names: Vec<String>,
    pub action: Action,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    Allow,
    Log,
    Errno(u32),
    Trap,
    KillThread,
    KillProcess,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    pub argument: u8,
    pub op: Comparison,
    pub value: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// Equal under this mask.
    Masked(u64),
}

/// A profile that cannot be used; the container must not run without it.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    #[error("seccomp profile: {0}")]
    Json(#[from] serde_json::Error),
    #[error("seccomp profile: unknown action {0:?}")]
    Action(String),
    #[error("seccomp profile: action {0} needs an agent, which rk3s does not run")]
    Notify(String),
    #[error("seccomp profile: unknown comparison {0:?}")]
    Comparison(String),
}

/// The policy of `RuntimeDefault` for a process that will hold `capabilities` (CAP_ names).
#[must_use]
pub fn runtime_default(capabilities: &[&str]) -> Policy {
    parse(DEFAULT, capabilities).expect("the embedded profile is tested")
}

/// Reads a profile file's text and resolves it.
///
/// # Errors
/// [`ProfileError`] when it is no profile or asks for what cannot be done.
pub fn parse(text: &str, capabilities: &[&str]) -> Result<Policy, ProfileError> {
    let profile: Profile = serde_json::from_str(text)?;
    let default = action(&profile.default_action, profile.default_errno_ret)?;
    let mut rules = Vec::new();
    for group in profile.syscalls {
        if !group.applies(capabilities) {
            continue;
        }
        let conditions = group.args.unwrap_or_default();
        rules.push(Rule {
            names: group.names,
            action: action(&group.action, group.errno_ret)?,
            conditions: conditions.iter().map(condition).collect::<Result<_, _>>()?,
        });
    }
    Ok(Policy { default, rules })
}

impl Group {
    fn applies(&self, capabilities: &[&str]) -> bool {
        let holds = |name: &String| capabilities.contains(&name.as_str());
        let here = |name: &String| matches!(name.as_str(), "amd64" | "x86_64" | "x32" | "x86");
        let included = self.includes.caps.iter().all(holds)
            && (self.includes.arches.is_empty() || self.includes.arches.iter().any(here));
        let excluded =
            self.excludes.caps.iter().any(holds) || self.excludes.arches.iter().any(here);
        // A group for kernels below a version applies to none that can run this program.
        included && !excluded && self.excludes.min_kernel.is_none()
    }
}

fn action(name: &str, errno: Option<u32>) -> Result<Action, ProfileError> {
    Ok(match name {
        "SCMP_ACT_ALLOW" => Action::Allow,
        "SCMP_ACT_LOG" => Action::Log,
        // EPERM unless said otherwise.
        "SCMP_ACT_ERRNO" => Action::Errno(errno.unwrap_or(1)),
        "SCMP_ACT_TRAP" => Action::Trap,
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => Action::KillThread,
        "SCMP_ACT_KILL_PROCESS" => Action::KillProcess,
        "SCMP_ACT_NOTIFY" | "SCMP_ACT_TRACE" => return Err(ProfileError::Notify(name.to_owned())),
        _ => return Err(ProfileError::Action(name.to_owned())),
    })
}

fn condition(raw: &RawCondition) -> Result<Condition, ProfileError> {
    let (op, value) = match raw.op.as_str() {
        "SCMP_CMP_EQ" => (Comparison::Eq, raw.value),
        "SCMP_CMP_NE" => (Comparison::Ne, raw.value),
        "SCMP_CMP_LT" => (Comparison::Lt, raw.value),
        "SCMP_CMP_LE" => (Comparison::Le, raw.value),
        "SCMP_CMP_GT" => (Comparison::Gt, raw.value),
        "SCMP_CMP_GE" => (Comparison::Ge, raw.value),
        "SCMP_CMP_MASKED_EQ" => (Comparison::Masked(raw.value), raw.value_two),
        other => return Err(ProfileError::Comparison(other.to_owned())),
    };
    Ok(Condition {
        argument: raw.index,
        op,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(policy: &Policy, name: &str) -> bool {
        policy.rules.iter().any(|rule| {
            rule.action == Action::Allow
                && rule.conditions.is_empty()
                && rule.names.iter().any(|n| n == name)
        })
    }

    #[test]
    fn the_default_follows_the_capabilities() {
        let plain = runtime_default(&["CAP_CHOWN", "CAP_SYS_CHROOT"]);
        assert_eq!(plain.default, Action::Errno(1));
        assert!(allows(&plain, "read") && allows(&plain, "chroot") && allows(&plain, "seccomp"));
        for name in [
            "mount",
            "bpf",
            "init_module",
            "clone",
            "settimeofday",
            "setns",
        ] {
            assert!(!allows(&plain, name), "{name}");
        }
        let admin = runtime_default(&["CAP_SYS_ADMIN"]);
        assert!(allows(&admin, "mount") && allows(&admin, "clone") && allows(&admin, "clone3"));
    }

    #[test]
    fn profiles_that_cannot_be_honoured_are_refused() {
        let notify = r#"{"defaultAction":"SCMP_ACT_NOTIFY"}"#;
        assert!(matches!(parse(notify, &[]), Err(ProfileError::Notify(_))));
        assert!(matches!(parse("{}", &[]), Err(ProfileError::Json(_))));
    }
}
