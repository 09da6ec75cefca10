//! From a policy to BPF, and into the kernel.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::profile::{Action, Comparison, Condition, Policy, Rule};
use super::syscalls::{HIGHEST, number};

/// Compiled filters in the order in which they must be loaded.
///
/// A filter of seccompiler has one action for its matches, so each further action is a filter of
/// its own and the kernel takes the strictest answer. The filter with the default comes after
/// them, because it may forbid `seccomp(2)` itself.
#[derive(Clone, Debug, Default)]
pub struct Filters(Vec<BpfProgram>);

/// A policy that does not become a filter: too long, or an impossible argument index.
#[derive(Debug, thiserror::Error)]
#[error("seccomp profile: {0}")]
pub struct CompileError(#[from] seccompiler::BackendError);

/// Compiles a policy for this machine.
///
/// # Errors
/// [`CompileError`].
pub fn compile(policy: &Policy) -> Result<Filters, CompileError> {
    let mut programs = Vec::new();
    let mut actions: Vec<Action> = policy.rules.iter().map(|rule| rule.action).collect();
    actions.sort_unstable();
    actions.dedup();
    for action in actions
        .into_iter()
        .filter(|action| *action != Action::Allow)
    {
        let rules = policy.rules.iter().filter(|rule| rule.action == action);
        programs.push(filter(rules, Action::Allow, action)?);
    }
    if policy.default != Action::Allow {
        // What another filter answers must pass this one.
        programs.push(filter(policy.rules.iter(), policy.default, Action::Allow)?);
        if matches!(policy.default, Action::Errno(_)) && permits_seccomp(policy) {
            programs.push(unknown_is_enosys());
        }
    }
    Ok(Filters(programs))
}

/// Installs the filters in the calling process; it needs CAP_SYS_ADMIN or no_new_privs.
///
/// # Errors
/// The kernel's refusal.
pub fn load(filters: &Filters) -> io::Result<()> {
    for program in &filters.0 {
        let length = u16::try_from(program.len())
            .map_err(|_| io::Error::other("a seccomp filter is too long"))?;
        let filter = libc::sock_fprog {
            len: length,
            filter: program.as_ptr().cast_mut().cast(),
        };
        // SAFETY: SECCOMP_SET_MODE_FILTER (1) reads `len` instructions behind `filter`, which
        // `program` owns for the duration of the call; seccompiler's sock_filter has the kernel's
        // layout (repr(C), the same four fields).
        let loaded = unsafe { libc::syscall(libc::SYS_seccomp, 1, 0, &raw const filter) };
        if loaded != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

fn filter<'a>(
    rules: impl Iterator<Item = &'a Rule>,
    mismatch: Action,
    matched: Action,
) -> Result<BpfProgram, CompileError> {
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let mut unconditional = Vec::new();
    for rule in rules {
        for call in rule.names.iter().filter_map(|name| number(name)) {
            let entry = calls.entry(call).or_default();
            if rule.conditions.is_empty() {
                unconditional.push(call);
            } else {
                let conditions: Result<Vec<_>, _> = rule.conditions.iter().map(compare).collect();
                entry.push(SeccompRule::new(conditions?)?);
            }
        }
    }
    for call in unconditional {
        calls.insert(call, Vec::new());
    }
    let filter = SeccompFilter::new(
        calls,
        verdict(mismatch),
        verdict(matched),
        TargetArch::x86_64,
    )?;
    Ok(filter.try_into()?)
}

fn compare(condition: &Condition) -> Result<SeccompCondition, CompileError> {
    let op = match condition.op {
        Comparison::Eq => SeccompCmpOp::Eq,
        Comparison::Ne => SeccompCmpOp::Ne,
        Comparison::Lt => SeccompCmpOp::Lt,
        Comparison::Le => SeccompCmpOp::Le,
        Comparison::Gt => SeccompCmpOp::Gt,
        Comparison::Ge => SeccompCmpOp::Ge,
        Comparison::Masked(mask) => SeccompCmpOp::MaskedEq(mask),
    };
    let length = SeccompCmpArgLen::Qword;
    Ok(SeccompCondition::new(
        condition.argument,
        length,
        op,
        condition.value,
    )?)
}

fn verdict(action: Action) -> SeccompAction {
    match action {
        Action::Allow => SeccompAction::Allow,
        Action::Log => SeccompAction::Log,
        Action::Errno(errno) => SeccompAction::Errno(errno),
        Action::Trap => SeccompAction::Trap,
        Action::KillThread => SeccompAction::KillThread,
        Action::KillProcess => SeccompAction::KillProcess,
    }
}

fn permits_seccomp(policy: &Policy) -> bool {
    policy
        .rules
        .iter()
        .any(|rule| rule.action == Action::Allow && rule.names.iter().any(|name| name == "seccomp"))
}

/// System calls newer than the table answer ENOSYS and not EPERM, so that a C library falls
/// back to an older one. Among equal actions the filter loaded last wins.
fn unknown_is_enosys() -> BpfProgram {
    /// Load the word at an offset of `seccomp_data`; its first word is the call's number.
    const LOAD: u16 = 0x20;
    const JUMP_IF_GREATER: u16 = 0x25;
    const RETURN: u16 = 0x06;
    const ALLOW: u32 = 0x7fff_0000;
    const ERRNO: u32 = 0x0005_0000;
    /// x32 calls carry this bit; the filter before has answered them.
    const X32: u32 = 0x4000_0000;
    let step = |code, jt, jf, k| seccompiler::sock_filter { code, jt, jf, k };
    let enosys = ERRNO | libc::ENOSYS.unsigned_abs();
    vec![
        step(LOAD, 0, 0, 0),
        step(JUMP_IF_GREATER, 2, 0, X32 - 1),
        step(JUMP_IF_GREATER, 0, 1, HIGHEST),
        step(RETURN, 0, 0, enosys),
        step(RETURN, 0, 0, ALLOW),
    ]
}
